"""Customers from a spreadsheet: every row or none, each fault named by its line, looked at before it is written."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marshmallow import ValidationError
from sqlalchemy.orm import Session

from dairy_app.accounts.bulk.customer_logins import insert_customer_logins
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.customers import bulk, queries
from dairy_app.customers.rules import column_of, is_reserved_code, plain_name, tax_fields
from dairy_app.customers.schemas import CustomerRow
from dairy_app.web.access import Role
from dairy_app.web.failures import field_errors
from dairy_app.web.uploads import (
    SAVE_ANEW,
    SEND_WORKBOOK,
    fault,
    has_lost_letters,
    is_shortened,
    refuse_file,
    rows_of,
)

REQUIRED = ("name", "phone", "address_line1", "area")
#: More customers come in several files.
MOST_ROWS = 10_000
#: Rows shown back; the counts are of all.
SHOWN = 200
#: Column → the role of the user it names by e-mail, phone or name.
STAFF = {"delivery_boy": Role.DELIVERY_BOY, "marketing_staff": Role.MARKETING_STAFF}
_ROW = CustomerRow()


class Row(dict[str, Any]):
    """A customer of a file: what ``CustomerRow`` read of it by column, and its ``line``."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written, or would be."""

    dry_run: bool
    created: int
    logins: int
    new_areas: Sequence[str]
    items: Sequence[Row]


def import_customers(session: Session, text: str, *, dry_run: bool) -> Imported:
    """Register the customers of a CSV with their logins. Few statements, however many rows.

    Nobody is invited by it: an invitation is for one person. Raises ``validation_failed`` with the faults of every
    row; a phone, e-mail or code that is taken is one of them.
    """
    if not dry_run:
        bulk.lock_imports(session)
    rows, faults = _read(text)
    faults += judge(session, rows)
    if faults:
        raise refuse_file(faults)
    new_areas = areas_to_open(session, rows)
    if not dry_run:
        write(session, rows, new_areas)
    return Imported(dry_run, len(rows), sum(row["login"] for row in rows), new_areas, rows[:SHOWN])


def judge(session: Session, rows: Sequence[Row], *, may_bring_codes: bool = False) -> list[FieldError]:
    """What is wrong with customers that a ``CustomerRow`` read, each with its ``line``; completes them for ``write``.

    ``may_bring_codes``: codes of the form that the dairy gives out are taken, too (``bulk.pass_codes``).
    """
    faults = _repeated(rows) + _settle_staff(session, rows) + _taken(session, rows, may_bring_codes=may_bring_codes)
    faulty = {each.pointer.rpartition("/")[0] for each in faults}
    faults += [each for each in _there(session, rows) if each.pointer.rpartition("/")[0] not in faulty]
    for row in rows:
        faults += _settle_taxes(row)
    return faults


def areas_to_open(session: Session, rows: Sequence[Row]) -> list[str]:
    """The areas of these customers that there are not yet."""
    known = {name.lower() for name in queries.areas_named(session, {row["area"] for row in rows})}
    return list({row["area"].lower(): row["area"] for row in rows if row["area"].lower() not in known}.values())


def _read(text: str) -> tuple[list[Row], list[FieldError]]:
    """The rows that the form of a customer allows, with their line, and what is wrong with the others."""
    rows: list[Row] = []
    faults: list[FieldError] = []
    for count, (line, cells, header) in enumerate(rows_of(text, _check_header, column_of), 1):
        if count > MOST_ROWS:
            raise invalid("/csv", f"At most {MOST_ROWS:,} rows; send the rest as another file.", "too_many")
        if len(cells) > len(header):
            faults.append(fault(line, header[-1], "columns", f"{len(cells)} cells instead of {len(header)}."))
            continue
        try:
            written = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
            lost = [name for name, cell in written.items() if has_lost_letters(cell)]
            if lost:
                faults += [fault(line, name, "unreadable", SAVE_ANEW) for name in lost]
                continue
            if is_shortened(written.get("phone", "")):
                faults.append(fault(line, "phone", "shortened", SEND_WORKBOOK))
                continue
            rows.append(Row(line=line, **_ROW.load(written)))
        except ValidationError as error:
            found = field_errors(error.messages)
            said = {"required": "Nothing is in this cell."}
            faults += [
                fault(line, each.pointer.removeprefix("/"), each.code, said.get(each.code, each.detail))
                for each in found
            ]
    if not rows and not faults:
        raise invalid("/csv", "The file has no rows.", "empty")
    return rows, faults


def _check_header(header: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name or "(no name)" for name in header if name not in _ROW.fields]
    twice = [name for name, count in Counter(header).items() if count > 1 and name in _ROW.fields]
    wrong = {"missing columns": missing, "unknown columns": unknown, "repeated columns": twice}
    said = "; ".join(f"{words}: {', '.join(names)}" for words, names in wrong.items() if names)
    if said:
        raise invalid("/csv", f"{said.capitalize()}. Known columns: {', '.join(_ROW.fields)}.", "columns")


def _repeated(rows: Sequence[Row]) -> list[FieldError]:
    """One login and one code are one customer's; a customer without a login may share its phone."""
    faults: list[FieldError] = []
    first: dict[tuple[str, str], int] = {}
    for row in rows:
        for name in ("code", *(("phone", "email") if row["login"] else ())):
            value = row.get(name)
            if value is None:
                continue
            line = first.setdefault((name, value), row["line"])
            if line != row["line"]:
                faults.append(fault(row["line"], name, "duplicate", f"{value} stands in line {line} too."))
    return faults


def _taken(session: Session, rows: Sequence[Row], *, may_bring_codes: bool) -> list[FieldError]:
    """Whoever knows somebody's phone must not get at their login: one that any user holds is refused."""
    logins = {row[name] for row in rows if row["login"] for name in ("phone", "email") if row.get(name)}
    codes = {row["code"] for row in rows if row.get("code")}
    held = queries.held_logins(session, logins) if logins else set()
    used = queries.used_codes(session, codes) if codes else set()
    faults = []
    for row in rows:
        for name in ("phone", "email"):
            if row["login"] and row.get(name) in held:
                faults.append(fault(row["line"], name, "already_exists", f"{row[name]} is the login of a user."))
        if row.get("code") in used:
            faults.append(fault(row["line"], "code", "already_exists", f"{row['code']} is another customer's."))
        elif not may_bring_codes and is_reserved_code(row.get("code") or ""):
            faults.append(fault(row["line"], "code", "invalid", "Codes of this form are given out by the dairy."))
    return faults


def _there(session: Session, rows: Sequence[Row]) -> list[FieldError]:
    """A name at a phone is one customer: a file sent twice doubles nobody. Another name there is of the family."""
    there = queries.customers_at(session, {row["phone"] for row in rows})
    first = {(plain_name(each.name), each.phone): f"{each.code} is that customer." for each in there}
    faults = []
    for row in rows:
        key = (plain_name(row["name"]), row["phone"])
        if key in first:
            faults.append(fault(row["line"], "name", "already_exists", first[key]))
        first.setdefault(key, f"The same name and phone stand in line {row['line']}.")
    return faults


def _settle_staff(session: Session, rows: Sequence[Row]) -> list[FieldError]:
    """Put the ids of delivery boys and marketing staff in the place of their logins or names."""
    faults = []
    for column, role in STAFF.items():
        named = {row[column] for row in rows if column in row}
        called = queries.staff_called(session, role, named) if named else {}
        for row in rows:
            word = row.pop(column, None)
            ids = called.get(word.lower(), []) if word is not None else []
            if word is not None and len(ids) != 1:
                code, said = ("ambiguous", "several active users") if ids else ("user_not_found", "not an active user")
                detail = f"{word} is {said} of role {role}{': name the e-mail or phone' if ids else ''}."
                faults.append(fault(row["line"], column, code, detail))
            row[f"{column}_id"] = ids[0] if ids else None
    return faults


def _settle_taxes(row: Row) -> Iterable[FieldError]:
    try:
        row.update(tax_fields(row, known={}))
    except Problem as problem:
        yield from (fault(row["line"], "gstin", each.code, each.detail) for each in problem.errors)


def write(session: Session, rows: Sequence[Row], new_areas: Sequence[str]) -> None:
    """Register customers that were judged, with their logins; each gets an ``id`` unless it has one."""
    ids = queries.new_ids(session, 2 * len(rows))
    for row in rows:
        new_id, user_id = ids.pop(), ids.pop()
        row.setdefault("id", new_id)
        row["user_id"] = user_id if row["login"] else None
    if new_areas:
        bulk.open_areas(session, new_areas)
    insert_customer_logins(session, [_login_of(row) for row in rows if row["login"]])
    bulk.insert_customers(session, rows)


def _login_of(row: Row) -> dict[str, UUID | str | None]:
    return {"id": row["user_id"], "name": row["name"], "email": row.get("email"), "phone": row["phone"]}
