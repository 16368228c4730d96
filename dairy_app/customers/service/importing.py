"""Many customers at once, by the rules of a single one: each fault named by its line, then written together."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.accounts.bulk.customer_logins import insert_customer_logins
from dairy_app.common.errors import FieldError, Problem
from dairy_app.customers import bulk, queries
from dairy_app.customers.rules import tax_fields
from dairy_app.web.access import Role
from dairy_app.web.uploads import fault

REQUIRED = ("name", "phone", "address_line1", "area")
#: Column → the role of the user it names by e-mail, phone or name.
STAFF = {"delivery_boy": Role.DELIVERY_BOY, "marketing_staff": Role.MARKETING_STAFF}


class Row(dict[str, Any]):
    """A customer of a file: what ``CustomerRow`` read of it by column, and its ``line``."""


def judge(session: Session, rows: Sequence[Row]) -> list[FieldError]:
    """What is wrong with customers that a ``CustomerRow`` read, each with its ``line``; completes them for ``write``.

    Codes of the form that the dairy gives out are taken, too (``bulk.pass_codes``).
    """
    faults = _repeated(rows) + _settle_staff(session, rows) + _settle_payers(session, rows) + _taken(session, rows)
    for row in rows:
        faults += _settle_taxes(row)
    return faults


def areas_to_open(session: Session, rows: Sequence[Row]) -> list[str]:
    """The areas of these customers that there are not yet."""
    known = {name.lower() for name in queries.areas_named(session, {row["area"] for row in rows})}
    return list({row["area"].lower(): row["area"] for row in rows if row["area"].lower() not in known}.values())


def _repeated(rows: Sequence[Row]) -> list[FieldError]:
    """One login is one customer's; a customer without a login may share its phone."""
    faults: list[FieldError] = []
    first: dict[tuple[str, str], int] = {}
    for row in rows:
        for name in ("phone", "email") if row["login"] else ():
            value = row.get(name)
            if value is None:
                continue
            line = first.setdefault((name, value), row["line"])
            if line != row["line"]:
                faults.append(fault(row["line"], name, "duplicate", f"{value} stands in line {line} too."))
    return faults


def _taken(session: Session, rows: Sequence[Row]) -> list[FieldError]:
    """Whoever knows somebody's phone must not get at their login: one that any user holds is refused."""
    logins = {row[name] for row in rows if row["login"] for name in ("phone", "email") if row.get(name)}
    held = queries.held_logins(session, logins) if logins else set()
    faults = []
    for row in rows:
        for name in ("phone", "email"):
            if row["login"] and row.get(name) in held:
                faults.append(fault(row["line"], name, "already_exists", f"{row[name]} is the login of a user."))
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


def _settle_payers(session: Session, rows: Sequence[Row]) -> list[FieldError]:
    """Put the ids of payers, of the file or registered, as ``payer_id`` in the place of their codes."""
    named = {row["billed_to"] for row in rows if "billed_to" in row}
    if not named:
        return []
    of_file = {row["code"]: row for row in rows if "code" in row}
    registered = queries.payers_by_code(session, named - of_file.keys())
    faults = []
    for row in [row for row in rows if "billed_to" in row]:
        code = row["billed_to"]
        other = of_file.get(code) or registered.get(code)
        if other is None:
            faults.append(fault(row["line"], "billed_to", "customer_not_found", f"No customer has the code {code}."))
        elif other is row or other.get("billed_to") is not None:
            detail = f"{code} does not pay for itself."
            faults.append(fault(row["line"], "billed_to", "payer_refused", detail))
        else:
            row["payer_id"] = other["id"]
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
    bulk.insert_customers(session, [{name: row[name] for name in row if name != "billed_to"} for row in rows])
    paid = {row["id"]: row["payer_id"] for row in rows if "payer_id" in row}
    if paid:  # once all of them are there, in whatever order the file has them
        bulk.lock_customers(session, set(paid.values()))
        bulk.set_payers(session, paid)


def _login_of(row: Row) -> dict[str, UUID | str | None]:
    return {"id": row["user_id"], "name": row["name"], "email": row.get("email"), "phone": row["phone"]}
