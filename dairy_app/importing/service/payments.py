"""Payments of a file: money that came in, each with a receipt, as if booked one by one."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.customers.queries import staff_called
from dairy_app.importing.rules import cells
from dairy_app.importing.rules.cells import Unreadable
from dairy_app.importing.rules.files import File, Row
from dairy_app.importing.service.taking import Asked, Taken, Whose, find_customers
from dairy_app.receivables.policy import COLLECTORS
from dairy_app.receivables.rules import NewPayment
from dairy_app.receivables.service.many_payments import Booked, Judged, judge_many, record_many


def take(session: Session, file: File, asked: Asked) -> Taken:
    """The payments of registered customers. What is booked already is a fault, or with ``skip`` left out."""
    file.require(("customer_code", "phone"), ("amount",), ("method",))
    whose = find_customers(session, file, asked)
    collectors = _collectors(session, file)
    read = [
        (row.line, _payment(file, row, whose[row.line].id if row.line in whose else None, collectors))
        for row in file.rows
    ]
    faulty = file.faulty()
    wanted = [(line, payment) for line, payment in read if payment is not None and line not in faulty]
    new, known = [], []
    for (line, _), judged in zip(wanted, judge_many(session, [each for _, each in wanted]), strict=True):
        if judged.booked is not None:
            known.append((line, judged.booked.receipt_no))
        else:
            new.append((line, judged))
        column = "reference" if judged.row["reference"] else "amount"
        for error in judged.errors:
            if judged.booked is None or not asked.skip:
                file.refuse(line, error.pointer.strip("/"), error.code, error.detail)
        if judged.same_as is not None:
            file.refuse(line, column, "duplicate", f"Line {wanted[judged.same_as][0]} is the same payment.")
        elif judged.booked is not None and not asked.skip:
            file.refuse(line, column, "already_exists", f"Receipt {judged.booked.receipt_no} is this payment.")
        elif judged.booked is not None:
            _refuse_other(file, line, judged, judged.booked, whose[line])
    if file.faults:
        return Taken()
    made = [] if asked.dry_run else record_many(session, asked.actor, [each for _, each in new])
    items = [
        {
            "line": line,
            "id": made[place][0] if made else None,
            "code": whose[line].code,
            "receipt_no": made[place][1] if made else None,
            "skipped": False,
        }
        for place, (line, _) in enumerate(new)
    ]
    items += [
        {"line": line, "id": None, "code": whose[line].code, "receipt_no": receipt, "skipped": True}
        for line, receipt in known
    ]
    return Taken(len(new), len(known), items=sorted(items, key=lambda each: each["line"]))


def _refuse_other(file: File, line: int, judged: Judged, booked: Booked, whose: Whose) -> None:
    """Note where the receipt with a row's reference is of something else: left out, its money would be nowhere."""
    kept, amount = f"Receipt {booked.receipt_no} with this reference", judged.row["amount"]
    if booked.customer_id != whose.id:
        file.refuse(line, whose.column, "differs", f"{kept} is of {booked.customer_code}, and the row of {whose.code}.")
    if booked.amount != amount:
        file.refuse(line, "amount", "differs", f"{kept} is of {booked.amount} rupees, and the row of {amount}.")


def _payment(file: File, row: Row, customer_id: UUID | None, collectors: dict[str, list[UUID]]) -> NewPayment | None:
    """What a row says; None when it cannot be a payment, which is noted."""
    file.need(row, "amount", "method")
    amount = file.read(row, "amount", cells.rupees_of)
    method = file.read(row, "method", lambda cell: cells.word_of(cell, cells.METHODS))
    received_on = file.read(row, "received_on", cells.day_of)
    reference = file.read(row, "reference", _at_most(100, is_line=True))
    notes = file.read(row, "notes", _at_most(500))
    collector = file.read(row, "collected_by", lambda cell: _collector(cell, collectors))
    if amount is not None and amount <= 0:
        file.refuse(row.line, "amount", "invalid", f"{row.cells['amount']} is not above 0.")
        return None
    if collector is not None and method not in (None, "cash"):
        file.refuse(row.line, "collected_by", "invalid", "Only cash has a collector.")
    if customer_id is None or amount is None or method is None:
        return None
    return NewPayment(customer_id, amount, method, received_on, reference, notes, collector)


def _at_most(longest: int, *, is_line: bool = False) -> Callable[[str], str]:
    def read(cell: str) -> str:
        text = " ".join(cell.split()) if is_line else cell
        if len(text) > longest:
            raise Unreadable("invalid", f"At most {longest} characters.")
        return cells.whole(text) if is_line else text

    return read


def _collectors(session: Session, file: File) -> dict[str, list[UUID]]:
    """The staff that the file names by e-mail, phone or name, in small letters, with those who are called so."""
    named = {_staff_word(cell) for row in file.rows if (cell := row.cells.get("collected_by"))}
    called: dict[str, list[UUID]] = {}
    for role in sorted(COLLECTORS) if named else ():
        for word, ids in staff_called(session, role, named).items():
            called.setdefault(word, []).extend(ids)
    return called


def _collector(cell: str, called: dict[str, list[UUID]]) -> UUID:
    ids = called.get(_staff_word(cell), [])
    if not ids:
        raise Unreadable("user_not_found", f"{cell} is not an active member of staff who collects.")
    if len(ids) > 1:
        raise Unreadable("ambiguous", f"{cell} is several members of staff: name the e-mail or phone.")
    return ids[0]


def _staff_word(cell: str) -> str:
    try:
        return cells.phone_of(cell)
    except Unreadable:
        return cell.strip().lower()
