"""Credit notes and debit notes with their lines."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, Identified, Money, Quantity, check, references, unique, unique_index
from dairy_app.invoices.models.invoices import e_invoice_checks


class CreditNote(Identified, Base):
    """A numbered paper that takes back a part or all of one issued invoice (CGST Act s. 34). Frozen from birth."""

    __tablename__ = "credit_notes"
    __table_args__ = (
        references(
            ("invoice_id", "customer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_credit_notes_invoice_of_customer",
            deferrable=True,
        ),
        references("issued_to", "customers.id", "customer_not_found"),
        references("issued_by", "users.id", "user_not_found"),
        unique("id", "invoice_id"),
        unique("series", "financial_year", "sequence_no"),
        unique("financial_year", "number"),
        check("number_format", "number ~ '^[A-Z0-9/-]{1,16}$'"),
        check("date_finite", "isfinite(note_date)"),
        check("total_adds_up", "total = taxable_value + exempt_value + cgst + sgst + igst + round_off"),
        check("total_positive", "total > 0"),
        check("round_off_below_rupee", "abs(round_off) < 1"),
        check("one_kind_of_gst", "igst = 0 OR (cgst = 0 AND sgst = 0)"),
        check("cgst_equals_sgst", "cgst = sgst"),
        check("reason_length", "length(reason) BETWEEN 3 AND 500"),
        check("issued_to_another", "issued_to <> customer_id"),
        *e_invoice_checks(),
        Index("ix_credit_notes_customer", "customer_id", "note_date"),
        Index("ix_credit_notes_invoice", "invoice_id"),
        Index("ix_credit_notes_date", "note_date", "id"),
        unique_index("uq_credit_notes_irn", "irn", where="irn IS NOT NULL"),
    )

    customer_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    series: Mapped[str]
    financial_year: Mapped[str]
    sequence_no: Mapped[int]
    number: Mapped[str]
    note_date: Mapped[date]
    reason: Mapped[str]
    #: Buyer and seller as they were at issue, in the shape of an invoice's.
    snapshot: Mapped[Any] = mapped_column(JSONB)
    place_of_supply: Mapped[str | None]
    taxable_value: Mapped[Money]
    exempt_value: Mapped[Money]
    cgst: Mapped[Money]
    sgst: Mapped[Money]
    igst: Mapped[Money]
    #: Carried by the note that takes back all that is left, so that nothing of the invoice remains.
    round_off: Mapped[Money]
    total: Mapped[Money]
    issued_at: Mapped[datetime]
    issued_by: Mapped[UUID]
    document_hash: Mapped[str]
    previous_hash: Mapped[str]
    hash_version: Mapped[int] = mapped_column(SmallInteger)
    #: As of an invoice.
    issued_to: Mapped[UUID | None] = mapped_column(sort_order=950)
    #: What the government's portal answered when the note was registered there, as of an invoice. Written once.
    irn: Mapped[str | None] = mapped_column(sort_order=960)
    ack_no: Mapped[str | None] = mapped_column(sort_order=961)
    ack_date: Mapped[datetime | None] = mapped_column(sort_order=962)
    signed_qr: Mapped[str | None] = mapped_column(sort_order=963)


class CreditNoteLine(Base):
    """What a credit note takes back of one invoice line; goods, HSN and rate are those of that line."""

    __tablename__ = "credit_note_lines"
    __table_args__ = (
        references(
            ("credit_note_id", "invoice_id"),
            ("credit_notes.id", "credit_notes.invoice_id"),
            "invoice_not_found",
            name="fk_credit_note_lines_note_of_invoice",
        ),
        references(
            ("invoice_id", "invoice_line_no"),
            ("invoice_lines.invoice_id", "invoice_lines.line_no"),
            "validation_failed",
            name="fk_credit_note_lines_line_of_invoice",
        ),
        unique("credit_note_id", "invoice_line_no"),
        check("line_no_positive", "line_no > 0"),
        check(
            "line_adds_up",
            "CASE WHEN taxable_value <> 0 THEN line_total = taxable_value + cgst + sgst + igst"
            " ELSE cgst = 0 AND sgst = 0 AND igst = 0 END",
        ),
        check("not_nothing", "line_total <> 0"),
        check(
            "one_sign",
            "quantity > 0 AND taxable_value * line_total >= 0 AND cgst * line_total >= 0 AND igst * line_total >= 0",
        ),
        check("cgst_equals_sgst", "cgst = sgst"),
        Index("ix_credit_note_lines_invoice_line", "invoice_id", "invoice_line_no"),
    )

    credit_note_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    invoice_id: Mapped[UUID]
    invoice_line_no: Mapped[int]
    #: NULL when an amount was taken back without goods.
    quantity: Mapped[Quantity | None]
    taxable_value: Mapped[Money]
    cgst: Mapped[Money]
    sgst: Mapped[Money]
    igst: Mapped[Money]
    line_total: Mapped[Money]


class DebitNote(Identified, Base):
    """A numbered paper that charges more on one issued invoice (CGST Act s. 34 (3)). Frozen from birth.

    What it asks is owed beside the invoice, and due on a day of its own.
    """

    __tablename__ = "debit_notes"
    __table_args__ = (
        references(
            ("invoice_id", "customer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_debit_notes_invoice_of_customer",
            deferrable=True,
        ),
        references("issued_to", "customers.id", "customer_not_found"),
        references("issued_by", "users.id", "user_not_found"),
        unique("id", "invoice_id"),
        unique("series", "financial_year", "sequence_no"),
        unique("financial_year", "number"),
        check("number_format", "number ~ '^[A-Z0-9/-]{1,16}$'"),
        check("date_finite", "isfinite(note_date) AND isfinite(due_date)"),
        check("due_not_before_date", "due_date >= note_date"),
        check("total_adds_up", "total = taxable_value + exempt_value + cgst + sgst + igst"),
        check("total_positive", "total > 0"),
        check("one_kind_of_gst", "igst = 0 OR (cgst = 0 AND sgst = 0)"),
        check("cgst_equals_sgst", "cgst = sgst"),
        check("reason_length", "length(reason) BETWEEN 3 AND 500"),
        check("issued_to_another", "issued_to <> customer_id"),
        *e_invoice_checks(),
        Index("ix_debit_notes_customer", "customer_id", "note_date"),
        Index("ix_debit_notes_invoice", "invoice_id"),
        Index("ix_debit_notes_date", "note_date", "id"),
        unique_index("uq_debit_notes_irn", "irn", where="irn IS NOT NULL"),
    )

    customer_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    series: Mapped[str]
    financial_year: Mapped[str]
    sequence_no: Mapped[int]
    number: Mapped[str]
    note_date: Mapped[date]
    due_date: Mapped[date]
    reason: Mapped[str]
    #: Buyer and seller as they were at the invoice's issue.
    snapshot: Mapped[Any] = mapped_column(JSONB)
    place_of_supply: Mapped[str | None]
    taxable_value: Mapped[Money]
    exempt_value: Mapped[Money]
    cgst: Mapped[Money]
    sgst: Mapped[Money]
    igst: Mapped[Money]
    #: Not rounded to the whole rupee: the invoice was.
    total: Mapped[Money]
    issued_at: Mapped[datetime]
    issued_by: Mapped[UUID]
    document_hash: Mapped[str]
    previous_hash: Mapped[str]
    hash_version: Mapped[int] = mapped_column(SmallInteger)
    #: As of an invoice.
    issued_to: Mapped[UUID | None] = mapped_column(sort_order=950)
    #: What the government's portal answered when the note was registered there, as of an invoice. Written once.
    irn: Mapped[str | None] = mapped_column(sort_order=960)
    ack_no: Mapped[str | None] = mapped_column(sort_order=961)
    ack_date: Mapped[datetime | None] = mapped_column(sort_order=962)
    signed_qr: Mapped[str | None] = mapped_column(sort_order=963)


class DebitNoteLine(Base):
    """What a debit note charges more on one invoice line; goods, HSN and rate are those of that line."""

    __tablename__ = "debit_note_lines"
    __table_args__ = (
        references(
            ("debit_note_id", "invoice_id"),
            ("debit_notes.id", "debit_notes.invoice_id"),
            "invoice_not_found",
            name="fk_debit_note_lines_note_of_invoice",
        ),
        references(
            ("invoice_id", "invoice_line_no"),
            ("invoice_lines.invoice_id", "invoice_lines.line_no"),
            "validation_failed",
            name="fk_debit_note_lines_line_of_invoice",
        ),
        unique("debit_note_id", "invoice_line_no"),
        check("line_no_positive", "line_no > 0"),
        check(
            "line_adds_up",
            "CASE WHEN taxable_value <> 0 THEN line_total = taxable_value + cgst + sgst + igst"
            " ELSE cgst = 0 AND sgst = 0 AND igst = 0 END",
        ),
        check("above_zero", "quantity > 0 AND line_total > 0 AND taxable_value >= 0 AND least(cgst, sgst, igst) >= 0"),
        check("cgst_equals_sgst", "cgst = sgst"),
        Index("ix_debit_note_lines_invoice_line", "invoice_id", "invoice_line_no"),
    )

    debit_note_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    invoice_id: Mapped[UUID]
    invoice_line_no: Mapped[int]
    #: NULL when an amount was charged without goods.
    quantity: Mapped[Quantity | None]
    taxable_value: Mapped[Money]
    cgst: Mapped[Money]
    sgst: Mapped[Money]
    igst: Mapped[Money]
    line_total: Mapped[Money]
