"""Invoices with their lines, adjustments, and the number series."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Index, Integer, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

from dairy_app.catalogue.models import SUPPLY_TYPES
from dairy_app.database.models import (
    Base,
    Identified,
    Imported,
    Money,
    Percent,
    Quantity,
    check,
    no_overlap,
    one_of,
    references,
    unique,
    unique_index,
)

INVOICE_STATUSES = ("draft", "issued", "void", "external")
DOCUMENT_TYPES = ("tax_invoice", "bill_of_supply", "invoice_cum_bill_of_supply", "invoice")
LINE_SOURCES = ("subscription", "one_time", "adjustment", "charge")
ADJUSTMENT_KINDS = ("charge", "discount", "correction")

#: Of an e-invoice: 64 hexadecimal digits; digits; a token of three parts, each in base64url.
IRN_FORMAT = "^[0-9a-f]{64}$"
ACK_NO_FORMAT = "^[0-9]{1,20}$"
SIGNED_QR_FORMAT = "^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$"
#: The most letters that a QR code holds with the least correction (ISO/IEC 18004, version 40-L, bytes).
SIGNED_QR_LENGTH = 2953

IS_NUMBERED = "status IN ('issued', 'void')"
#: Filled at issue, all of them, and never before.
ISSUED_COLUMNS = (
    "number, series, financial_year, sequence_no, invoice_date, due_date, document_type, snapshot,"
    " taxable_value, exempt_value, cgst, sgst, igst, round_off, total, previous_balance, issued_at,"
    " document_hash, previous_hash, hash_version"
)


def e_invoice_checks() -> tuple[SchemaItem, ...]:
    """What the government's portal answered for a document is there as a whole, and looks like it."""
    return (
        check("registered_whole", "num_nulls(irn, ack_no, ack_date, signed_qr) IN (0, 4)"),
        check("irn_format", f"irn ~ '{IRN_FORMAT}'"),
        check("ack_no_format", f"ack_no ~ '{ACK_NO_FORMAT}'"),
        check("signed_qr_format", f"signed_qr ~ '{SIGNED_QR_FORMAT}' AND length(signed_qr) <= {SIGNED_QR_LENGTH}"),
    )


class Invoice(Imported, Base):
    """One paper of one customer for one period: a draft that orders join, or an issued, frozen document.

    ``external`` papers were billed by an earlier system: they carry imported orders and nothing else.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        references("customer_id", "customers.id", "customer_not_found"),
        references("issued_to", "customers.id", "customer_not_found"),
        references("billing_run_id", "billing_runs.id", "billing_run_not_found"),
        references("issued_by", "users.id", "user_not_found"),
        references("voided_by", "users.id", "user_not_found"),
        references(
            ("companion_of", "customer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_invoices_companion_of_customer",
            deferrable=True,
        ),
        unique("id", "customer_id"),
        unique("companion_of"),
        unique("series", "financial_year", "sequence_no"),
        unique("financial_year", "number"),
        one_of("status", INVOICE_STATUSES),
        one_of("document_type", DOCUMENT_TYPES),
        check("period_in_order", "period_end >= period_start"),
        check("period_finite", "isfinite(period_start) AND isfinite(period_end)"),
        check("numbered_iff_issued", f"num_nulls({ISSUED_COLUMNS}) = CASE WHEN {IS_NUMBERED} THEN 0 ELSE 20 END"),
        check("number_format", "number ~ '^[A-Z0-9/-]{1,16}$'"),
        check("due_not_before_date", "due_date >= invoice_date"),
        check("total_adds_up", "total = taxable_value + exempt_value + cgst + sgst + igst + round_off"),
        check("round_off_below_rupee", "abs(round_off) < 1"),
        check("one_kind_of_gst", "igst = 0 OR (cgst = 0 AND sgst = 0)"),
        check("cgst_equals_sgst", "cgst = sgst"),
        *e_invoice_checks(),
        check(
            "registered_tax_invoice",
            f"irn IS NULL OR ({IS_NUMBERED} AND document_type IS NOT DISTINCT FROM 'tax_invoice')",
        ),
        check(
            "void_has_reason",
            "(status = 'void') = (voided_at IS NOT NULL) AND (status = 'void') = (void_reason IS NOT NULL)",
        ),
        check("only_void_after_return", "NOT voided_after_return OR status = 'void'"),
        check("issued_to_another", f"issued_to IS NULL OR (issued_to <> customer_id AND {IS_NUMBERED})"),
        no_overlap(
            "ex_invoices_live_period",
            ("customer_id", "="),
            (text("daterange(period_start, period_end, '[]')"), "&&"),
            where="status IN ('draft', 'issued') AND companion_of IS NULL",
        ),
        Index("ix_invoices_drafts", "customer_id", "period_end", postgresql_where=text("status = 'draft'")),
        Index("ix_invoices_draft_periods", "period_end", postgresql_where=text("status = 'draft'")),
        Index("ix_invoices_customer", "customer_id", "period_start"),
        Index("ix_invoices_period", "period_start", "id"),
        Index("ix_invoices_status", "status", "period_start", "id"),
        Index("ix_invoices_by_date", text("coalesce(invoice_date, period_end)"), "id"),
        Index("ix_invoices_by_due_date", text("coalesce(due_date, period_end)"), "id"),
        Index("ix_invoices_by_total", text("coalesce(total, 0)"), "id"),
        Index("ix_invoices_date", "invoice_date", "id", postgresql_where=text("invoice_date IS NOT NULL")),
        Index("ix_invoices_updated", "updated_at"),
        Index("ix_invoices_issued", "issued_at", postgresql_where=text("issued_at IS NOT NULL")),
        Index("ix_invoices_run", "billing_run_id", postgresql_where=text("billing_run_id IS NOT NULL")),
        unique_index("uq_invoices_irn", "irn", where="irn IS NOT NULL"),
    )

    customer_id: Mapped[UUID]
    period_start: Mapped[date]
    period_end: Mapped[date]
    status: Mapped[str] = mapped_column(server_default=text("'draft'"))
    document_type: Mapped[str | None]
    #: Second paper of the same period, where the law wants two; orders stay on the first.
    companion_of: Mapped[UUID | None]
    series: Mapped[str | None]
    #: ``2627`` is April 2026 to March 2027.
    financial_year: Mapped[str | None]
    sequence_no: Mapped[int | None]
    number: Mapped[str | None]
    invoice_date: Mapped[date | None]
    due_date: Mapped[date | None]
    #: Buyer and seller as they were at issue: {"buyer": {…}, "seller": {…}}.
    snapshot: Mapped[Any | None] = mapped_column(JSONB)
    place_of_supply: Mapped[str | None]
    taxable_value: Mapped[Money | None]
    #: Value of exempt, nil-rated and non-GST lines, and of all lines of a seller without GSTIN.
    exempt_value: Mapped[Money | None]
    cgst: Mapped[Money | None]
    sgst: Mapped[Money | None]
    igst: Mapped[Money | None]
    round_off: Mapped[Money | None]
    total: Mapped[Money | None]
    #: What the customer owed just before this paper was issued.
    previous_balance: Mapped[Money | None]
    issued_at: Mapped[datetime | None]
    issued_by: Mapped[UUID | None]
    billing_run_id: Mapped[UUID | None]
    void_reason: Mapped[str | None]
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[UUID | None]
    #: An admin voided it although the return of its month was filed; the exports' manifest names it.
    voided_after_return: Mapped[bool] = mapped_column(server_default=text("false"))
    #: SHA-256 over ``previous_hash`` and the document's canonical content (``billing/ddl.py``).
    document_hash: Mapped[str | None]
    previous_hash: Mapped[str | None]
    hash_version: Mapped[int | None] = mapped_column(SmallInteger)
    #: What the government's portal answered when the paper was registered there (CGST Rules r. 48 (4)): its number, the
    #: receipt's number and moment, and the signed text of the QR code that the paper must bear. Written once.
    irn: Mapped[str | None]
    ack_no: Mapped[str | None]
    ack_date: Mapped[datetime | None]
    signed_qr: Mapped[str | None]
    #: The customer whose it was when it was issued, where that one was merged into another since; its hash holds it.
    issued_to: Mapped[UUID | None] = mapped_column(sort_order=950)


class InvoiceLine(Base):
    """One line of an issued invoice: delivered quantity × price, with its tax. Frozen with its invoice."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        references("invoice_id", "invoices.id", "invoice_not_found"),
        references("product_id", "products.id", "product_not_found"),
        references("charge_rule_id", "charge_rules.id", "charge_rule_not_found"),
        references("delivered_to", "customers.id", "customer_not_found"),
        one_of("source", LINE_SOURCES),
        one_of("supply_type", SUPPLY_TYPES),
        check("gst_rate_range", "gst_rate BETWEEN 0 AND 100"),
        check("charged_by_rule", "charged_for IS NULL OR charge_rule_id IS NOT NULL"),
        check("charge_has_rule", "(source = 'charge') = (charge_rule_id IS NOT NULL)"),
        check("dates_in_order", "last_date >= first_date"),
        check("gross_is_quantity_times_price", "gross_amount = round(quantity * unit_price, 2)"),
        check("discount_within_gross", "discount BETWEEN 0 AND abs(gross_amount)"),
        check(
            "line_adds_up",
            "CASE WHEN gst_rate > 0 THEN line_total = taxable_value + cgst + sgst + igst"
            " ELSE taxable_value = 0 AND cgst = 0 AND sgst = 0 AND igst = 0"
            " AND line_total = gross_amount - discount END",
        ),
        Index(None, "product_id"),
        Index("ix_invoice_lines_delivered_to", "delivered_to", postgresql_where=text("delivered_to IS NOT NULL")),
        Index("ix_invoice_lines_charge_rule", "charge_rule_id", postgresql_where=text("charge_rule_id IS NOT NULL")),
    )

    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    product_id: Mapped[UUID | None]
    description: Mapped[str]
    hsn_code: Mapped[str | None]
    unit: Mapped[str]
    source: Mapped[str]
    #: Delivered before the invoice's period began (confirmed late).
    prior_period: Mapped[bool]
    #: How many orders are in the line.
    deliveries: Mapped[int]
    first_date: Mapped[date]
    last_date: Mapped[date]
    quantity: Mapped[Quantity]
    unit_price: Mapped[Money]
    gross_amount: Mapped[Money]
    discount: Mapped[Money] = mapped_column(server_default=text("0"))
    supply_type: Mapped[str]
    gst_rate: Mapped[Percent]
    taxable_value: Mapped[Money]
    cgst: Mapped[Money]
    sgst: Mapped[Money]
    igst: Mapped[Money]
    line_total: Mapped[Money]
    #: By which rule it is charged or taken off.
    charge_rule_id: Mapped[UUID | None]
    #: Days, or first days of months, for which it is charged or taken off: never a second time; NULL: of per cent.
    charged_for: Mapped[list[date] | None] = mapped_column(ARRAY(Date))
    #: Who got it, where that one is billed to the invoice's customer; NULL: that customer itself.
    delivered_to: Mapped[UUID | None]


class Adjustment(Identified, Base):
    """A charge or a discount that somebody puts on a customer's draft; a line of its own at issue.

    ``amount`` in rupees, below 0 for a discount, with or without the tax in it as prices are (settings). Without
    ``tax_class`` it takes the one of the settings; a registered seller's needs one. Frozen with its invoice; voiding
    the invoice moves it to the fresh draft.
    """

    __tablename__ = "adjustments"
    __table_args__ = (
        references(
            ("invoice_id", "customer_id"),
            ("invoices.id", "invoices.customer_id"),
            "invoice_not_found",
            name="fk_adjustments_invoice_of_customer",
            deferrable=True,
        ),
        references("tax_class", "tax_classes.code", "tax_class_not_found"),
        references("created_by", "users.id", "user_not_found"),
        one_of("kind", ADJUSTMENT_KINDS),
        check("amount_finite", "amount <> 0 AND amount <> 'NaN'"),
        check("kind_has_its_sign", "(kind <> 'charge' OR amount > 0) AND (kind <> 'discount' OR amount < 0)"),
        check("adjusted_on_finite", "isfinite(adjusted_on)"),
        check("description_length", "length(description) BETWEEN 1 AND 200"),
        check("reason_length", "length(reason) BETWEEN 3 AND 500"),
        Index(None, "invoice_id"),
        Index(None, "customer_id"),
        Index("ix_adjustments_date", "adjusted_on", "id"),
    )

    customer_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    kind: Mapped[str]
    description: Mapped[str]
    amount: Mapped[Money]
    tax_class: Mapped[str | None]
    #: Decides the draft, as the day of a delivery does.
    adjusted_on: Mapped[date]
    reason: Mapped[str]
    created_by: Mapped[UUID]


class NumberSeries(Base):
    """The next number of one series in one financial year. Locked, at issue only, until the commit."""

    __tablename__ = "number_series"
    __table_args__ = (
        check("series_format", "series ~ '^[A-Z]{1,3}$'"),
        check("financial_year_format", "financial_year ~ '^[0-9]{4}$'"),
        check("next_no_range", "next_no BETWEEN 1 AND 10000000"),
    )

    series: Mapped[str] = mapped_column(primary_key=True)
    financial_year: Mapped[str] = mapped_column(primary_key=True)
    next_no: Mapped[int] = mapped_column(server_default=text("1"))
    #: An invoice is never dated before the last one of its series.
    last_date: Mapped[date | None]
    last_hash: Mapped[str] = mapped_column(server_default=text("repeat('0', 64)"))
