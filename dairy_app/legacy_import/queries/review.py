"""Orders on external invoices that no paid bill record proves."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, func, select, true
from sqlalchemy.orm import Session

from dairy_app.customers.models import Customer
from dairy_app.invoices.models import Invoice
from dairy_app.legacy_import.models import ImportedBill
from dairy_app.orders.models import Order, OrderItem

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


def waiting(customer_id: UUID | None, period: str | None) -> Select[Any]:
    """Orders on external invoices that no paid bill record proves; ``period``: the month of their delivery."""
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


def lock_external(session: Session, order_id: UUID) -> date | None:
    """Lock an order on an external invoice; the day it was delivered, None when it is on none."""
    return session.scalar(
        select(Order.delivered_on)
        .join(Invoice, Invoice.id == Order.invoice_id)
        .where(Order.id == order_id, Invoice.status == "external")
        .with_for_update(of=Order)
    )
