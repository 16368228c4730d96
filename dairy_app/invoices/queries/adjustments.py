"""Reading adjustments."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.invoices.models import Adjustment, Invoice
from dairy_app.invoices.rules import month_bounds


def end_of_running_period(session: Session, customer_id: UUID, current: date) -> date:
    """The last day of the billing period that holds ``current``, by the customer's cycle."""
    end: date = session.scalars(
        text("SELECT billing_period_end(billing_cycle, :day) FROM customers WHERE id = :id"),
        {"id": customer_id, "day": current},
    ).one()
    return end


def _adjustments() -> Select[Any]:
    return (
        select(
            *Adjustment.__table__.columns,
            Invoice.status.label("invoice_status"),
            Invoice.number.label("invoice_number"),
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
        )
        .join(Invoice, Invoice.id == Adjustment.invoice_id)
        .join(Customer, Customer.id == Adjustment.customer_id)
    )


def adjustment_list(
    *, customer_id: UUID | None, invoice_id: UUID | None, invoice_status: str | None, period: str | None
) -> Select[Any]:
    """All adjustments, filtered. ``period``: those of a day in the month."""
    query = _adjustments()
    if customer_id is not None:
        query = query.where(Adjustment.customer_id == customer_id)
    if invoice_id is not None:
        query = query.where(Adjustment.invoice_id == invoice_id)
    if invoice_status is not None:
        query = query.where(Invoice.status == invoice_status)
    if period is not None:
        query = query.where(Adjustment.adjusted_on.between(*month_bounds(period)))
    return query


def get_adjustment(session: Session, adjustment_id: UUID) -> dict[str, Any]:
    """An adjustment with the state of its document, else 404 ``adjustment_not_found``."""
    row = session.execute(_adjustments().where(Adjustment.id == adjustment_id)).mappings().one_or_none()
    if row is None:
        raise Problem("adjustment_not_found")
    return dict(row)
