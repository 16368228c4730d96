"""The shapes of the export routes."""

from marshmallow import fields

from dairy_app.exports.files.downloads import MEDIA_TYPES
from dairy_app.web.schemas import Choice, Day, Money, Month, Strict


class SpanQuery(Strict):
    """Either ``period``, or ``from`` and ``to`` (both included, at most 366 days)."""

    period = Month(load_default=None, metadata={"example": "2026-10"})
    first = Day("iso", data_key="from", load_default=None)
    last = Day("iso", data_key="to", load_default=None)
    as_of = Day(
        "iso",
        load_default=None,
        metadata={"description": "The day for which balances and days overdue are told; default: the last day."},
    )
    customer_id = fields.UUID(load_default=None, metadata={"description": "For `statement`, and only there."})


class CsvQuery(SpanQuery):
    """The days, and how a CSV begins."""

    bom = fields.Boolean(
        load_default=True, metadata={"description": "false leaves out the byte order mark that Excel wants."}
    )


class SetQuery(CsvQuery):
    """The days, and whether a set whose tables do not agree is wanted all the same."""

    despite_findings = fields.Boolean(load_default=False)


class ReturnQuery(SpanQuery):
    """The month, and whether a return whose tables do not agree is wanted all the same."""

    despite_findings = fields.Boolean(load_default=False)


class ManifestQuery(CsvQuery):
    """What the download was asked with, and its form."""

    form = Choice(
        *MEDIA_TYPES,
        data_key="format",
        load_default=None,
        metadata={"description": "Of the file; default: csv, or the only one that the name comes in."},
    )


class MonthlySheetQuery(Strict):
    """Which month, whose customers."""

    period = Month(required=True, metadata={"example": "2026-10"})
    area_id = fields.UUID(load_default=None)
    delivery_boy_id = fields.UUID(load_default=None)
    marketing_staff_id = fields.UUID(load_default=None)
    customer_id = fields.UUID(load_default=None)
    product_id = fields.UUID(load_default=None)


class CheckOut(Strict):
    """Two sums that must be equal; the portal would ask."""

    name = fields.String(metadata={"example": "hsn_b2b"})
    what = fields.String(metadata={"example": "HSN b2b = b2b - cdnr + untaxed supplies to registered persons"})
    left = fields.String(metadata={"example": "1240.50"})
    right = fields.String(metadata={"example": "1240.50"})
    difference = fields.String(metadata={"example": "0.00"})
    passed = fields.Boolean()


class VoidedAfterReturnOut(Strict):
    """An invoice that an admin voided after the return that holds it was filed: amend that return."""

    number = fields.String(metadata={"example": "INV/2627/0000123"})
    invoice_date = Day()
    total = Money()
    reason = fields.String()
    voided_by = fields.String()
    voided_at = fields.AwareDateTime()


class ManifestOut(Strict):
    """What a complete download must hold."""

    profile = fields.String()
    version = fields.Integer()
    format = fields.String(metadata={"example": "csv"})
    first = Day(data_key="from")
    last = Day(data_key="to")
    as_of = Day()
    file_name = fields.String()
    rows = fields.Integer(metadata={"description": "Without the header; of Tally's XML the vouchers or masters."})
    bytes = fields.Integer()
    sha256 = fields.String()
    sums = fields.Dict(keys=fields.String(), values=Money(), metadata={"description": "Rupees, by column."})
    voided_after_return = fields.List(fields.Nested(VoidedAfterReturnOut))
    checks = fields.List(fields.Nested(CheckOut), metadata={"description": "Self-checks of the GSTR-1 set."})
