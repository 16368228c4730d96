"""Orders that the earlier system marked as billed: somebody looks whether they really were.

Merely viewing a month set the mark there. Such an order stands on an external paper, outside the ledger, until an
administrator moves it to the draft of its customer; from then on it is billed like any other, once.

A paid bill record over what was delivered proves that it was billed; such an order is not listed. An unpaid one
proves nothing, because a repair wrote such records and set the mark, and no bill ever showed them: the order is listed
with it.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, func, select, text, true
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.invoices.models import Invoice
from dairy_app.legacy_import.models import ImportedBill
from dairy_app.orders.models import Order, OrderItem
from dairy_app.orders.queries import get_visible_order
from dairy_app.web.access import Actor

_AMOUNT = (
    select(func.sum(func.round(OrderItem.delivered_quantity * OrderItem.unit_price, 2)))
    .where(OrderItem.order_id == Order.id)
    .correlate(Order)
    .scalar_subquery()
)


_RECORD = (
    select(
        ImportedBill.amount.label("recorded_amount"),
        ImportedBill.billed_month.label("recorded_month"),
        ImportedBill.is_paid.label("recorded_as_paid"),
    )
    .where(ImportedBill.order_id == Order.id)
    .order_by(ImportedBill.is_paid.desc(), ImportedBill.created_at.desc(), ImportedBill.id)
    .limit(1)
    .lateral("record")
)


_REBILL = """
UPDATE orders SET invoice_id = draft_for(customer_id, delivered_on), updated_at = now()
WHERE id = :order RETURNING invoice_id
"""


def waiting(customer_id: UUID | None, period: str | None) -> Select[Any]:
    """Orders on external papers that no paid bill record proves; ``period``: the month, YYYY-MM, of their delivery."""
    rows = (
        select(
            Order.id,
            Order.legacy_id,
            Order.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Order.status,
            Order.delivered_on,
            _AMOUNT.label("amount"),
            *_RECORD.c,
        )
        .join(Invoice, Invoice.id == Order.invoice_id)
        .join(Customer, Customer.id == Order.customer_id)
        .outerjoin(_RECORD, true())
        .where(
            Invoice.status == "external",
            ~exists().where(ImportedBill.order_id == Order.id, ImportedBill.is_paid, ImportedBill.amount == _AMOUNT),
        )
    )
    if customer_id is not None:
        rows = rows.where(Order.customer_id == customer_id)
    if period is not None:
        rows = rows.where(func.to_char(Order.delivered_on, "YYYY-MM") == period)
    return rows


def rebill(session: Session, actor: Actor, order_id: UUID) -> dict[str, Any]:
    """Move one order from its external paper to the draft of the day it was delivered, or the next one open.

    Raises ``order_not_found`` and, when the order does not stand on an external paper, ``illegal_transition``.
    """
    customer_id = get_visible_order(session, actor, order_id).customer_id
    on = session.scalar(
        select(Order.delivered_on)
        .join(Invoice, Invoice.id == Order.invoice_id)
        .where(Order.id == order_id, Invoice.status == "external")
        .with_for_update(of=Order)
    )
    if on is None:
        raise Problem("illegal_transition", "The order does not stand on a paper of the earlier system.")
    session.execute(text("SELECT open_drafts(ARRAY[:customer]::uuid[], ARRAY[:on]::date[])"),
                    {"customer": customer_id, "on": on})  # fmt: skip
    invoice_id = session.scalar(text(_REBILL), {"order": order_id})
    session.expire_all()
    return {"order_id": order_id, "customer_id": customer_id, "invoice_id": invoice_id, "delivered_on": on}
