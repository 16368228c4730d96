"""Many payments at once, by the rules of a single one: judged each by each, written together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.errors import FieldError, Problem
from dairy_app.customers.queries import new_ids
from dairy_app.receivables import bulk
from dairy_app.receivables.queries.ledger import balances
from dairy_app.receivables.queries.payments import receipts_of
from dairy_app.receivables.rules import NewPayment, check_day, reference_as_kept
from dairy_app.web.access import Actor
from dairy_app.web.schemas import MAX_MONEY


@dataclass(frozen=True, slots=True)
class Booked:
    """The payment that has a reference already, or is the same without one; ``amount`` in rupees."""

    receipt_no: str
    amount: Decimal
    customer_id: UUID
    customer_code: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One of many payments that are wanted: the columns to write, and what is wrong with it.

    ``booked``: it is there already. ``same_as``: the place of the first that is the same.
    """

    row: dict[str, Any]
    errors: Sequence[FieldError]
    booked: Booked | None
    same_as: int | None


def judge_many(session: Session, wanted: Sequence[NewPayment]) -> list[Judged]:
    """What is wrong with each, as ``record_payment`` would say it to the office; the caller has locked the customers.

    Beside what has a reference, cash of the same customer, day and amount counts as the same: whoever sends a file
    twice does not want it twice. Four statements, however many.
    """
    day, closed = today(session), business_settings(session).books_closed_through
    rows = [_row(place, each, day) for place, each in enumerate(wanted)]
    receipts = {row.place: row for row in receipts_of(session, rows)}
    together = _above_what_fits(session, rows)
    first: dict[tuple[Any, ...], int] = {}
    judged = []
    for place, row in enumerate(rows):
        known = receipts[place]
        errors = _errors_of_day(row["received_on"], day, closed)
        if row["customer_id"] in together:
            errors.append(FieldError("/amount", "too_large", "The customer's balance would be more than can be shown."))
        same_as = first.setdefault(_key(row, known.reference), place)
        booked = None
        if known.receipt_no is not None:
            booked = Booked(known.receipt_no, known.amount, known.customer_id, known.customer_code)
        judged.append(Judged(row, errors, booked, None if same_as == place else same_as))
    return judged


def record_many(session: Session, actor: Actor, judged: Sequence[Judged]) -> list[tuple[UUID, str]]:
    """Book payments that were judged; id and number of each receipt, in this order. They settle what is oldest."""
    if not judged:
        return []
    ids = new_ids(session, len(judged))[::-1]  # lists are in the order of the file
    rows = [{**each.row, "place": place, "id": ids[place]} for place, each in enumerate(judged)]
    written = bulk.insert_payments(session, rows, actor.user_id)
    return [written[place] for place in range(len(rows))]


def _row(place: int, wanted: NewPayment, day: date) -> dict[str, Any]:
    return {
        "place": place,
        "customer_id": wanted.customer_id,
        "amount": wanted.amount,
        "method": wanted.method,
        "received_on": wanted.received_on or day,
        "reference": reference_as_kept(wanted.method, wanted.reference),
        "notes": wanted.notes,
        "collected_by": wanted.collected_by,
    }


def _key(row: dict[str, Any], bare: str | None) -> tuple[Any, ...]:
    """What makes two payments the same: the indexes' rules of references, else everything there is."""
    if bare is None or row["method"] == "cash":
        return tuple(row[name] for name in ("customer_id", "received_on", "amount", "method", "reference"))
    return ("cheque", row["customer_id"], bare) if row["method"] == "cheque" else ("transfer", bare)


def _errors_of_day(received_on: date, day: date, closed: date | None) -> list[FieldError]:
    try:
        check_day("received_on", received_on, day, closed)
    except Problem as problem:
        return list(problem.errors) or [FieldError("/received_on", problem.code, str(problem))]
    return []


def _above_what_fits(session: Session, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """The customers whose balance would be more than an invoice can show."""
    paid: dict[UUID, Decimal] = {}
    for row in rows:
        paid[row["customer_id"]] = paid.get(row["customer_id"], Decimal(0)) + row["amount"]
    owed = balances(session, list(paid))
    return {customer for customer, sum_ in paid.items() if abs(owed.get(customer, Decimal(0)) - sum_) > MAX_MONEY}
