"""Reading links by which customers pay."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from dairy_app.collecting.models import PaymentLink
from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.invoices.models import Invoice

_SHOWN = [each for each in PaymentLink.__table__.c if each.name != "updated_at"]


def link_list(filters: Mapping[str, Any]) -> Select[Any]:
    """Links with whom they are for, filtered."""
    query = (
        select(
            *_SHOWN,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Invoice.number.label("invoice_number"),
        )
        .join(Customer, Customer.id == PaymentLink.customer_id)
        .outerjoin(Invoice, Invoice.id == PaymentLink.invoice_id)
    )
    for name in ("customer_id", "invoice_id", "status"):
        if filters.get(name) is not None:
            query = query.where(getattr(PaymentLink, name) == filters[name])
    return query


def read_link(session: Session, link_id: UUID) -> Row[Any]:
    """One link as clients see it. Raises ``payment_link_not_found``."""
    found = session.execute(link_list({}).where(PaymentLink.id == link_id)).one_or_none()
    if found is None:
        raise Problem("payment_link_not_found")
    return found


def live_link(session: Session, row: Mapping[str, Any]) -> UUID | None:
    """The link that is open for the same customer, invoice and rupees."""
    wanted = select(PaymentLink.id).where(
        PaymentLink.customer_id == row["customer_id"],
        PaymentLink.invoice_id.is_not_distinct_from(row["invoice_id"]),
        PaymentLink.amount == row["amount"],
        PaymentLink.status.in_(("creating", "created")),
    )
    found: UUID | None = session.scalars(wanted).one_or_none()
    return found


def link_told_of(session: Session, gateway: str, link_id: UUID | None, gateway_link_id: str | None) -> Row[Any] | None:
    """The link that an event is about: by our own id, else by the gateway's. Id, customer, invoice and rupees."""
    columns: tuple[Any, ...] = (
        PaymentLink.id,
        PaymentLink.customer_id,
        PaymentLink.invoice_id,
        PaymentLink.amount,
        PaymentLink.status,
    )
    for column, value in ((PaymentLink.id, link_id), (PaymentLink.gateway_id, gateway_link_id)):
        if value is not None:
            wanted = select(*columns).where(column == value, PaymentLink.gateway == gateway)
            found: Row[Any] | None = session.execute(wanted).one_or_none()
            if found is not None:
                return found
    return None
