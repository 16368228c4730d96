"""Opening balances: what customers owed, or had paid in advance, when the books began."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, require_open_books, today
from dairy_app.common.errors import Problem
from dairy_app.customers.queries import get_visible_customer
from dairy_app.receivables import bulk
from dairy_app.receivables.queries.opening_balances import customers_by_code, opening_balance, with_opening_balance
from dairy_app.receivables.rules import check_day
from dairy_app.web.access import Actor

#: Rows shown back; the counts and sums are of all.
SHOWN = 200


@dataclass(frozen=True, slots=True)
class EnteredRow:
    """One opening balance as it was entered."""

    customer_id: UUID
    customer_code: str
    as_of: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered, or would be: amounts in rupees."""

    dry_run: bool
    created: int
    debit: Decimal
    credit: Decimal
    items: Sequence[EnteredRow]


@dataclass(frozen=True, slots=True)
class NewOpeningBalance:
    """What one customer, named by id or by code, owed (above 0) or had paid in advance (below 0) on a day."""

    customer_id: UUID | None
    customer_code: str | None
    as_of: date
    amount: Decimal


def enter_one(session: Session, actor: Actor, wanted: NewOpeningBalance, *, dry_run: bool) -> Entered:
    """The opening balance of one customer.

    Raises ``customer_not_found``, ``period_closed``, ``already_exists``.
    """
    customer_id = wanted.customer_id
    if customer_id is None:
        code = wanted.customer_code or ""
        customer_id = customers_by_code(session, [code]).get(code)
        if customer_id is None:
            raise Problem("customer_not_found")
    customer = get_visible_customer(session, actor, customer_id, lock=True)
    check_day("as_of", wanted.as_of, today(session), business_settings(session).books_closed_through)
    if with_opening_balance(session, [customer.id]):
        raise Problem("already_exists", f"{customer.code} has an opening balance.")
    row = EnteredRow(customer.id, customer.code, wanted.as_of, wanted.amount)
    if not dry_run:
        bulk.insert_opening_balances(session, [asdict(row)], actor.user_id)
    return entered([row], dry_run=dry_run)


def take_back(session: Session, actor: Actor, opening_id: UUID) -> None:
    """Delete an opening balance that was entered wrongly, so that it can be entered anew. The audit log keeps it.

    Raises ``opening_balance_not_found``, ``period_closed`` once the books are closed past its day.
    """
    seen = opening_balance(session, opening_id)
    if seen is not None:
        get_visible_customer(session, actor, seen.customer_id, lock=True)
    found = opening_balance(session, opening_id, again=True)
    if found is None:
        raise Problem("opening_balance_not_found")
    require_open_books(session, found.as_of)
    session.delete(found)
    session.flush()


def entered(rows: Sequence[EnteredRow], *, dry_run: bool) -> Entered:
    """What opening balances come to together."""
    debit = sum((row.amount for row in rows if row.amount > 0), Decimal(0))
    credit = sum((-row.amount for row in rows if row.amount < 0), Decimal(0))
    return Entered(dry_run, len(rows), debit, credit, rows[:SHOWN])
