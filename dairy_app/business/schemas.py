"""The dairy's settings as clients see them."""

from marshmallow import fields

from dairy_app.business.models import DOOR_EXTRAS, GST_SCHEMES, INVOICE_DATE_RULES, ON_CREDIT_LIMIT, TAX_RATE_DATES
from dairy_app.business.rules import is_gstin, is_time_zone
from dairy_app.business.service import SettingsChange
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Day, Line, Money, Paragraph, Percent, Quantity, Strict
from dairy_app.web.validate import Pattern


class LargestQuantities(Strict):
    """How much of a product one order may hold, by the product's unit; null: any quantity."""

    litre = Quantity(allow_none=True, above=True)
    kg = Quantity(allow_none=True, above=True)
    packet = Quantity(allow_none=True, above=True)
    piece = Quantity(allow_none=True, above=True)
    dozen = Quantity(allow_none=True, above=True)


class LargestQuantitiesOut(LargestQuantities):
    """How much of a product one order may hold, for each unit."""


class ChangeableSettings(Strict):
    """What the office decides about the dairy."""

    business_name = Line(200, allow_none=True)
    legal_name = Line(200, allow_none=True)
    address = Paragraph(500, allow_none=True)
    city = Line(100, allow_none=True)
    pincode = fields.String(allow_none=True, validate=Pattern(r"^[1-9][0-9]{5}$", error="Must be 6 digits."))
    gstin = fields.String(allow_none=True, validate=is_gstin)
    gst_scheme = Choice(
        *GST_SCHEMES,
        metadata={
            "description": "How GST is paid: regular, by composition, or not at all. Not sent: a GSTIN for a dairy"
            " without one makes it regular, and clearing it makes it none."
        },
    )
    state_code = fields.String(allow_none=True, validate=Pattern(r"^[0-9]{2}$", error="Must be 2 digits."))
    fssai_no = fields.String(allow_none=True, validate=Pattern(r"^[0-9]{14}$", error="Must be 14 digits."))
    phone = Line(40, allow_none=True)
    upi_id = Line(100, allow_none=True)
    time_zone = fields.String(validate=is_time_zone)
    language = Line(10)
    invoice_series = fields.String(validate=Pattern(r"^[A-Z]{1,3}$", error="Must be 1 to 3 capital letters."))
    credit_note_series = fields.String(validate=Pattern(r"^[A-Z]{1,3}$", error="Must be 1 to 3 capital letters."))
    debit_note_series = fields.String(validate=Pattern(r"^[A-Z]{1,3}$", error="Must be 1 to 3 capital letters."))
    due_days = fields.Integer(strict=True, validate=validate.Range(0, 365))
    invoice_date_rule = Choice(*INVOICE_DATE_RULES)
    prices_include_tax = fields.Boolean()
    tax_rate_date = Choice(*TAX_RATE_DATES)
    delivery_window_days = fields.Integer(strict=True, validate=validate.Range(0, 31))
    cutoff_morning = fields.Time(allow_none=True)
    cutoff_evening = fields.Time(allow_none=True)
    unusual_total_percent = Percent(allow_none=True, above=True)
    billing_chunk = fields.Integer(strict=True, validate=validate.Range(1, 50_000))
    books_closed_through = Day(allow_none=True)
    returns_filed_through = Day(
        allow_none=True,
        metadata={
            "description": "Last day of the last GST return filed; null: the end of the month before last.",
            "example": "2026-10-31",
        },
    )
    default_adjustment_class = Line(
        60,
        allow_none=True,
        metadata={"description": "Tax class of an adjustment that names none; null: a registered seller must name it."},
    )
    generation_days_ahead = fields.Integer(strict=True, validate=validate.Range(0, 31))
    financial_year_start_month = fields.Integer(strict=True, validate=validate.Range(1, 12))
    second_language = fields.String(
        allow_none=True,
        validate=Pattern(r"^[a-z]{2,3}$", error="Must be a code of 2 or 3 small letters, for example hi."),
        metadata={"example": "hi"},
    )
    invoice_footer = Paragraph(500, allow_none=True)
    invoice_link_version = fields.Integer(
        strict=True,
        validate=validate.Range(1, 2_000_000_000),
        metadata={"description": "Raising it ends all links to invoices that were given out."},
    )
    invoice_link_days = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(1, 3650),
        metadata={"description": "For how many days a new link to an invoice is good; null: for ever."},
    )
    show_due_at_door = fields.Boolean(
        metadata={"description": "Whether who holds the link of a round sees what each customer owes."}
    )
    cash_over_links = fields.Boolean(
        metadata={"description": "Whether who holds the link of a helper's round may note the cash taken there."}
    )
    door_extras = Choice(
        *DOOR_EXTRAS,
        metadata={"description": "Whether extra items may be confirmed at the door: by nobody, staff, or links too."},
    )
    door_extra_limit = Money(
        allow_none=True,
        metadata={"description": "Rupees of extra items for one door and day; null: any amount.", "example": "2000.00"},
    )
    max_order_quantity = fields.Nested(LargestQuantitiesOut)
    minimum_order_amount = Money(
        allow_none=True,
        metadata={
            "description": "Rupees that a one-time order comes to at least; null: any amount.",
            "example": "100.00",
        },
    )
    on_credit_limit = Choice(
        *ON_CREDIT_LIMIT,
        metadata={"description": "Whether orders over a customer's credit limit are made, or held back."},
    )
    event_days = fields.Integer(
        strict=True,
        validate=validate.Range(0, 366),
        metadata={"description": "For how many days events are kept for other programs; 0: none are written."},
    )
    photo_days = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(1, 3650),
        metadata={
            "description": "For how many days photos of deliveries are kept; null: for ever.",
            "example": 90,
        },
    )


class SettingsOut(ChangeableSettings):
    """Who the dairy is and by which rules it bills."""

    archived_before = Day(
        allow_none=True,
        metadata={
            "description": "Orders of earlier days are archived: bills, exports and checks still know them, lists of"
            " orders do not; null: nothing is archived. Set by `dairy archive`.",
            "example": None,
        },
    )


class SettingsPatch(ChangeableSettings):
    """Only what is sent changes, also of ``max_order_quantity``."""

    makes = SettingsChange
    max_order_quantity = fields.Nested(LargestQuantities)
