"""Debit notes: charging what an issued invoice asked too little for.

Order of locks: the customer's row, then the invoice, then the series; whatever decides is read after them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.billing.bulk.debiting import DebitDraft, take_number, write
from dairy_app.billing.queries.crediting import financial_year, open_lines
from dairy_app.billing.rules.crediting import NOTHING, Credit, LineCredit, OpenLine
from dairy_app.billing.rules.debiting import charge
from dairy_app.billing.service.crediting import lock_issued, refuse_note_date
from dairy_app.business.queries import today
from dairy_app.catalogue.rules import require_whole
from dairy_app.common.clock import now
from dairy_app.common.errors import invalid
from dairy_app.invoices.models import DebitNote
from dairy_app.invoices.queries.credit_notes import get_visible_note, note_lines
from dairy_app.web.access import Actor
from dairy_app.web.schemas import MAX_MONEY


@dataclass(frozen=True, slots=True)
class DebitRequest:
    """A debit note that is wanted; without a date it is of today."""

    invoice_id: UUID
    reason: str
    lines: Sequence[LineCredit]
    note_date: date | None = None


def issue_debit_note(session: Session, actor: Actor, asked: DebitRequest) -> dict[str, Any]:
    """Charge more on lines of an issued invoice (CGST Act s. 34 (3)); returns the note as ``read_debit_note``.

    ``illegal_transition`` for a document that is not issued, ``period_closed`` in closed books, ``return_filed`` for a
    date in a filed month, ``validation_failed`` for a date the series or the invoice forbids, a line it does not have,
    or a note above what a document can be of. A constant number of statements, however many lines.
    """
    invoice = lock_issued(session, actor, asked.invoice_id)
    day = asked.note_date or today(session)
    refuse_note_date(session, invoice, day)
    lines = {line.line_no: line for line in open_lines(session, invoice.id, day)}
    charges = [_charge(lines, wanted, f"/lines/{position}") for position, wanted in enumerate(asked.lines)]
    total = sum((each.line_total for each in charges), NOTHING)
    if total > Decimal(MAX_MONEY):
        raise invalid("/lines", f"Together {total:.2f} rupees: more than one document can be of.", "range")
    note = DebitDraft(
        invoice_id=invoice.id,
        note_date=day,
        financial_year=financial_year(session, day),
        reason=asked.reason,
        charges=charges,
        exempt_value=sum((each.line_total for each in charges if not lines[each.invoice_line_no].is_taxed), NOTHING),
    )
    number = take_number(session, note.financial_year, day)
    if number.last_date > day:
        raise invalid(
            "/note_date", f"A debit note of {number.last_date} already exists; a new one cannot be dated earlier."
        )
    return read_debit_note(session, actor, write(session, note, number, at=now(), issued_by=actor.user_id))


def _charge(lines: dict[int, OpenLine], wanted: LineCredit, pointer: str) -> Credit:
    line = lines.get(wanted.line_no)
    if line is None:
        raise invalid(f"{pointer}/line_no", f"The invoice has no line {wanted.line_no}.")
    if line.line_total < 0:
        raise invalid(f"{pointer}/line_no", f"Line {line.line_no} is a discount; charge on a line of goods.")
    if wanted.quantity is not None and line.quantity % 1 == 0 and line.is_goods:
        require_whole(line.unit, wanted.quantity, f"{pointer}/quantity")
    charged = charge(line, wanted)
    if (charged.taxable_value if line.is_taxed else charged.line_total) <= 0:
        raise invalid(pointer, f"This much of line {line.line_no} is worth less than one paisa.")
    return charged


def read_debit_note(session: Session, actor: Actor, note_id: UUID) -> dict[str, Any]:
    """A note with its lines, in two statements."""
    note = get_visible_note(session, actor, note_id, DebitNote)
    return {**note, "lines": note_lines(session, note_id, DebitNote)}
