"""Customers of a file, with what they get regularly and what they owed, in rows as people keep them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from marshmallow import ValidationError
from sqlalchemy.orm import Session

from dairy_app.customers import bulk
from dairy_app.customers.queries import new_ids
from dairy_app.customers.rules import number_of_code, plain_name
from dairy_app.customers.schemas import CustomerRow
from dairy_app.customers.service import importing as registering
from dairy_app.importing import queries
from dairy_app.importing.rules import cells
from dairy_app.importing.rules.files import File, Row
from dairy_app.importing.service import opening_balances, standing_orders
from dairy_app.importing.service.taking import Asked, Found, Registered, Taken, refuse_other
from dairy_app.subscriptions.bulk.orders import hold_generation
from dairy_app.subscriptions.service.beginnings import begin_many
from dairy_app.web.failures import field_errors
from dairy_app.web.uploads import plain_heading

_ROW = CustomerRow()
#: How cells of a customer are read before its form judges them.
_READ = {
    "code": cells.whole,
    "phone": cells.phone_of,
    "pincode": lambda cell: cells.whole(cell).replace(" ", ""),
    "stop_sequence": cells.whole,
    "billed_to": cells.whole,
    "delivery_boy": cells.whole,
    "marketing_staff": cells.whole,
    "status": plain_heading,
    "billing_cycle": plain_heading,
    "gst_treatment": plain_heading,
    "payment_terms": plain_heading,
    "channel": plain_heading,
    "credit_limit": lambda cell: f"{cells.amount_of(cell):.2f}",
    "trial_start_date": lambda cell: cells.day_of(cell).isoformat(),
    "login": lambda cell: cells.word_of(cell, cells.YES_OR_NO),
}
#: What ``POST /customers/import`` tells of each.
_TOLD = ("name", "phone", "area", "login")
#: What a household says once, beside what its customer is.
_ONCE = frozenset({*_ROW.fields, "opening_balance", "advance", "dr_cr", "opening_balance_as_of"})
#: So far ahead of the dairy's own codes may those of a file be: a move, and not a slip of the pen.
MOST_CODES_AHEAD = 100_000


@dataclass(slots=True)
class Household:
    """One customer of the file, and its rows: a name at a phone, or a code, is one."""

    code: str | None
    person: tuple[str, str] | None
    said: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    #: As what it is registered already.
    there: Registered | None = None
    id: UUID | None = None

    @property
    def line(self) -> int:
        """Its first row."""
        return self.rows[0].line


def take(session: Session, file: File, asked: Asked) -> Taken:
    """The customers of a file, with their standing orders and opening balances.

    Who is registered already stays as it is: that is a fault, or with ``skip`` only what it does not have yet is added.
    """
    file.require(*((name,) for name in registering.REQUIRED))
    if not asked.dry_run:
        bulk.lock_imports(session)
        hold_generation(session)  # before the customers are locked, as whoever changes a standing order
    households = _households(file)
    _find_registered(session, file, households, asked)
    new = [each for each in households if each.there is None]
    for household, made in zip(new, reversed(new_ids(session, len(new))), strict=True):
        household.id = made
    registered = [each.there.id for each in households if each.there is not None]
    if not asked.dry_run and registered:
        bulk.lock_customers(session, registered)
    customers = _judged(session, file, new)
    stopped = {each["id"]: "status" for each in customers if each.get("status") == "stopped"}
    stopped |= {
        known: "code"
        for known, each in queries.customers_of(session, registered).items()
        if each["status"] == "stopped"
    }
    wanted = [
        order
        for household in households
        for row in household.rows
        for order in standing_orders.wanted_of(file, row, household.id, asked)
    ]
    settled = standing_orders.settle(session, file, wanted, stopped, registered, asked)
    openings = opening_balances.of_households(
        session, file, [(each.line, each.id, each.said) for each in households], asked
    )
    if file.faults:
        return Taken()
    new_areas = registering.areas_to_open(session, customers)
    if not asked.dry_run:
        _pass_codes(session, new)
        registering.write(session, customers, new_areas)
        begin_many(session, asked.actor, [each for _, each in settled.new])
        opening_balances.write(session, asked.actor, openings)
    return Taken(
        created=len(new),
        skipped=len(households) - len(new),
        standing_orders=len(settled.new),
        opening_balances=len(openings),
        logins=sum(each["login"] for each in customers),
        new_areas=new_areas,
        items=_items(session, households, {each["id"]: each for each in customers}, asked),
    )


def _households(file: File) -> list[Household]:
    """The rows of one customer together: by code, else by name and phone."""
    found: list[Household] = []
    by_code: dict[str, Household] = {}
    by_person: dict[tuple[str, str], Household] = {}
    for row in file.rows:
        for column, how in _READ.items():
            if column in row.cells and (read := file.read(row, column, how)) is not None:
                row.cells[column] = read
            else:  # what cannot be read says nothing
                row.cells.pop(column, None)
        code, name, phone = (row.cells.get(column) for column in ("code", "name", "phone"))
        person = (plain_name(name), phone) if name and phone else None
        known = by_code.get(code) if code else None
        if known is None and person is not None and (same := by_person.get(person)) is not None:
            if code and same.code:
                told = f"The same name and phone stand in line {same.line} with the code {same.code}."
                file.refuse(row.line, "name", "duplicate", told)
                continue
            known = same
        if known is None:
            known = Household(code, person, {})
            found.append(known)
            if person is not None:
                by_person.setdefault(person, known)
        elif not _joins(file, known, row):
            continue
        if code:
            known.code = code
            by_code[code] = known
        known.said = {**{each: cell for each, cell in row.cells.items() if each in _ONCE}, **known.said}
        known.rows.append(row)
    return found


def _joins(file: File, known: Household, row: Row) -> bool:
    """Whether a row is another one of the same household: it says nothing else of it, and something to get."""
    before = known.said
    if "name" in row.cells and "name" in before and plain_name(row.cells["name"]) != plain_name(before["name"]):
        told = f"{row.cells.get('code')} stands in line {known.line} for {before['name']}."
        file.refuse(row.line, "code", "duplicate", told)
        return False
    if not standing_orders.names_a_product(row):
        told = f"This customer stands in line {known.line} too, and nothing is to be added to it here."
        file.refuse(row.line, "name" if "name" in row.cells else "code", "duplicate", told)
        return False
    for column in sorted(_ONCE & row.cells.keys() - {"name"}):
        if column in before and before[column] != row.cells[column]:
            told = f"Line {known.line} says {before[column]} of this customer."
            file.refuse(row.line, column, "differs", told)
    return True


def _find_registered(session: Session, file: File, households: Sequence[Household], asked: Asked) -> None:
    """Note who is registered already, by code, or by name and phone."""
    codes = {each.code for each in households if each.code}
    phones = {each.person[1] for each in households if each.person}
    found = Found(session, codes, phones)
    for each in households:
        of_code = found.of_code(each.code) if each.code else None
        each.there = of_code or (_of_person(found, *each.person) if each.person else None)
        if each.there is None:
            continue
        if asked.skip:
            each.id = each.there.id
            refuse_other(file, each.line, each.there, ("name", each.said.get("name")), each.said.get("phone"))
        else:
            told = f"{each.there.code} is registered already."
            file.refuse(each.line, "code" if of_code else "name", "already_exists", told)


def _of_person(found: Found, name: str, phone: str) -> Registered | None:
    return next((each for each in found.at_phone(phone) if each.is_called(name)), None)


def _judged(session: Session, file: File, new: Iterable[Household]) -> list[registering.Row]:
    """The customers that are to be registered, as their form reads them; what is wrong with them is noted."""
    read, last, there = [], queries.last_given_code(session), {each.read_as for each in file.columns}
    for each in new:
        said = {name: cell for name, cell in each.said.items() if name in _ROW.fields}
        number = number_of_code(each.code or "")
        if number is not None and number > last + MOST_CODES_AHEAD:
            told = f"The dairy gives out codes of this form, and is at {last}; {each.code} is far ahead."
            file.refuse(each.line, "code", "invalid", told)
            continue
        for column in registering.REQUIRED:
            if column in there and column not in said:  # or it could not be read, and that is noted
                file.refuse(each.line, column, "required", "Nothing is in this cell.")
        try:
            fields: dict[str, Any] = _ROW.load(said)
        except ValidationError as error:
            for problem in field_errors(error.messages):
                if problem.code != "required":
                    file.refuse(each.line, problem.pointer.removeprefix("/"), problem.code, problem.detail)
            continue
        read.append(registering.Row(line=each.line, id=each.id, **fields))
    for problem in registering.judge(session, read):
        _, _, line, column = problem.pointer.split("/")
        file.refuse(int(line), column, problem.code, problem.detail.removeprefix(f"Line {line}: "))
    return read


def _pass_codes(session: Session, new: Iterable[Household]) -> None:
    """Codes of the dairy's own form that come with a file are given out by it no more."""
    numbers = [number for each in new if (number := number_of_code(each.code or "")) is not None]
    if numbers:
        bulk.pass_codes(session, max(numbers))


def _items(
    session: Session, households: Sequence[Household], read: Mapping[UUID, registering.Row], asked: Asked
) -> list[dict[str, Any]]:
    """Line, id and code of each row; who is not registered yet has no id, and may get a code only then.

    Besides, of who is registered by it, what was ``read``.
    """
    made = {} if asked.dry_run else queries.customers_of(session, {each.id for each in households if each.id})
    items = []
    for each in households:
        customer_id = each.there.id if each.there else None if asked.dry_run else each.id
        code = made[each.id]["code"] if each.id in made else each.there.code if each.there else each.code
        said = {} if each.there or each.id is None else {name: read[each.id][name] for name in _TOLD}
        items += [
            {"line": row.line, "id": customer_id, "code": code, "skipped": each.there is not None, **said}
            for row in each.rows
        ]
    return sorted(items, key=lambda each: each["line"])
