"""What all kinds of files have in common: what is asked, and what it came to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.customers.bulk import lock_customers
from dairy_app.customers.rules import plain_name
from dairy_app.importing import queries
from dairy_app.importing.rules.cells import phone_of, whole
from dairy_app.importing.rules.columns import Product
from dairy_app.importing.rules.files import File, Row
from dairy_app.web.access import Actor


@dataclass(frozen=True, slots=True)
class Asked:
    """How a file shall be taken. ``skip``: what exists already is left out; else it is a fault.

    ``confirm``: quantities above the dairy's bound are meant.
    """

    actor: Actor
    dry_run: bool
    skip: bool
    confirm: bool
    products: Mapping[str, Product | None]


@dataclass(slots=True)
class Taken:
    """What was written, or would be; ``items``: line, id (None: not yet), code, and whether it was left out."""

    created: int = 0
    skipped: int = 0
    standing_orders: int = 0
    opening_balances: int = 0
    logins: int = 0
    new_areas: Sequence[str] = ()
    items: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Whose:
    """The customer that a row is about."""

    id: UUID
    code: str
    status: str
    #: The column that says so.
    column: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A customer that a code or phone leads to; ``names`` and ``phones``: as it is kept, and before it was merged."""

    id: UUID
    code: str
    names: Sequence[str]
    phones: Sequence[str]

    def is_called(self, name: str) -> bool:
        """Whether this is its name, in whatever capitals and blanks."""
        return plain_name(name) in map(plain_name, self.names)


class Found:
    """The customers that the codes and phones of a file lead to."""

    def __init__(self, session: Session, codes: Collection[str], phones: Collection[str]) -> None:
        self._by_code: dict[str, Registered] = {}
        self._by_phone: dict[str, list[Registered]] = {}
        wanted = {each for code in codes for each in _codes_meant(code)}
        for row in queries.customers_found(session, wanted, phones):
            kept = [row.phone, row.other_phone]
            names = [name for name in (row.name, row.other_name) if name is not None]
            known = Registered(row.id, row.code, names, [phone for phone in kept if phone is not None])
            self._by_code[known.code] = known
            if row.phone is not None:
                self._by_phone.setdefault(row.phone, []).append(known)

    def of_code(self, code: str) -> Registered | None:
        """Who has this code: as it is written, in capitals, or without the fraction that a spreadsheet adds."""
        return next((self._by_code[each] for each in _codes_meant(code) if each in self._by_code), None)

    def at_phone(self, phone: str) -> Sequence[Registered]:
        """Who has this phone."""
        return self._by_phone.get(phone, [])


def _codes_meant(code: str) -> tuple[str, ...]:
    return code, code.upper(), whole(code), whole(code).upper()


def refuse_other(
    file: File, line: int, known: Registered, name: tuple[str, str | None], phone: str | None = None
) -> None:
    """Note where a row says something else than what is kept of the customer that it names; an empty cell says nothing.

    ``name``: its column, and what the row says. A row of another customer must not be taken for this one's.
    """
    column, said = name
    if said is not None and not known.is_called(said):
        file.refuse(line, column, "differs", f"{known.code} is {known.names[0]}, and the row says {said}.")
    if phone is not None and known.phones and phone not in known.phones:
        told = f"{known.code} has the phone {known.phones[0]}, and the row says {phone}."
        file.refuse(line, "phone", "differs", told)


def find_customers(session: Session, file: File, asked: Asked) -> dict[int, Whose]:
    """The customers of the rows by line: by code, else by phone; where several share one, the name decides.

    They are locked unless nothing will be written. Who is not found, or not the one of that name and phone, is noted as
    a fault.
    """
    phones = {row.line: file.read(row, "phone", phone_of) for row in file.rows}
    asking = {phones[row.line] for row in file.rows if "customer_code" not in row.cells}
    codes = {row.cells["customer_code"] for row in file.rows if "customer_code" in row.cells}
    found = Found(session, codes, {phone for phone in asking if phone})
    ids: dict[int, UUID] = {}
    faulty = file.faulty()
    for row in file.rows:
        code, phone = row.cells.get("customer_code"), phones[row.line]
        name = "customer_name", row.cells.get("customer_name")
        if code is not None:
            known = found.of_code(code)
            if known is None:
                file.refuse(row.line, "customer_code", "customer_not_found", f"There is no customer {code}.")
                continue
            refuse_other(file, row.line, known, name, phone)
            ids[row.line] = known.id
        elif phone is not None:
            known = _found_at(file, row, phone, found.at_phone(phone))
            if known is not None:
                refuse_other(file, row.line, known, name)
                ids[row.line] = known.id
        elif row.line not in faulty:
            file.refuse(row.line, "customer_code", "required", "Say whose row it is: by code or phone.")
    if not asked.dry_run:
        lock_customers(session, set(ids.values()))
    known_now = queries.customers_of(session, set(ids.values()))
    column = {row.line: "customer_code" if "customer_code" in row.cells else "phone" for row in file.rows}
    return {
        line: Whose(each, known_now[each]["code"], known_now[each]["status"], column[line])
        for line, each in ids.items()
    }


def _found_at(file: File, row: Row, phone: str, there: Sequence[Registered]) -> Registered | None:
    name = row.cells.get("customer_name", "")
    meant = there
    if len({each.id for each in there}) > 1:
        meant = [each for each in there if each.is_called(name)]
    if len({each.id for each in meant}) == 1:
        return next((each for each in meant if each.is_called(name)), meant[0])
    if there:
        codes = ", ".join(each.code for each in there[:5])
        told = f"{codes} have the phone {phone}: write the code, or the name as it is kept."
        file.refuse(row.line, "phone", "ambiguous", told)
    else:
        file.refuse(row.line, "phone", "customer_not_found", f"No customer has the phone {phone}.")
    return None
