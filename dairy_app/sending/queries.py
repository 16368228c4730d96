"""Messages as the office reads them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, null, select, text
from sqlalchemy.orm import Session

from dairy_app.accounts.models import User
from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.invoices.models import Invoice
from dairy_app.outbox.models import OutboxMessage

_SHOWN = [column for column in OutboxMessage.__table__.columns if column.name not in ("body", "dedupe_key")]


def _messages() -> Select[Any]:
    """Messages, each with code and name of its customer, the name of its login, and the number of its bill.

    The text of a secret one is not read.
    """
    return (
        select(
            *_SHOWN,
            case((OutboxMessage.secret, null()), else_=OutboxMessage.body).label("shown_body"),
            OutboxMessage.last_error.label("error"),
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            User.name.label("user_name"),
            Invoice.number.label("invoice_number"),
        )
        .outerjoin(Customer, Customer.id == OutboxMessage.customer_id)
        .outerjoin(User, User.id == OutboxMessage.user_id)
        .outerjoin(Invoice, Invoice.id == OutboxMessage.invoice_id)
    )


def outbox(
    *,
    status: str | None,
    channel: str | None,
    kind: str | None,
    invoice_id: UUID | None,
    customer_id: UUID | None,
    user_id: UUID | None,
    billing_run_id: UUID | None,
) -> Select[Any]:
    """Messages, filtered."""
    query = _messages()
    wanted = {"status": status, "channel": channel, "kind": kind, "invoice_id": invoice_id}
    wanted |= {"customer_id": customer_id, "user_id": user_id}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(OutboxMessage.__table__.c[name] == value)
    if billing_run_id is not None:
        of_run = select(Invoice.id).where(Invoice.billing_run_id == billing_run_id)
        query = query.where(OutboxMessage.invoice_id.in_(of_run))
    return query


def message(session: Session, message_id: UUID) -> Any:
    """One message; 404 ``message_not_found``."""
    found = session.execute(_messages().where(OutboxMessage.id == message_id)).one_or_none()
    if found is None:
        raise Problem("message_not_found")
    return found


#: Why nothing is to be said about a bill any more; a link that was made before it was revoked leads nowhere.
_WHY_NOT = """
SELECT CASE WHEN i.status <> 'issued' THEN 'the invoice is ' || i.status
    WHEN k.revoked_at > m.created_at THEN 'the link was revoked' END
FROM outbox_messages m
LEFT JOIN invoices i ON i.id = m.invoice_id
LEFT JOIN invoice_links k ON k.invoice_id = m.invoice_id
WHERE m.id = :id"""


def why_not(session: Session, message_id: UUID) -> str | None:
    """Why a message is not to be sent any more; None: it is."""
    found: str | None = session.scalar(text(_WHY_NOT), {"id": message_id})
    return found
