"""Writing a debit note with its lines, number and hash, as a credit note is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from dairy_app.billing.rules.crediting import Credit
from dairy_app.invoices.queries.content import (
    DEBIT_NOTE_COLUMNS,
    DEBIT_NOTE_LINE_COLUMNS,
    NOTE_LINES_CONTENT,
    debit_note_content,
    listed,
)


@dataclass(frozen=True, slots=True)
class DebitDraft:
    """A debit note that was decided on and has no number yet. Amounts in rupees."""

    invoice_id: UUID
    note_date: date
    financial_year: str
    reason: str
    charges: Sequence[Credit]
    exempt_value: Decimal


_TAKE_NUMBER = """
INSERT INTO number_series AS n (series, financial_year, next_no, last_date)
SELECT s.debit_note_series, :financial_year, 2, :note_date FROM settings s
ON CONFLICT (series, financial_year) DO UPDATE
    SET next_no = n.next_no + 1, last_date = greatest(n.last_date, excluded.last_date)
RETURNING n.series, n.next_no - 1 AS sequence_no, n.last_hash, n.last_date"""

_WRITE = f"""
WITH charged AS MATERIALIZED (
    SELECT t.line_no::integer, t.invoice_line_no, t.quantity::numeric(10,3), t.taxable_value::numeric(12,2),
        t.cgst::numeric(12,2), t.cgst::numeric(12,2) AS sgst, t.igst::numeric(12,2), t.line_total::numeric(12,2)
    FROM unnest(CAST(:line_nos AS integer[]), CAST(:quantities AS numeric[]), CAST(:taxable_values AS numeric[]),
        CAST(:cgsts AS numeric[]), CAST(:igsts AS numeric[]), CAST(:line_totals AS numeric[]))
        WITH ORDINALITY AS t (invoice_line_no, quantity, taxable_value, cgst, igst, line_total, line_no)
), summed AS (
    SELECT {NOTE_LINES_CONTENT} AS content, sum(l.taxable_value)::numeric(12,2) AS taxable_value,
        sum(l.cgst)::numeric(12,2) AS cgst, sum(l.igst)::numeric(12,2) AS igst,
        sum(l.line_total)::numeric(12,2) AS total
    FROM charged l
), note AS MATERIALIZED (
    SELECT uuid7() AS id, i.customer_id, i.id AS invoice_id,
        CAST(:series AS text) AS series, CAST(:financial_year AS text) AS financial_year,
        CAST(:sequence_no AS integer) AS sequence_no,
        :series || '/' || :financial_year || '/' || lpad(CAST(:sequence_no AS text), 7, '0') AS number,
        CAST(:note_date AS date) AS note_date, CAST(:note_date AS date) + s.due_days AS due_date,
        CAST(:reason AS text) AS reason, i.snapshot, i.place_of_supply, m.taxable_value,
        CAST(:exempt_value AS numeric(12,2)) AS exempt_value, m.cgst, m.cgst AS sgst, m.igst, m.total,
        CAST(:at AS timestamptz) AS issued_at, CAST(:issued_by AS uuid) AS issued_by, :last_hash AS previous_hash,
        1 AS hash_version, m.content
    FROM invoices i CROSS JOIN summed m CROSS JOIN settings s WHERE i.id = :invoice_id
), hashed AS MATERIALIZED (
    SELECT n.*, chain_step(NULL, {debit_note_content("n", "n.content", "{0}.customer_id")}, :last_hash)
        AS document_hash
    FROM note n
), written AS (
    INSERT INTO debit_notes ({listed(DEBIT_NOTE_COLUMNS)}) SELECT {listed(DEBIT_NOTE_COLUMNS)} FROM hashed
), lines AS (
    INSERT INTO debit_note_lines ({listed(DEBIT_NOTE_LINE_COLUMNS)}) SELECT {listed(DEBIT_NOTE_LINE_COLUMNS)}
    FROM (SELECT t.*, n.id AS debit_note_id, n.invoice_id FROM charged t CROSS JOIN note n) l
), chained AS (
    UPDATE number_series SET last_hash = (SELECT document_hash FROM hashed)
    WHERE series = :series AND financial_year = :financial_year
)
SELECT id FROM hashed"""


def take_number(session: Session, financial_year: str, note_date: date) -> Row[Any]:
    """The next number of the debit notes' series, as ``crediting.take_number``."""
    return session.execute(text(_TAKE_NUMBER), {"financial_year": financial_year, "note_date": note_date}).one()


def write(session: Session, note: DebitDraft, number: Row[Any], *, at: datetime, issued_by: UUID) -> UUID:
    """Write a note with its lines and hash under a number just taken; returns its id. One statement."""
    charges = note.charges
    lines = {
        "line_nos": [each.invoice_line_no for each in charges],
        "quantities": [each.quantity for each in charges],
        "taxable_values": [each.taxable_value for each in charges],
        "cgsts": [each.cgst for each in charges],
        "igsts": [each.igst for each in charges],
        "line_totals": [each.line_total for each in charges],
    }
    paper = {
        "invoice_id": note.invoice_id,
        "financial_year": note.financial_year,
        "note_date": note.note_date,
        "reason": note.reason,
        "exempt_value": note.exempt_value,
    }
    numbered = {"series": number.series, "sequence_no": number.sequence_no, "last_hash": number.last_hash}
    note_id: UUID = session.scalars(
        text(_WRITE), {**lines, **paper, **numbered, "at": at, "issued_by": issued_by}
    ).one()
    return note_id
