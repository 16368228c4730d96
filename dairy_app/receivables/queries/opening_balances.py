"""Reading opening balances."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from dairy_app.customers.models import Customer
from dairy_app.receivables.models import OpeningBalance
from dairy_app.receivables.queries.payments import _NAMES


def opening_balance_list(customer_id: UUID | None) -> Select[Any]:
    """Opening balances with code and name of the customer."""
    query = select(*OpeningBalance.__table__.columns, *_NAMES).join(Customer, Customer.id == OpeningBalance.customer_id)
    return query if customer_id is None else query.where(OpeningBalance.customer_id == customer_id)


def customers_by_code(session: Session, codes: Sequence[str]) -> dict[str, UUID]:
    """The ids of customers by their codes, also those of merged ones; unknown codes are left out."""
    wanted = text("SELECT code, coalesce(merged_into, id) AS id FROM customers WHERE code = ANY (:codes)")
    rows = session.execute(wanted, {"codes": list(codes)})
    return {row.code: row.id for row in rows}


def with_opening_balance(session: Session, customer_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the customers that have an opening balance."""
    wanted = text("SELECT customer_id FROM opening_balances WHERE customer_id = ANY (:ids)")
    return set(session.scalars(wanted, {"ids": list(customer_ids)}))


def opening_balance(session: Session, opening_id: UUID, *, again: bool = False) -> OpeningBalance | None:
    """One opening balance; ``again``: as it is now, although it was read before."""
    return session.get(OpeningBalance, opening_id, populate_existing=again)
