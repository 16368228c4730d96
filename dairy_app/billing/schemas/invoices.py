"""Invoices as clients see them."""

from typing import Any

from marshmallow import Schema, fields, pre_load, validates_schema

from dairy_app.billing.rules.e_invoices import MOST_ANSWERS, AnswerFile
from dairy_app.billing.service.invoices import VoidRequest
from dairy_app.catalogue.models import SUPPLY_TYPES, UNITS
from dairy_app.invoices.models import (
    ACK_NO_FORMAT,
    DOCUMENT_TYPES,
    INVOICE_STATUSES,
    IRN_FORMAT,
    LINE_SOURCES,
    SIGNED_QR_FORMAT,
    SIGNED_QR_LENGTH,
)
from dairy_app.invoices.service.e_invoices import PortalAnswer
from dairy_app.orders.models import ORDER_TYPES
from dairy_app.receivables.rules import PAYMENT_STATES
from dairy_app.web import uploads, validate
from dairy_app.web.schemas import (
    Choice,
    Day,
    Instant,
    Line,
    Money,
    Month,
    PageQuery,
    Percent,
    Quantity,
    Several,
    Sort,
    Strict,
    UpdatedSince,
    page_of,
)
from dairy_app.web.validate import Invalid, Pattern


class InvoiceQuery(PageQuery):
    """Which invoices. ``period``: those whose period ends in the month."""

    period = Month(load_default=None)
    status = Several(Choice(*INVOICE_STATUSES))
    customer_id = Several(fields.UUID())
    number = Line(16, load_default=None)
    payment_status = Several(Choice(*PAYMENT_STATES), metadata={"description": "As of today, of issued invoices."})
    overdue = fields.Boolean(
        load_default=None,
        metadata={"description": "Whether something is open of an issued invoice after its due date."},
    )
    sort = Sort("period_start", "invoice_date", "due_date", "total", "customer_name", default="-period_start")
    date_from = Day(load_default=None, data_key="invoice_date[gte]")
    date_to = Day(load_default=None, data_key="invoice_date[lte]")
    updated_since = UpdatedSince(load_default=None)


class InvoiceBrief(Schema):
    """An invoice in a list; a draft has no number and no total yet.

    As of today: total = ``amount_paid`` + ``credit_applied`` (credit notes, write-offs) + ``balance_due``;
    ``payment_status`` is paid, partial, unpaid or overdue.
    """

    id = fields.UUID()
    number = fields.String(allow_none=True)
    status = Choice(*INVOICE_STATUSES)
    document_type = Choice(*DOCUMENT_TYPES, allow_none=True)
    companion_of = fields.UUID(
        allow_none=True, metadata={"description": "The first invoice, when this is its companion for the same period."}
    )
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    period_start = Day()
    period_end = Day()
    invoice_date = Day(allow_none=True)
    due_date = Day(allow_none=True)
    total = Money(allow_none=True)
    amount_paid = Money(allow_none=True, dump_default=None)
    credit_applied = Money(allow_none=True, dump_default=None)
    balance_due = Money(allow_none=True, dump_default=None)
    payment_status = Choice(*PAYMENT_STATES, allow_none=True, dump_default=None)


class InvoiceLineOut(Schema):
    """One line: delivered quantity × price, with its tax."""

    line_no = fields.Integer()
    product_id = fields.UUID(allow_none=True)
    description = fields.String()
    hsn_code = fields.String(allow_none=True)
    unit = fields.String()
    source = Choice(*LINE_SOURCES)
    prior_period = fields.Boolean()
    deliveries = fields.Integer()
    first_date = Day()
    last_date = Day()
    quantity = Quantity()
    unit_price = Money()
    gross_amount = Money()
    discount = Money()
    supply_type = Choice(*SUPPLY_TYPES, allow_none=True)
    gst_rate = Percent(allow_none=True)
    taxable_value = Money()
    cgst = Money(allow_none=True)
    sgst = Money(allow_none=True)
    igst = Money(allow_none=True)
    line_total = Money()
    charge_rule_id = fields.UUID(allow_none=True)
    delivered_to = fields.UUID(allow_none=True)


class InvoiceSection(Schema):
    """The lines of whoever is billed to the invoice's customer; those of that customer itself come first."""

    customer_id = fields.UUID()
    code = fields.String()
    name = fields.String()
    address = fields.String()
    first_line = fields.Integer()
    last_line = fields.Integer()
    total = Money()


class DeliveryOut(Schema):
    """What came on one day."""

    date = Day(attribute="delivered_on")
    order_id = fields.UUID()
    order_type = Choice(*ORDER_TYPES)
    product_id = fields.UUID()
    product_name = fields.String()
    unit = Choice(*UNITS)
    quantity = Quantity(attribute="delivered_quantity")
    unit_price = Money()
    amount = Money()
    delivered_to = fields.UUID(allow_none=True)


class InvoicePayment(Schema):
    """A payment that settles an invoice, and how much of it does: chosen, or because it was the oldest."""

    payment_id = fields.UUID()
    receipt_no = fields.String()
    received_on = Day()
    method = Choice("cash", "upi", "qr", "bank_transfer", "card", "cheque", "wallet")
    amount = Money()
    is_chosen = fields.Boolean()


class InvoiceOut(InvoiceBrief):
    """An invoice in full. For a draft lines and amounts are those it would have if issued now."""

    place_of_supply = fields.String(allow_none=True)
    snapshot = fields.Dict(allow_none=True)
    taxable_value = Money(allow_none=True)
    exempt_value = Money(allow_none=True)
    cgst = Money(allow_none=True)
    sgst = Money(allow_none=True)
    igst = Money(allow_none=True)
    round_off = Money(allow_none=True)
    previous_balance = Money(allow_none=True)
    issued_at = fields.DateTime(allow_none=True)
    void_reason = fields.String(allow_none=True)
    voided_at = fields.DateTime(allow_none=True)
    document_hash = fields.String(allow_none=True)
    irn = fields.String(
        allow_none=True, metadata={"description": "The number of the government's portal, when registered there."}
    )
    ack_no = fields.String(allow_none=True)
    ack_date = fields.DateTime(allow_none=True)
    signed_qr = fields.String(allow_none=True)
    skip_code = fields.String(allow_none=True, dump_default=None)
    lines = fields.List(fields.Nested(InvoiceLineOut))
    sections = fields.List(fields.Nested(InvoiceSection))
    deliveries = fields.List(fields.Nested(DeliveryOut))
    payments = fields.List(fields.Nested(InvoicePayment), dump_default=list)


class EInvoiceIn(Strict):
    """What the government's invoice portal answered: IRN, receipt, and the signed text of the QR code."""

    makes = PortalAnswer
    irn = fields.String(
        required=True,
        validate=Pattern(IRN_FORMAT),
        metadata={"description": "64 hexadecimal digits, small letters.", "example": "3f" * 32},
    )
    ack_no = fields.String(
        required=True,
        validate=Pattern(ACK_NO_FORMAT),
        metadata={"example": "112610036563512"},
    )
    ack_date = Instant(required=True, metadata={"description": "When, with its offset."})
    signed_qr = fields.String(
        required=True,
        validate=[
            validate.Length(max=SIGNED_QR_LENGTH),
            Pattern(SIGNED_QR_FORMAT),
        ],
        metadata={"description": "As it came: header.payload.signature.", "example": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"},
    )


class EInvoiceFileIn(Strict):
    """The portal's file as it gave it: JSON, CSV or a workbook, as an upload named ``file`` or as the body itself.

    JSON is the portal's array, or an object that holds it as ``answers``. What is read of an answer is ``DocNo``,
    ``Irn``, ``AckNo``, ``AckDt``, ``SignedQRCode`` and ``Status``; the document is found by its number, which the
    signed QR code names, too.
    """

    makes = AnswerFile
    not_in_example = ("csv",)
    answers = fields.List(
        fields.Dict(keys=fields.String()),
        validate=validate.Length(1, MOST_ANSWERS),
        load_default=None,
        metadata={
            "example": [
                {
                    "DocNo": "INV/2627/0000123",
                    "AckNo": 112610036563512,
                    "AckDt": "2026-11-03 11:20:00",
                    "Irn": "3f" * 32,
                    "SignedQRCode": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
                    "Status": "ACT",
                }
            ]
        },
    )
    csv = fields.String(load_default=None, validate=validate.Length(min=1))

    other_media = uploads.media_of_import("sheet")

    @pre_load
    def as_object(self, data: Any, **_: Any) -> Any:
        return {"answers": data} if isinstance(data, list) else data

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if (data["answers"] is None) == (data["csv"] is None):
            raise Invalid("Send the portal's answers.", "answers")


class EInvoiceRegistered(Schema):
    """A document that has an IRN now; ``was_known``: it had the same before."""

    line = fields.Integer()
    number = fields.String()
    document_type = Choice(*DOCUMENT_TYPES, "credit_note", "debit_note")
    id = fields.UUID()
    irn = fields.String()
    was_known = fields.Boolean()


class EInvoicesRegistered(Schema):
    """What became of the portal's file."""

    registered = fields.Integer()
    known = fields.Integer()
    items = fields.List(fields.Nested(EInvoiceRegistered))


class VoidIn(Strict):
    """Why an invoice is voided; it stays on the document for ever."""

    makes = VoidRequest
    reason = Line(500, required=True, shortest=3)
    release_payments = fields.Boolean(
        load_default=False,
        metadata={"description": "Void although payments settle it; they become the customer's credit."},
    )
    after_return = fields.Boolean(
        load_default=False,
        metadata={
            "description": "Void although the return that holds the invoice is filed: admins only; the audit log and"
            " the exports' manifest name it."
        },
    )


class VoidOut(Schema):
    """The voided invoice, and the draft that will take its place."""

    id = fields.UUID()
    number = fields.String()
    status = Choice(*INVOICE_STATUSES)
    replaced_by = fields.UUID()


InvoicePage = page_of(InvoiceBrief, "InvoicePage")
