"""Credit notes, debit notes and adjustments as clients see them."""

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, fields, validates_schema

from dairy_app.billing.rules.crediting import LineCredit
from dairy_app.billing.service.crediting import NoteRequest
from dairy_app.billing.service.debiting import DebitRequest
from dairy_app.catalogue.models import SUPPLY_TYPES
from dairy_app.invoices.models import ADJUSTMENT_KINDS, INVOICE_STATUSES
from dairy_app.invoices.service.adjustments import NewAdjustment
from dairy_app.web import validate
from dairy_app.web.schemas import (
    MAX_MONEY,
    Choice,
    Day,
    Line,
    Money,
    Month,
    PageQuery,
    Percent,
    Quantity,
    Several,
    Strict,
    page_of,
)
from dairy_app.web.validate import Invalid

#: More lines than any invoice has.
MOST_LINES = 1000


def _refuse_lines_twice(lines: Sequence[LineCredit]) -> None:
    seen = set()
    for position, line in enumerate(lines):
        if line.line_no in seen:
            raise Invalid("The line is listed twice.", "lines", position, "line_no")
        seen.add(line.line_no)


class LineCreditIn(Strict):
    """What to take back of one line: either a quantity of its goods, or an amount with the tax in it."""

    makes = LineCredit
    not_in_example = ("amount",)
    line_no = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, 1_000_000), metadata={"description": "Of the invoice."}
    )
    quantity = Quantity(above=True)
    amount = Money(above=True)

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("quantity" in data) == ("amount" in data):
            raise Invalid("Send either quantity or amount.", "quantity")


class CreditNoteIn(Strict):
    """Without ``lines`` all that is left of the invoice is taken back; without ``note_date`` it is of today."""

    makes = NoteRequest
    invoice_id = fields.UUID(required=True)
    lines = fields.List(fields.Nested(LineCreditIn), load_default=None, validate=validate.Length(1, MOST_LINES))
    reason = Line(500, required=True, shortest=3)
    note_date = Day(load_default=None)

    @validates_schema
    def lines_differ(self, data: dict[str, Any], **_: Any) -> None:
        _refuse_lines_twice(data["lines"] or ())


class LineDebitIn(LineCreditIn):
    """What to charge on one line: either a quantity of its goods at their price there, or an amount with the tax."""


class DebitNoteIn(Strict):
    """What the invoice asked too little for, line by line; without ``note_date`` it is of today."""

    makes = DebitRequest
    invoice_id = fields.UUID(required=True)
    lines = fields.List(fields.Nested(LineDebitIn), required=True, validate=validate.Length(1, MOST_LINES))
    reason = Line(500, required=True, shortest=3)
    note_date = Day(load_default=None)

    @validates_schema
    def lines_differ(self, data: dict[str, Any], **_: Any) -> None:
        _refuse_lines_twice(data["lines"])


class DebitNoteQuery(PageQuery):
    """Which debit notes. ``period``: those dated in the month."""

    customer_id = Several(fields.UUID())
    invoice_id = fields.UUID(load_default=None)
    number = Line(16, load_default=None)
    period = Month(load_default=None)
    date_from = Day(load_default=None, data_key="note_date[gte]")
    date_to = Day(load_default=None, data_key="note_date[lte]")


class CreditNoteQuery(PageQuery):
    """Which credit notes. ``period``: those dated in the month."""

    customer_id = Several(fields.UUID())
    invoice_id = fields.UUID(load_default=None)
    number = Line(16, load_default=None)
    period = Month(load_default=None)
    date_from = Day(load_default=None, data_key="note_date[gte]")
    date_to = Day(load_default=None, data_key="note_date[lte]")


class CreditNoteBrief(Schema):
    """A credit note in a list."""

    id = fields.UUID()
    number = fields.String()
    note_date = Day()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    invoice_id = fields.UUID()
    invoice_number = fields.String()
    invoice_date = Day()
    reason = fields.String()
    taxable_value = Money()
    exempt_value = Money()
    cgst = Money()
    sgst = Money()
    igst = Money()
    round_off = Money()
    total = Money()


class CreditNoteLineOut(Schema):
    """What is taken back of one invoice line; ``quantity`` is null for an amount without goods."""

    line_no = fields.Integer()
    invoice_line_no = fields.Integer()
    product_id = fields.UUID(allow_none=True)
    description = fields.String()
    hsn_code = fields.String(allow_none=True)
    unit = fields.String()
    unit_price = Money()
    supply_type = Choice(*SUPPLY_TYPES)
    gst_rate = Percent()
    quantity = Quantity(allow_none=True)
    taxable_value = Money()
    cgst = Money()
    sgst = Money()
    igst = Money()
    line_total = Money()


class CreditNoteOut(CreditNoteBrief):
    """A credit note in full."""

    place_of_supply = fields.String(allow_none=True)
    snapshot = fields.Dict()
    issued_at = fields.DateTime()
    document_hash = fields.String()
    irn = fields.String(
        allow_none=True, metadata={"description": "The number of the government's portal, when registered there."}
    )
    ack_no = fields.String(allow_none=True)
    ack_date = fields.DateTime(allow_none=True)
    signed_qr = fields.String(allow_none=True)
    lines = fields.List(fields.Nested(CreditNoteLineOut))


class DebitNoteBrief(Schema):
    """A debit note in a list."""

    id = fields.UUID()
    number = fields.String()
    note_date = Day()
    due_date = Day()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    invoice_id = fields.UUID()
    invoice_number = fields.String()
    invoice_date = Day()
    reason = fields.String()
    taxable_value = Money()
    exempt_value = Money()
    cgst = Money()
    sgst = Money()
    igst = Money()
    total = Money()


class DebitNoteLineOut(CreditNoteLineOut):
    """What is charged on one invoice line; ``quantity`` is null for an amount without goods."""


class DebitNoteOut(DebitNoteBrief):
    """A debit note in full."""

    place_of_supply = fields.String(allow_none=True)
    snapshot = fields.Dict()
    issued_at = fields.DateTime()
    document_hash = fields.String()
    irn = fields.String(
        allow_none=True, metadata={"description": "The number of the government's portal, when registered there."}
    )
    ack_no = fields.String(allow_none=True)
    ack_date = fields.DateTime(allow_none=True)
    signed_qr = fields.String(allow_none=True)
    lines = fields.List(fields.Nested(DebitNoteLineOut))


class AdjustmentIn(Strict):
    """A charge (above 0), a discount (below 0) or a correction (either), a line of its own at issue.

    ``amount`` holds the tax or not, as prices do (settings); without ``tax_class`` it is exempt.
    """

    makes = NewAdjustment
    customer_id = fields.UUID(required=True)
    kind = Choice(*ADJUSTMENT_KINDS, required=True)
    description = Line(200, required=True)
    amount = Money(low=-MAX_MONEY, required=True)
    tax_class = Line(60, load_default=None)
    adjusted_on = Day(load_default=None)
    reason = Line(500, required=True, shortest=3)

    @validates_schema
    def kind_has_its_sign(self, data: dict[str, Any], **_: Any) -> None:
        kind, amount = data["kind"], data["amount"]
        if amount == 0 or (kind == "charge" and amount < 0) or (kind == "discount" and amount > 0):
            raise Invalid("A charge is above 0, a discount below 0, a correction is not 0.", "amount")


class AdjustmentQuery(PageQuery):
    """Which adjustments. ``period``: those of a day in the month."""

    customer_id = fields.UUID(load_default=None)
    invoice_id = fields.UUID(load_default=None)
    invoice_status = Choice("draft", "issued", load_default=None)
    period = Month(load_default=None)


class AdjustmentOut(Schema):
    """An adjustment and the document it is on."""

    id = fields.UUID()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    invoice_id = fields.UUID()
    invoice_status = Choice(*INVOICE_STATUSES)
    invoice_number = fields.String(allow_none=True)
    kind = Choice(*ADJUSTMENT_KINDS)
    description = fields.String()
    amount = Money()
    tax_class = fields.String(allow_none=True)
    adjusted_on = Day()
    reason = fields.String()
    created_by = fields.UUID()
    created_at = fields.DateTime()


CreditNotePage = page_of(CreditNoteBrief, "CreditNotePage")
DebitNotePage = page_of(DebitNoteBrief, "DebitNotePage")
AdjustmentPage = page_of(AdjustmentOut, "AdjustmentPage")
