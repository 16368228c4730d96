"""The dairy's settings: one row."""

from datetime import date, time
from decimal import Decimal

from sqlalchemy import SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import Base, Money, Percent, Quantity, Timestamps, check, one_of, references

#: How an issued invoice is dated: the last day of its period, or the day of the run.
INVOICE_DATE_RULES = ("period_end", "run_date")
#: How the dairy pays GST: by the rates of its goods, by composition (CGST Act s. 10), or not at all.
GST_SCHEMES = ("regular", "composition", "none")
#: Whose extras at the door are taken: nobody's, those of helpers and the office, those told over a link too.
DOOR_EXTRAS = ("off", "staff", "staff_and_links")
#: The units of products.
COUNTED_IN = ("litre", "kg", "packet", "piece", "dozen")
#: What becomes of orders that would take a customer over its credit limit: made and reported, or held back.
ON_CREDIT_LIMIT = ("warn", "hold")
#: Which day decides the tax rate (CGST Act s. 14 makes it the invoice's, unless paid before).
TAX_RATE_DATES = ("invoice_date", "delivery_date")


class BusinessSettings(Timestamps, Base):
    """The dairy: who sells, where, and by which rules it bills. One row, ``id`` is always true."""

    __tablename__ = "settings"
    __table_args__ = (
        check("one_row", "id"),
        references("default_adjustment_class", "tax_classes.code", "tax_class_not_found"),
        check("gstin_format", "gstin ~ '^[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]$'"),
        check("gstin_of_state", "gstin IS NULL OR left(gstin, 2) = state_code"),
        check("gst_scheme_of_registered", "(gst_scheme = 'none') = (gstin IS NULL)"),
        check("gst_scheme_since_finite", "isfinite(gst_scheme_since)"),
        check("state_code_format", "state_code ~ '^[0-9]{2}$'"),
        check("city_length", "length(city) BETWEEN 1 AND 100"),
        check("pincode_format", "pincode ~ '^[1-9][0-9]{5}$'"),
        check("fssai_no_format", "fssai_no ~ '^[0-9]{14}$'"),
        check("invoice_series_format", "invoice_series ~ '^[A-Z]{1,3}$'"),
        check(
            "credit_note_series_format", "credit_note_series ~ '^[A-Z]{1,3}$' AND credit_note_series <> invoice_series"
        ),
        check(
            "debit_note_series_format",
            "debit_note_series ~ '^[A-Z]{1,3}$' AND debit_note_series NOT IN (invoice_series, credit_note_series)",
        ),
        check("returns_filed_through_finite", "isfinite(returns_filed_through)"),
        check("due_days_range", "due_days BETWEEN 0 AND 365"),
        check("delivery_window_days_range", "delivery_window_days BETWEEN 0 AND 31"),
        check("unusual_total_percent_range", "unusual_total_percent > 0"),
        check("billing_chunk_range", "billing_chunk BETWEEN 1 AND 50000"),
        check("financial_year_start_month_range", "financial_year_start_month BETWEEN 1 AND 12"),
        check("generation_days_ahead_range", "generation_days_ahead BETWEEN 0 AND 31"),
        check("second_language_format", "second_language ~ '^[a-z]{2,3}$'"),
        check("invoice_footer_length", "length(invoice_footer) <= 500"),
        check("invoice_link_version_range", "invoice_link_version > 0"),
        check("invoice_link_days_range", "invoice_link_days BETWEEN 1 AND 3650"),
        one_of("invoice_date_rule", INVOICE_DATE_RULES),
        one_of("gst_scheme", GST_SCHEMES),
        one_of("tax_rate_date", TAX_RATE_DATES),
        one_of("door_extras", DOOR_EXTRAS),
        one_of("on_credit_limit", ON_CREDIT_LIMIT),
        check(
            "largest_quantities_above_zero",
            " AND ".join(f"(max_{unit} IS NULL OR max_{unit} > 0 AND max_{unit} <> 'NaN')" for unit in COUNTED_IN),
        ),
        check("door_extra_limit_not_negative", "door_extra_limit >= 0 AND door_extra_limit <> 'NaN'"),
        check("photo_days_range", "photo_days BETWEEN 1 AND 3650"),
        check("minimum_order_amount_not_negative", "minimum_order_amount >= 0 AND minimum_order_amount <> 'NaN'"),
        check("event_days_range", "event_days BETWEEN 0 AND 366"),
        check("archived_whole_months", "extract(day FROM archived_before) = 1"),
        check(
            "archived_books_stay_closed",
            "archived_before IS NULL OR (books_closed_through IS NOT NULL"
            " AND archived_before <= books_closed_through + 1)",
            "archived",
        ),
    )

    id: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    business_name: Mapped[str | None]
    legal_name: Mapped[str | None]
    address: Mapped[str | None]
    gstin: Mapped[str | None]
    state_code: Mapped[str | None]
    fssai_no: Mapped[str | None]
    phone: Mapped[str | None]
    upi_id: Mapped[str | None]
    #: IANA name; business dates and "today" are read in it.
    time_zone: Mapped[str] = mapped_column(server_default=text("'Asia/Kolkata'"))
    language: Mapped[str] = mapped_column(server_default=text("'en'"))
    invoice_series: Mapped[str] = mapped_column(server_default=text("'INV'"))
    credit_note_series: Mapped[str] = mapped_column(server_default=text("'CN'"))
    due_days: Mapped[int] = mapped_column(SmallInteger, server_default=text("10"))
    invoice_date_rule: Mapped[str] = mapped_column(server_default=text("'period_end'"))
    #: Household dairies quote prices with the tax in them.
    prices_include_tax: Mapped[bool] = mapped_column(server_default=text("true"))
    tax_rate_date: Mapped[str] = mapped_column(server_default=text("'invoice_date'"))
    #: A delivery may be confirmed for a day this far from the order's date.
    delivery_window_days: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    #: After this hour of the day before, a customer may not change that shift; NULL: no cut-off.
    cutoff_morning: Mapped[time | None] = mapped_column(server_default=text("'21:00'"))
    cutoff_evening: Mapped[time | None] = mapped_column(server_default=text("'21:00'"))
    #: A run whose total differs more than this from the month before asks for confirmation; NULL: never.
    unusual_total_percent: Mapped[Percent | None] = mapped_column(server_default=text("50"))
    #: Customers per transaction of a billing run.
    billing_chunk: Mapped[int] = mapped_column(server_default=text("5000"))
    books_closed_through: Mapped[date | None]
    #: The last day of the last GST return that is filed; NULL: the end of the month before last.
    returns_filed_through: Mapped[date | None]
    #: What an adjustment is taxed as when it does not say: as the goods that the dairy mostly sells.
    default_adjustment_class: Mapped[str | None]
    financial_year_start_month: Mapped[int] = mapped_column(SmallInteger, server_default=text("4"))
    #: How many days after today get their orders from the standing ones at night.
    generation_days_ahead: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    #: What papers for people speak beside English; NULL: nothing.
    second_language: Mapped[str | None] = mapped_column(server_default=text("'hi'"))
    #: Stands at the foot of every paper.
    invoice_footer: Mapped[str | None]
    #: Part of every link to an invoice: raising it ends all links given out.
    invoice_link_version: Mapped[int] = mapped_column(server_default=text("1"))
    #: How long a link to an invoice is good after the day it was made; NULL: for ever.
    invoice_link_days: Mapped[int | None] = mapped_column(SmallInteger)
    #: Whether the page of a round shows what each customer owes, to be collected at the door.
    show_due_at_door: Mapped[bool] = mapped_column(server_default=text("false"))
    #: Whether who has the link of a helper's round may note the cash that he takes there.
    cash_over_links: Mapped[bool] = mapped_column(server_default=text("false"))
    #: Whether goods that nobody ordered may be noted at the door, and by whom.
    door_extras: Mapped[str] = mapped_column(server_default=text("'staff'"))
    #: Rupees of such goods for one door and day; NULL: any amount.
    door_extra_limit: Mapped[Money | None] = mapped_column(server_default=text("2000"))
    #: More for one door and day is a slip of the finger until an admin confirms it; NULL: any quantity.
    max_litre: Mapped[Quantity | None] = mapped_column(server_default=text("50"))
    max_kg: Mapped[Quantity | None] = mapped_column(server_default=text("20"))
    max_packet: Mapped[Quantity | None] = mapped_column(server_default=text("100"))
    max_piece: Mapped[Quantity | None] = mapped_column(server_default=text("100"))
    max_dozen: Mapped[Quantity | None] = mapped_column(server_default=text("20"))
    #: Rupees that a one-time order comes to at least, unless an admin confirms less; NULL: any amount.
    minimum_order_amount: Mapped[Money | None]
    #: Whether orders that would take a customer over its credit limit are made all the same, or held back.
    on_credit_limit: Mapped[str] = mapped_column(server_default=text("'warn'"))
    #: How long what happened is kept for other programs to read; 0: nothing is written for them.
    event_days: Mapped[int] = mapped_column(SmallInteger, server_default=text("30"))
    #: For how many days photos of deliveries are kept; NULL: for ever.
    photo_days: Mapped[int | None] = mapped_column(SmallInteger, server_default=text("90"))
    #: Where the dairy is, for e-invoices, which want place and PIN code apart from the address.
    city: Mapped[str | None]
    pincode: Mapped[str | None]
    debit_note_series: Mapped[str] = mapped_column(server_default=text("'DN'"))
    #: Regular: tax by the rates of the goods; composition: a tax on the turnover, which no bill shows (CGST Act s. 10);
    #: none: not registered. A document is of the scheme of the day it is issued.
    gst_scheme: Mapped[str] = mapped_column(server_default=text("'none'"))
    #: The day on which the scheme was changed last; NULL: never, since it is written down.
    gst_scheme_since: Mapped[date | None]
    #: The first day of a month: orders of earlier days are archived, and none is added. NULL: nothing is archived.
    archived_before: Mapped[date | None]

    @property
    def max_order_quantity(self) -> dict[str, Decimal | None]:
        """By unit, what one order may hold of a product unless an admin confirms more; None: any quantity."""
        return {unit: getattr(self, f"max_{unit}") for unit in COUNTED_IN}
