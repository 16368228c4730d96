"""Corrections of bills: credit notes after issue, adjustments before.

Order of locks: the customer's row, then the invoice, then the series; whatever decides is read after them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.billing.bulk.crediting import NoteDraft, take_number, write
from dairy_app.billing.queries.crediting import financial_year, open_invoice, open_lines
from dairy_app.billing.rules.crediting import (
    NOTHING,
    Credit,
    LineCredit,
    OpenInvoice,
    OpenLine,
    by_amount,
    by_quantity,
    round_off,
    takes_all,
    the_rest,
)
from dairy_app.business.queries import require_open_books, returns_filed_through, today
from dairy_app.catalogue.rules import require_whole
from dairy_app.common.clock import now
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.invoices.bulk import lock_invoice
from dairy_app.invoices.models import Invoice
from dairy_app.invoices.queries.credit_notes import get_visible_note, note_lines
from dairy_app.web.access import Actor


@dataclass(frozen=True, slots=True)
class NoteRequest:
    """A credit note that is wanted. Without ``lines`` all that is left of the invoice; without a date today."""

    invoice_id: UUID
    reason: str
    lines: Sequence[LineCredit] | None = None
    note_date: date | None = None


def issue_credit_note(session: Session, actor: Actor, asked: NoteRequest) -> dict[str, Any]:
    """Take back a part or all of an issued invoice (CGST Act s. 34); returns the note as ``read_credit_note``.

    ``illegal_transition`` for a document that is not issued, ``period_closed`` in closed books, ``credit_exceeds_line``
    above what a line or the invoice has left, ``validation_failed`` for a date the series or the invoice forbids.
    A constant number of statements, however many lines.
    """
    invoice = lock_issued(session, actor, asked.invoice_id)
    day = asked.note_date or today(session)
    refuse_note_date(session, invoice, day)
    lines = open_lines(session, invoice.id, day)
    credits = _credits(lines, asked.lines)
    rates = {line.line_no: line for line in lines}
    note = NoteDraft(
        invoice_id=invoice.id,
        note_date=day,
        financial_year=financial_year(session, day),
        reason=asked.reason,
        credits=credits,
        exempt_value=sum((c.line_total for c in credits if not rates[c.invoice_line_no].is_taxed), NOTHING),
        round_off=_round_off(open_invoice(session, invoice.id, day), lines, credits),
    )
    number = take_number(session, note.financial_year, day)
    if number.last_date > day:
        raise invalid(
            "/note_date", f"A credit note of {number.last_date} already exists; a new one cannot be dated earlier."
        )
    return read_credit_note(session, actor, write(session, note, number, at=now(), issued_by=actor.user_id))


def lock_issued(session: Session, actor: Actor, invoice_id: UUID) -> Invoice:
    """The invoice of a note that is wanted, locked with its customer. Raises illegal_transition, invoice_not_found."""
    invoice = lock_invoice(session, actor, invoice_id)
    if invoice.status != "issued":
        raise Problem(
            "illegal_transition", f"The invoice is {invoice.status}; only an issued one can be corrected by a note."
        )
    return invoice


def refuse_note_date(session: Session, invoice: Invoice, day: date) -> None:
    """Refuse a day that no note of the invoice may be of: to come, before it, in closed books or a filed month."""
    if day > today(session):
        raise invalid("/note_date", "A note cannot be dated in the future.")
    if invoice.invoice_date is not None and day < invoice.invoice_date:
        raise invalid("/note_date", f"Not before the invoice's own date, {invoice.invoice_date}.")
    require_open_books(session, day)
    filed = returns_filed_through(session, today(session))
    if day <= filed:
        raise Problem("return_filed", f"The returns are filed through {filed}; date the note later.")


def _credits(lines: Sequence[OpenLine], asked: Sequence[LineCredit] | None) -> list[Credit]:
    if asked is None:
        return [the_rest(line) for line in lines if line.left_total]
    known = {line.line_no: line for line in lines}
    credits = []
    for position, wanted in enumerate(asked):
        pointer = f"/lines/{position}"
        if wanted.line_no not in known:
            raise invalid(f"{pointer}/line_no", f"The invoice has no line {wanted.line_no}.")
        credits.append(_credit(known[wanted.line_no], wanted, pointer))
    return credits


def _credit(line: OpenLine, wanted: LineCredit, pointer: str) -> Credit:
    if line.line_total < 0:
        raise invalid(f"{pointer}/line_no", f"Line {line.line_no} is a discount; it comes back only with the whole.")
    if wanted.quantity is not None:
        if line.quantity % 1 == 0 and line.is_goods:
            require_whole(line.unit, wanted.quantity, f"{pointer}/quantity")
        if wanted.quantity > line.left_quantity or not line.left_total:
            raise _exceeds(line, pointer, "quantity")
        credit = by_quantity(line, wanted.quantity)
    else:
        assert wanted.amount is not None, "the schema asks for one of both"
        if wanted.amount > line.left_total:
            raise _exceeds(line, pointer, "amount")
        credit = by_amount(line, wanted.amount)
    if (credit.taxable_value if line.is_taxed else credit.line_total) <= 0:
        raise invalid(pointer, f"This much of line {line.line_no} is worth less than one paisa.")
    return credit


def _exceeds(line: OpenLine, pointer: str, name: str) -> Problem:
    left = f"{line.left_total:.2f} rupees and a quantity of {line.left_quantity:.3f}"
    detail = f"Line {line.line_no} has {left} left."
    facts = {"line_no": line.line_no, "amount_left": f"{line.left_total:.2f}"}
    facts["quantity_left"] = f"{line.left_quantity:.3f}"
    return Problem(
        "credit_exceeds_line", detail, [FieldError(f"{pointer}/{name}", "credit_exceeds_line", detail)], facts=facts
    )


def _round_off(invoice: OpenInvoice, lines: Sequence[OpenLine], credits: Sequence[Credit]) -> Decimal:
    """The note's round-off; refused when the lines come to more than the invoice's total has left."""
    rounding = round_off(invoice, credits, takes_all(lines, credits))
    together = sum((credit.line_total for credit in credits), NOTHING)
    if rounding <= -1 or together + rounding <= 0:
        detail = f"The invoice has {invoice.total:.2f} rupees left after credit notes and write-offs."
        raise Problem("credit_exceeds_line", detail, facts={"amount_left": f"{invoice.total:.2f}"})
    return rounding


def read_credit_note(session: Session, actor: Actor, note_id: UUID) -> dict[str, Any]:
    """A note with its lines, in two statements."""
    note = get_visible_note(session, actor, note_id)
    return {**note, "lines": note_lines(session, note_id)}
