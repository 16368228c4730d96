"""Opening balances of a file: what customers owed, or had paid in advance, when the books here began."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.errors import Problem
from dairy_app.importing.rules import cells
from dairy_app.importing.rules.cells import Unreadable
from dairy_app.importing.rules.files import File, Row
from dairy_app.importing.service.taking import Asked, Taken, find_customers
from dairy_app.receivables import bulk
from dairy_app.receivables.queries.opening_balances import with_opening_balance
from dairy_app.receivables.rules import check_day
from dairy_app.web.access import Actor


@dataclass(frozen=True, slots=True)
class Owed:
    """What one customer owed on a day: rupees, below 0 when it had paid in advance.

    ``column``: where a fault of it is told.
    """

    line: int
    column: str
    customer_id: UUID
    as_of: date
    amount: Decimal


def take(session: Session, file: File, asked: Asked) -> Taken:
    """The opening balances of registered customers."""
    file.require(("customer_code", "phone"), ("amount", "advance"))
    whose = find_customers(session, file, asked)
    owed: list[Owed] = []
    first: dict[UUID, int] = {}
    books = _books(session)
    for row in file.rows:
        amount, as_of = _amount(file, row, "amount"), _day(books, file, row, "as_of")
        if amount is None and not row.cells.keys() & {"amount", "advance"}:
            file.refuse(row.line, "amount", "required", "Nothing is in this cell.")
        if row.line not in whose:
            continue
        customer_id = whose[row.line].id
        line = first.setdefault(customer_id, row.line)
        if line != row.line:
            told = f"{whose[row.line].code} stands in line {line} too."
            file.refuse(row.line, whose[row.line].column, "duplicate", told)
        elif amount is not None and as_of is not None:
            owed.append(Owed(row.line, whose[row.line].column, customer_id, as_of, amount))
    new = _without_known(session, file, owed, asked)
    if file.faults:
        return Taken()
    made = {} if asked.dry_run else write(session, asked.actor, new)
    entered = {each.customer_id for each in new}
    items = [
        {
            "line": each.line,
            "id": made.get(each.customer_id),
            "code": whose[each.line].code,
            "customer_code": whose[each.line].code,
            "customer_id": each.customer_id,
            "as_of": each.as_of,
            "amount": each.amount,
            "skipped": each.customer_id not in entered,
        }
        for each in owed
    ]
    return Taken(len(new), len(owed) - len(new), opening_balances=len(new), items=items)


def of_households(
    session: Session, file: File, households: Sequence[tuple[int, UUID | None, Mapping[str, str]]], asked: Asked
) -> list[Owed]:
    """What the customers of a file owed, of whom each says it once: (line, customer, cells)."""
    owed, books = [], _books(session)
    first: dict[UUID, int] = {}
    for line, customer_id, said in households:
        row = Row(line, {name: cell for name, cell in said.items() if name in _OF_HOUSEHOLD})
        amount = _amount(file, row, "opening_balance") if row.cells else None
        if amount is not None and customer_id is not None:
            as_of = _day(books, file, row, "opening_balance_as_of")
            before = first.setdefault(customer_id, line)
            if before != line:
                file.refuse(line, "opening_balance", "duplicate", f"The customer stands in line {before} too.")
            elif as_of is not None:
                owed.append(Owed(line, "opening_balance", customer_id, as_of, amount))
    return _without_known(session, file, owed, asked)


_OF_HOUSEHOLD = frozenset({"opening_balance", "advance", "dr_cr", "opening_balance_as_of"})


def write(session: Session, actor: Actor, owed: Sequence[Owed]) -> dict[UUID, UUID]:
    """Enter opening balances that were judged; their ids by customer."""
    if not owed:
        return {}
    rows = [{"customer_id": each.customer_id, "as_of": each.as_of, "amount": each.amount} for each in owed]
    return bulk.insert_opening_balances(session, rows, actor.user_id)


def _amount(file: File, row: Row, column: str) -> Decimal | None:
    """Owed above 0, paid in advance below: the advance may have a column of its own, the side one, too."""
    owed, on = file.read(row, column, cells.balance_of) or (None, 0)
    advance = file.read(row, "advance", _advance)
    side = file.read(row, "dr_cr", cells.side_of)
    if owed and advance:
        file.refuse(row.line, "advance", "ambiguous", "Either something is owed, or it was paid in advance.")
        return None
    amount, on = (-advance, -1) if advance else (advance if owed is None else owed, on)
    if amount and side and on and side != on:
        told = f"{row.cells['dr_cr']} is the other side than that of {row.cells['advance' if advance else column]}."
        file.refuse(row.line, "dr_cr", "ambiguous", told)
        return None
    return amount if not amount or side is None else side * abs(amount)


def _advance(cell: str) -> Decimal:
    """What was paid in advance, from a column of its own: there it has no sign."""
    amount, side = cells.balance_of(cell)
    if side > 0 or (side < 0 and not cells.names_a_side(cell)):
        raise Unreadable("ambiguous", f"{cell} in the column of advances: was it paid in advance, or is it owed?")
    return abs(amount)


@dataclass(frozen=True, slots=True)
class Books:
    """Today, and the day through which the books are closed."""

    today: date
    closed: date | None


def _books(session: Session) -> Books:
    return Books(today(session), business_settings(session).books_closed_through)


def _day(books: Books, file: File, row: Row, column: str) -> date | None:
    """Today, unless the row names a day, on which the books must be open."""
    as_of = file.read(row, column, cells.day_of) if column in row.cells else books.today
    if as_of is None:
        return None
    try:
        check_day(column, as_of, books.today, books.closed)
    except Problem as problem:
        file.refuse(row.line, column, problem.errors[0].code if problem.errors else problem.code, str(problem))
        return None
    return as_of


def _without_known(session: Session, file: File, owed: Sequence[Owed], asked: Asked) -> list[Owed]:
    """Those whose customer has no opening balance yet; with ``skip`` the others are left out, else they are faults."""
    known = with_opening_balance(session, [each.customer_id for each in owed])
    if not asked.skip:
        for each in owed:
            if each.customer_id in known:
                file.refuse(each.line, each.column, "already_exists", "The customer has an opening balance.")
    return [each for each in owed if each.customer_id not in known]
