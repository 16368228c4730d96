"""Reading refunds, and how much can be paid back."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.receivables.models import Refund
from dairy_app.receivables.policy import visible_refunds
from dairy_app.receivables.queries.payments import _NAMES
from dairy_app.web.access import Actor
from dairy_app.web.pages import Key


def credit_since(session: Session, customer_id: UUID, day: date) -> Decimal:
    """The least credit that a customer has had on any day from ``day`` on, in rupees; below 0 it owed as much."""
    wanted = text("SELECT credit_since(:customer, :day)")
    return Decimal(session.scalars(wanted, {"customer": customer_id, "day": day}).one())


def get_visible_refund(session: Session, actor: Actor, refund_id: UUID, *, lock: bool = False) -> Refund:
    """A refund the actor may see, or 404 ``refund_not_found``; with ``lock`` as it is once nobody else has it."""
    query = select(Refund).where(Refund.id == refund_id, visible_refunds(actor))
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    refund = session.scalars(query).one_or_none()
    if refund is None:
        raise Problem("refund_not_found")
    return refund


def refund_list(actor: Actor, filters: Mapping[str, Any]) -> Select[Any]:
    """The refunds an actor may see, with code and name of the customer, filtered."""
    query = (
        select(*Refund.__table__.columns, *_NAMES)
        .join(Customer, Customer.id == Refund.customer_id)
        .where(visible_refunds(actor))
    )
    for name in ("customer_id", "method", "status", "paid_by"):
        if filters[name] is not None:
            query = query.where(getattr(Refund, name).in_(filters[name]))
    if filters["voucher_no"] is not None:
        query = query.where(Refund.voucher_no == filters["voucher_no"])
    if filters["reference"] is not None:
        query = query.where(func.bare_reference(Refund.reference) == func.bare_reference(filters["reference"]))
    if filters["paid_from"] is not None:
        query = query.where(Refund.paid_on >= filters["paid_from"])
    if filters["paid_to"] is not None:
        query = query.where(Refund.paid_on <= filters["paid_to"])
    return query


def refund_keys(sort: str) -> list[Key]:
    """What a list of refunds in this order is read by."""
    first: dict[str, Key] = {"paid_on": Refund.paid_on, "amount": Refund.amount, "customer_name": _NAMES[1]}
    return [first[sort.removeprefix("-")], Refund.id]


def refund_view(session: Session, refund: Refund) -> dict[str, Any]:
    """A refund with code and name of the customer."""
    fields = {column.key: getattr(refund, column.key) for column in Refund.__table__.columns}
    return {**fields, **session.execute(select(*_NAMES).where(Customer.id == refund.customer_id)).mappings().one()}
