"""Bank statements: kept line by line, proposed whose each is, booked as a person says."""

from collections.abc import Mapping, Sequence, Set
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dairy_app.collecting.bulk import statements as bulk
from dairy_app.collecting.queries import statements as queries
from dairy_app.collecting.rules.mt940 import is_mt940, read_mt940
from dairy_app.collecting.rules.statements import Choice, NewStatement, method_of, read_statement
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.customers.bulk import lock_customers
from dairy_app.importing.queries import customers_of
from dairy_app.receivables.queries.ledger import balances
from dairy_app.receivables.rules import NewPayment
from dairy_app.receivables.service.many_payments import Judged, judge_many, record_many
from dairy_app.web.access import Actor
from dairy_app.web.uploads import refuse_file


def keep_statement(session: Session, actor: Actor, sent: NewStatement) -> UUID:
    """Keep a statement: its lines that were not in one before; its id. All of it, or nothing.

    Raises ``validation_failed`` with the line and the column of each fault.
    """
    account = (sent.account or "").strip()
    if not account:
        raise invalid("/account", "Say which account it is of.", "required")
    read = read_mt940(sent.csv) if is_mt940(sent.csv) else read_statement(sent.csv)
    if read.faults:
        raise refuse_file(read.faults)
    bulk.lock_account(session, account)
    return bulk.keep_statement(session, account, read.lines, actor.user_id)


def with_proposals(session: Session, rows: Sequence[RowMapping]) -> list[dict[str, Any]]:
    """Lines with whose payment each open one may be: ``proposal`` where there is one best answer.

    A line whose reference is a payment's already is ``already_booked``. Three statements, however many lines.
    """
    waiting = [row["id"] for row in rows if row["state"] == "open"]
    found = queries.proposals(session, waiting)
    owed = balances(session, sorted({each["customer_id"] for some in found.values() for each in some}))
    shown = []
    for row in rows:
        line: dict[str, Any] = {**row, "proposal": None, "candidates": []}
        some = found.get(row["id"], [])
        if some and some[0]["rank"] == 0:
            line |= {"state": "already_booked", "receipt_no": some[0]["receipt_no"]}
        elif some:
            line["candidates"] = _candidates(some, owed)
            best = [each for each in some if each["rank"] == some[0]["rank"]]
            line["proposal"] = line["candidates"][0] if len(best) == 1 else None
        shown.append(line)
    return shown


def _candidates(found: Sequence[RowMapping], owed: dict[UUID, Any]) -> list[dict[str, Any]]:
    """Each customer once, by its best reason."""
    first: dict[UUID, dict[str, Any]] = {}
    for each in found:
        first.setdefault(each["customer_id"], {**each, "balance": owed.get(each["customer_id"], 0)})
    return list(first.values())


def accept(session: Session, actor: Actor, statement_id: UUID, choices: Sequence[Choice]) -> list[dict[str, Any]]:
    """Book lines as payments of the customers that are named: all or none; line, id and receipt of each.

    Raises ``bank_statement_not_found``; ``validation_failed`` with what is wrong at which line: not of this statement,
    no money that came in, booked, taken back by the bank, no such customer, and whatever a payment is refused for.
    """
    queries.read_statement(session, statement_id)
    locked = bulk.lock_lines(session, statement_id, [each.line for each in choices])
    customers = customers_of(session, {each.customer_id for each in choices})
    lock_customers(session, sorted(customers))
    gone = queries.lines_taken_back(session, sorted(locked))
    errors = _wrong_lines([each.line for each in choices], "/lines/{}/line", locked, gone)
    errors += [
        FieldError(f"/lines/{place}/customer_id", "customer_not_found", "There is no such customer.")
        for place, each in enumerate(choices)
        if each.customer_id not in customers
    ]
    if errors:
        raise _refusal(sorted(errors, key=lambda each: int(each.pointer.split("/")[2])), "booked")
    wanted = [_payment(locked[each.line], each.customer_id) for each in choices]
    judged = judge_many(session, wanted)
    receipts = [each.booked.receipt_no for each in judged if each.booked is not None]
    of_lines = queries.receipts_of_lines(session, receipts)
    for place, payment in enumerate(judged):
        errors += _errors(place, payment, of_lines)
    if errors:
        raise _refusal(errors, "booked")
    made = record_many(session, actor, judged)
    bulk.book_lines(session, {c.line: key for c, (key, _) in zip(choices, made, strict=True)}, actor.user_id)
    return [
        {"line": c.line, "payment_id": key, "receipt_no": receipt}
        for c, (key, receipt) in zip(choices, made, strict=True)
    ]


def dismiss(session: Session, actor: Actor, statement_id: UUID, line_ids: Sequence[UUID], reason: str) -> None:
    """Say that lines are no customer's payments: all or none. They can still be booked.

    Raises ``bank_statement_not_found``; ``validation_failed`` with what is wrong at which line: not of this statement,
    no money that came in, booked.
    """
    queries.read_statement(session, statement_id)
    locked = bulk.lock_lines(session, statement_id, line_ids)
    errors = _wrong_lines(line_ids, "/lines/{}", locked)
    if errors:
        raise _refusal(errors, "dismissed")
    bulk.dismiss_lines(session, line_ids, reason, actor.user_id)


def _wrong_lines(
    line_ids: Sequence[UUID], pointer: str, locked: Mapping[UUID, Any], gone: Set[UUID] = frozenset()
) -> list[FieldError]:
    """What is wrong with lines that somebody decides about; ``pointer`` with ``{}`` for the place.

    ``gone``: those that the bank has taken back, where that matters.
    """
    errors: list[FieldError] = []
    seen: set[UUID] = set()
    for place, line_id in enumerate(line_ids):
        line, at = locked.get(line_id), pointer.format(place)
        if line is None:
            errors.append(FieldError(at, "line_not_found", "The statement has no such line."))
        elif line_id in seen:
            errors.append(FieldError(at, "duplicate", "The line is named twice."))
        elif line.amount < 0:
            errors.append(FieldError(at, "not_a_credit", "The money went out."))
        elif line.payment_status == "received":
            errors.append(FieldError(at, "already_exists", f"Receipt {line.receipt_no} is this line."))
        elif line_id in gone:
            errors.append(FieldError(at, "reversed", "The bank has taken it back."))
        seen.add(line_id)
    return errors


def _payment(line: Any, customer_id: UUID) -> NewPayment:
    return NewPayment(
        customer_id,
        line.amount,
        method_of(line.narration),
        line.day,
        line.reference,
        f"{line.account}: {line.narration}"[:500],
    )


def _errors(place: int, judged: Judged, of_lines: set[str]) -> list[FieldError]:
    """What a payment is refused for. Without a reference two equal lines are two payments: the bank says so.

    ``of_lines``: the receipts that other lines of a bank are.
    """
    pointer = f"/lines/{place}/line"
    found = [FieldError(pointer, each.code, each.detail) for each in judged.errors]
    is_known_by = judged.row["reference"] is not None
    if judged.booked is not None and (is_known_by or judged.booked.receipt_no not in of_lines):
        found.append(FieldError(pointer, "already_exists", f"Receipt {judged.booked.receipt_no} is this payment."))
    elif judged.same_as is not None and is_known_by:
        found.append(FieldError(pointer, "duplicate", "Another line that is chosen has the same reference."))
    return found


def _refusal(errors: list[FieldError], done: str) -> Problem:
    return Problem("validation_failed", f"Nothing was {done}: {errors[0].detail}", errors)
