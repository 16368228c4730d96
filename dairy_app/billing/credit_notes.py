"""The SQL of credit notes: what an invoice has left, writing a note, reading notes.

A note's hash covers what stands in its own rows (``note_content``); what its lines say of goods, HSN and rate is read
from the invoice's lines, which are in the invoice's hash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, RowMapping, Select, select, text
from sqlalchemy.orm import Session

from dairy_app.billing.credit_rules import Credit, OpenLine, OpenPaper
from dairy_app.billing.models import CreditNote, Invoice
from dairy_app.billing.rules import month_bounds
from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.web.access import Actor, Role


def note_content(note: str, lines: str) -> str:
    """The canonical content of a note, as an SQL expression over row ``note`` and its ``lines`` (json).

    Version 1: json text, keys in the order below.
    """
    n = note
    return f"""json_build_object('number', {n}.number, 'customer_id', {n}.customer_id,
        'invoice_id', {n}.invoice_id, 'note_date', {n}.note_date, 'reason', {n}.reason,
        'place_of_supply', {n}.place_of_supply, 'snapshot', {n}.snapshot, 'taxable_value', {n}.taxable_value,
        'exempt_value', {n}.exempt_value, 'cgst', {n}.cgst, 'sgst', {n}.sgst, 'igst', {n}.igst,
        'round_off', {n}.round_off, 'total', {n}.total, 'lines', {lines})::text"""


#: The lines of a note ``l`` as they enter the hash.
NOTE_LINES_CONTENT = """json_agg(json_build_array(l.line_no, l.invoice_line_no, l.quantity, l.taxable_value, l.cgst,
    l.sgst, l.igst, l.line_total) ORDER BY l.line_no)"""


@dataclass(frozen=True, slots=True)
class NoteDraft:
    """A note that was decided on and has no number yet. Amounts in rupees."""

    invoice_id: UUID
    note_date: date
    financial_year: str
    reason: str
    credits: Sequence[Credit]
    exempt_value: Decimal
    round_off: Decimal


def open_lines(session: Session, invoice_id: UUID) -> list[OpenLine]:
    """The lines of an invoice with what earlier notes left of them. Ask after the customer's row is locked."""
    rows = session.execute(
        text("""
            SELECT l.line_no, l.unit, l.source <> 'adjustment' AS is_goods, l.quantity, l.taxable_value,
                l.line_total, l.gst_rate, l.igst,
                l.quantity - coalesce(t.quantity, 0) AS left_quantity,
                l.taxable_value - coalesce(t.taxable_value, 0) AS left_taxable_value,
                l.cgst - coalesce(t.cgst, 0) AS left_cgst, l.igst - coalesce(t.igst, 0) AS left_igst,
                l.line_total - coalesce(t.line_total, 0) AS left_total,
                coalesce(t.price_was_cut, false) AS price_was_cut,
                l.gst_rate > 0 AND l.taxable_value <> l.gross_amount - l.discount AS includes_tax
            FROM invoice_lines l LEFT JOIN (
                SELECT invoice_line_no, sum(quantity) AS quantity, sum(taxable_value) AS taxable_value,
                    sum(cgst) AS cgst, sum(igst) AS igst, sum(line_total) AS line_total,
                    bool_or(quantity IS NULL) AS price_was_cut
                FROM credit_note_lines WHERE invoice_id = :id GROUP BY 1) t ON t.invoice_line_no = l.line_no
            WHERE l.invoice_id = :id ORDER BY l.line_no"""),
        {"id": invoice_id},
    )
    return [OpenLine(**row) for row in rows.mappings()]


def open_paper(session: Session, invoice_id: UUID) -> OpenPaper:
    """What notes and write-offs left of an invoice's total and round-off."""
    row = session.execute(
        text("""
            SELECT i.total - coalesce(n.total, 0) - coalesce(w.amount, 0) AS total,
                i.round_off - coalesce(n.round_off, 0) AS round_off
            FROM invoices i
            CROSS JOIN LATERAL (SELECT sum(c.total) AS total, sum(c.round_off) AS round_off
                FROM credit_notes c WHERE c.invoice_id = i.id) n
            CROSS JOIN LATERAL (SELECT sum(o.amount) AS amount FROM write_offs o WHERE o.invoice_id = i.id) w
            WHERE i.id = :id"""),
        {"id": invoice_id},
    ).one()
    return OpenPaper(row.total, row.round_off)


def financial_year(session: Session, day: date) -> str:
    """The financial year of a day, as it stands in numbers: ``2627``."""
    year: str = session.scalars(
        text("SELECT financial_year(:day, financial_year_start_month) FROM settings"), {"day": day}
    ).one()
    return year


_TAKE_NUMBER = """
INSERT INTO number_series AS n (series, financial_year, next_no, last_date)
SELECT s.credit_note_series, :financial_year, 2, :note_date FROM settings s
ON CONFLICT (series, financial_year) DO UPDATE
    SET next_no = n.next_no + 1, last_date = greatest(n.last_date, excluded.last_date)
RETURNING n.series, n.next_no - 1 AS sequence_no, n.last_hash, n.last_date"""

_WRITE = f"""
WITH taken AS MATERIALIZED (
    SELECT t.line_no::integer, t.invoice_line_no, t.quantity::numeric(10,3), t.taxable_value::numeric(12,2),
        t.cgst::numeric(12,2), t.cgst::numeric(12,2) AS sgst, t.igst::numeric(12,2), t.line_total::numeric(12,2)
    FROM unnest(CAST(:line_nos AS integer[]), CAST(:quantities AS numeric[]), CAST(:taxable_values AS numeric[]),
        CAST(:cgsts AS numeric[]), CAST(:igsts AS numeric[]), CAST(:line_totals AS numeric[]))
        WITH ORDINALITY AS t (invoice_line_no, quantity, taxable_value, cgst, igst, line_total, line_no)
), summed AS (
    SELECT {NOTE_LINES_CONTENT} AS content, sum(l.taxable_value)::numeric(12,2) AS taxable_value,
        sum(l.cgst)::numeric(12,2) AS cgst, sum(l.igst)::numeric(12,2) AS igst, sum(l.line_total) AS lines_total
    FROM taken l
), note AS MATERIALIZED (
    SELECT uuid7() AS id, i.customer_id, i.id AS invoice_id,
        CAST(:series AS text) AS series, CAST(:financial_year AS text) AS financial_year,
        CAST(:sequence_no AS integer) AS sequence_no,
        :series || '/' || :financial_year || '/' || lpad(CAST(:sequence_no AS text), 7, '0') AS number,
        CAST(:note_date AS date) AS note_date, CAST(:reason AS text) AS reason, i.snapshot, i.place_of_supply,
        m.taxable_value, CAST(:exempt_value AS numeric(12,2)) AS exempt_value, m.cgst, m.cgst AS sgst, m.igst,
        CAST(:round_off AS numeric(12,2)) AS round_off,
        (m.lines_total + :round_off)::numeric(12,2) AS total, m.content
    FROM invoices i CROSS JOIN summed m WHERE i.id = :invoice_id
), hashed AS MATERIALIZED (
    SELECT n.*, chain_step(NULL, {note_content("n", "n.content")}, :last_hash) AS document_hash FROM note n
), written AS (
    INSERT INTO credit_notes (id, customer_id, invoice_id, series, financial_year, sequence_no, number, note_date,
        reason, snapshot, place_of_supply, taxable_value, exempt_value, cgst, sgst, igst, round_off, total, issued_at,
        issued_by, document_hash, previous_hash, hash_version)
    SELECT id, customer_id, invoice_id, series, financial_year, sequence_no, number, note_date, reason, snapshot,
        place_of_supply, taxable_value, exempt_value, cgst, sgst, igst, round_off, total, :at, :issued_by,
        document_hash, :last_hash, 1
    FROM hashed
), lines AS (
    INSERT INTO credit_note_lines (credit_note_id, line_no, invoice_id, invoice_line_no, quantity, taxable_value,
        cgst, sgst, igst, line_total)
    SELECT n.id, t.line_no, n.invoice_id, t.invoice_line_no, t.quantity, t.taxable_value, t.cgst, t.sgst, t.igst,
        t.line_total
    FROM taken t CROSS JOIN note n
), chained AS (
    UPDATE number_series SET last_hash = (SELECT document_hash FROM hashed)
    WHERE series = :series AND financial_year = :financial_year
)
SELECT id FROM hashed"""


def take_number(session: Session, financial_year: str, note_date: date) -> Row[Any]:
    """The next number of the credit notes' series: (series, sequence_no, last_hash, last_date).

    Taken last: the series' row is locked until the commit, and whoever fails gives the number back. ``last_date`` is
    after ``note_date`` when a later note has a number already; the caller then refuses.
    """
    return session.execute(text(_TAKE_NUMBER), {"financial_year": financial_year, "note_date": note_date}).one()


def write(session: Session, note: NoteDraft, number: Row[Any], *, at: datetime, issued_by: UUID) -> UUID:
    """Write a note with its lines and hash under a number just taken; returns its id. One statement."""
    credits = note.credits
    lines = {
        "line_nos": [credit.invoice_line_no for credit in credits],
        "quantities": [credit.quantity for credit in credits],
        "taxable_values": [credit.taxable_value for credit in credits],
        "cgsts": [credit.cgst for credit in credits],
        "igsts": [credit.igst for credit in credits],
        "line_totals": [credit.line_total for credit in credits],
    }
    paper = {
        "invoice_id": note.invoice_id,
        "financial_year": note.financial_year,
        "note_date": note.note_date,
        "reason": note.reason,
        "exempt_value": note.exempt_value,
        "round_off": note.round_off,
    }
    numbered = {"series": number.series, "sequence_no": number.sequence_no, "last_hash": number.last_hash}
    note_id: UUID = session.scalars(
        text(_WRITE), {**lines, **paper, **numbered, "at": at, "issued_by": issued_by}
    ).one()
    return note_id


def visible_notes(actor: Actor) -> Select[Any]:
    """The notes an actor may see, with the invoice's number and the customer's code and name."""
    query = (
        select(
            *CreditNote.__table__.columns,
            Invoice.number.label("invoice_number"),
            Invoice.invoice_date,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
        )
        .join(Invoice, Invoice.id == CreditNote.invoice_id)
        .join(Customer, Customer.id == CreditNote.customer_id)
    )
    if actor.role in (Role.ADMIN, Role.ACCOUNTANT):
        return query
    return query.where(CreditNote.customer_id == actor.customer_id)


def note_list(
    actor: Actor,
    *,
    customer_id: UUID | None,
    invoice_id: UUID | None,
    number: str | None,
    period: str | None,
    date_from: date | None,
    date_to: date | None,
) -> Select[Any]:
    """The notes an actor may see, filtered. ``period``: those dated in the month."""
    query = visible_notes(actor)
    if customer_id is not None:
        query = query.where(CreditNote.customer_id == customer_id)
    if invoice_id is not None:
        query = query.where(CreditNote.invoice_id == invoice_id)
    if number is not None:
        query = query.where(CreditNote.number == number)
    if period is not None:
        query = query.where(CreditNote.note_date.between(*month_bounds(period)))
    if date_from is not None:
        query = query.where(CreditNote.note_date >= date_from)
    if date_to is not None:
        query = query.where(CreditNote.note_date <= date_to)
    return query


def get_visible_note(session: Session, actor: Actor, note_id: UUID) -> RowMapping:
    """A note the actor may see, else 404 ``credit_note_not_found``."""
    note = session.execute(visible_notes(actor).where(CreditNote.id == note_id)).mappings().one_or_none()
    if note is None:
        raise Problem("credit_note_not_found")
    return note


def note_lines(session: Session, note_id: UUID) -> Sequence[RowMapping]:
    """The lines of a note, with the goods, HSN, unit, price and rate of the invoice's lines."""
    return (
        session.execute(
            text("""
            SELECT k.line_no, k.invoice_line_no, l.product_id, l.description, l.hsn_code, l.unit, l.unit_price,
                l.supply_type, l.gst_rate, k.quantity, k.taxable_value, k.cgst, k.sgst, k.igst, k.line_total
            FROM credit_note_lines k
            JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
            WHERE k.credit_note_id = :id ORDER BY k.line_no"""),
            {"id": note_id},
        )
        .mappings()
        .all()
    )
