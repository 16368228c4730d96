"""What credit notes and write-offs left of an invoice."""

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.billing.rules.crediting import OpenInvoice, OpenLine


def open_lines(session: Session, invoice_id: UUID, day: date) -> list[OpenLine]:
    """The lines of an invoice with what earlier notes left of them: debit notes up to a day, and all credit notes.

    Ask after the customer's row is locked.
    """
    rows = session.execute(
        text("""
            SELECT l.line_no, l.unit, l.product_id IS NOT NULL AS is_goods, l.quantity, l.taxable_value,
                l.line_total, l.gst_rate,
                i.place_of_supply IS DISTINCT FROM i.snapshot #>> '{seller,state_code}' AS is_interstate,
                l.quantity - coalesce(t.quantity, 0) AS left_quantity,
                l.taxable_value - coalesce(t.taxable_value, 0) AS left_taxable_value,
                l.cgst - coalesce(t.cgst, 0) AS left_cgst, l.igst - coalesce(t.igst, 0) AS left_igst,
                l.line_total - coalesce(t.line_total, 0) AS left_total,
                coalesce(t.price_was_changed, false) AS price_was_changed,
                l.gst_rate > 0 AND l.taxable_value <> l.gross_amount - l.discount AS includes_tax
            FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id LEFT JOIN (
                SELECT invoice_line_no, sum(quantity) AS quantity, sum(taxable_value) AS taxable_value,
                    sum(cgst) AS cgst, sum(igst) AS igst, sum(line_total) AS line_total,
                    bool_or(quantity IS NULL) AS price_was_changed
                FROM (
                    SELECT invoice_line_no, quantity, taxable_value, cgst, igst, line_total
                    FROM credit_note_lines WHERE invoice_id = :id
                    UNION ALL
                    SELECT k.invoice_line_no, -k.quantity, -k.taxable_value, -k.cgst, -k.igst, -k.line_total
                    FROM debit_note_lines k JOIN debit_notes n ON n.id = k.debit_note_id AND n.note_date <= :day
                    WHERE k.invoice_id = :id
                ) moved GROUP BY 1) t ON t.invoice_line_no = l.line_no
            WHERE l.invoice_id = :id ORDER BY l.line_no"""),
        {"id": invoice_id, "day": day},
    )
    return [OpenLine(**row) for row in rows.mappings()]


def open_invoice(session: Session, invoice_id: UUID, day: date) -> OpenInvoice:
    """What credit notes and write-offs left of an invoice and its debit notes up to a day; and of its round-off."""
    row = session.execute(
        text("""
            SELECT i.total + coalesce(d.total, 0) - coalesce(n.total, 0) - coalesce(w.amount, 0) AS total,
                i.round_off - coalesce(n.round_off, 0) AS round_off
            FROM invoices i
            CROSS JOIN LATERAL (SELECT sum(c.total) AS total, sum(c.round_off) AS round_off
                FROM credit_notes c WHERE c.invoice_id = i.id) n
            CROSS JOIN LATERAL (SELECT sum(b.total) AS total
                FROM debit_notes b WHERE b.invoice_id = i.id AND b.note_date <= :day) d
            CROSS JOIN LATERAL (SELECT sum(o.amount) AS amount FROM write_offs o WHERE o.invoice_id = i.id) w
            WHERE i.id = :id"""),
        {"id": invoice_id, "day": day},
    ).one()
    return OpenInvoice(row.total, row.round_off)


def financial_year(session: Session, day: date) -> str:
    """The financial year of a day, as it is in numbers: ``2627``."""
    year: str = session.scalars(
        text("SELECT financial_year(:day, financial_year_start_month) FROM settings"), {"day": day}
    ).one()
    return year
