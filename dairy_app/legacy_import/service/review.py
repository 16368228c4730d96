"""Orders that the earlier system marked as billed: somebody looks whether they really were.

Merely viewing a month set the mark there. Such an order is on an external document, outside the ledger, until an
administrator moves it to the draft of its customer; from then on it is billed like any other, once.

A paid bill record over what was delivered proves that it was billed; such an order is not listed. An unpaid one
proves nothing, because a repair wrote such records and set the mark, and no bill ever showed them: the order is listed
with it.
"""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.legacy_import.queries.review import lock_external
from dairy_app.legacy_import.writing.review import move_to_draft
from dairy_app.orders.queries import get_visible_order
from dairy_app.web.access import Actor


def rebill(session: Session, actor: Actor, order_id: UUID) -> dict[str, Any]:
    """Move one order from its external document to the draft of the day it was delivered, or the next one open.

    Raises ``order_not_found`` and, when the order is not on an external invoice, ``illegal_transition``.
    """
    customer_id = get_visible_order(session, actor, order_id).customer_id
    on = lock_external(session, order_id)
    if on is None:
        raise Problem("illegal_transition", "The order is not on an invoice of the earlier system.")
    invoice_id = move_to_draft(session, customer_id, order_id, on)
    session.expire_all()
    return {"order_id": order_id, "customer_id": customer_id, "invoice_id": invoice_id, "delivered_on": on}
