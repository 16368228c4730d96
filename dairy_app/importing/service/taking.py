"""What all kinds of files have in common: what is asked, and what it came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.customers.bulk import lock_customers
from dairy_app.customers.rules import plain_name
from dairy_app.importing import queries
from dairy_app.importing.rules.cells import phone_of
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


def find_customers(session: Session, file: File, asked: Asked) -> dict[int, Whose]:
    """The customers of the rows by line: by code, else by phone; where several share one, the name decides.

    They are locked unless nothing will be written. Who is not found is noted as a fault.
    """
    phones = {row.line: file.read(row, "phone", phone_of) for row in file.rows if "customer_code" not in row.cells}
    written = {row.cells["customer_code"] for row in file.rows if "customer_code" in row.cells}
    codes = written | {code.upper() for code in written}
    by_code: dict[str, UUID] = {}
    by_phone: dict[str, list[tuple[UUID, str, str]]] = {}
    for found in queries.customers_found(session, codes, {phone for phone in phones.values() if phone}):
        if found.phone is None:
            by_code[found.code] = found.id
        else:
            by_phone.setdefault(found.phone, []).append((found.id, found.code, found.name))
    ids: dict[int, UUID] = {}
    faulty = file.faulty()
    for row in file.rows:
        code, phone = row.cells.get("customer_code"), phones.get(row.line)
        if code is not None:
            found_id = by_code.get(code) or by_code.get(code.upper())
            if found_id is None:
                file.refuse(row.line, "customer_code", "customer_not_found", f"There is no customer {code}.")
            else:
                ids[row.line] = found_id
        elif phone is not None:
            _find_at(file, row, phone, by_phone.get(phone, []), ids)
        elif row.line not in faulty:
            file.refuse(row.line, "customer_code", "required", "Say whose row it is: by code or phone.")
    if not asked.dry_run:
        lock_customers(session, set(ids.values()))
    known = queries.customers_of(session, set(ids.values()))
    return {line: Whose(each, known[each]["code"], known[each]["status"]) for line, each in ids.items()}


def _find_at(file: File, row: Row, phone: str, there: Sequence[tuple[UUID, str, str]], ids: dict[int, UUID]) -> None:
    name = plain_name(row.cells.get("customer_name", ""))
    meant = {each for each, _, _ in there}
    if len(meant) > 1:
        meant = {each for each, _, known in there if known == name}
    if len(meant) == 1:
        ids[row.line] = meant.pop()
    elif there:
        codes = ", ".join(code for _, code, _ in there[:5])
        told = f"{codes} have the phone {phone}: write the code, or the name as it is kept."
        file.refuse(row.line, "phone", "ambiguous", told)
    else:
        file.refuse(row.line, "phone", "customer_not_found", f"No customer has the phone {phone}.")
