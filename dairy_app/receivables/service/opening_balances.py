"""Opening balances: one, or a file of them, all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, require_open_books, today
from dairy_app.common.errors import FieldError, Problem
from dairy_app.customers.bulk import lock_customers
from dairy_app.customers.queries import get_visible_customer
from dairy_app.receivables import bulk
from dairy_app.receivables.queries.opening_balances import customers_by_code, opening_balance, with_opening_balance
from dairy_app.receivables.rules import OpeningRow, check_day, read_opening_rows
from dairy_app.web.access import Actor
from dairy_app.web.uploads import fault, refuse_file

#: Rows shown back; the counts and sums are of all.
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered, or would be: amounts in rupees."""

    dry_run: bool
    created: int
    debit: Decimal
    credit: Decimal
    items: Sequence[dict[str, Any]]


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
    row = OpeningRow(0, customer.code, wanted.as_of, wanted.amount)
    return _enter(session, actor, [row], {customer.code: customer.id}, dry_run=dry_run)


def enter_file(session: Session, actor: Actor, text: str, *, dry_run: bool) -> Entered:
    """The opening balances of a CSV: every row or none. Few statements, however many rows.

    Raises ``validation_failed`` with the faults of every row.
    """
    rows, faults = read_opening_rows(text)
    ids = customers_by_code(session, [row.customer_code for row in rows])
    lock_customers(session, list(ids.values()))
    known = with_opening_balance(session, list(ids.values()))
    day, closed = today(session), business_settings(session).books_closed_through
    faults += [each for row in rows if (each := _fault(row, ids.get(row.customer_code), known, day, closed))]
    if faults:
        raise refuse_file(faults)
    return _enter(session, actor, rows, ids, dry_run=dry_run)


def _fault(
    row: OpeningRow, customer_id: UUID | None, known: set[UUID], day: date, closed: date | None
) -> FieldError | None:
    if customer_id is None:
        return fault(row.line, "customer_code", "customer_not_found", f"There is no customer {row.customer_code}.")
    if customer_id in known:
        return fault(row.line, "customer_code", "already_exists", f"{row.customer_code} has an opening balance.")
    try:
        check_day("as_of", row.as_of, day, closed)
    except Problem as problem:
        return fault(row.line, "as_of", problem.errors[0].code if problem.errors else problem.code, str(problem))
    return None


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


def _enter(
    session: Session, actor: Actor, rows: Sequence[OpeningRow], ids: dict[str, UUID], *, dry_run: bool
) -> Entered:
    written = [
        {
            "customer_id": ids[row.customer_code],
            "customer_code": row.customer_code,
            "as_of": row.as_of,
            "amount": row.amount,
        }
        for row in rows
    ]
    if not dry_run:
        bulk.insert_opening_balances(session, written, actor.user_id)
    debit = sum((row.amount for row in rows if row.amount > 0), Decimal(0))
    credit = sum((-row.amount for row in rows if row.amount < 0), Decimal(0))
    return Entered(dry_run, len(rows), debit, credit, written[:SHOWN])
