"""Money as clients send and see it. Amounts are rupees."""

from marshmallow import Schema, fields

from dairy_app.receivables.models import PAYMENT_METHODS, PAYMENT_STATUSES
from dairy_app.receivables.policy import INTERNAL_FIELDS, LEDGER_FIELDS
from dairy_app.receivables.rules import Allocation, NewPayment
from dairy_app.receivables.service.cash import CashHandover
from dairy_app.receivables.service.write_offs import NewWriteOff
from dairy_app.web import validate
from dairy_app.web.schemas import (
    Choice,
    Day,
    Line,
    Money,
    PageQuery,
    Paragraph,
    Several,
    Sort,
    Strict,
    UpdatedSince,
    page_of,
)


class AllocationIn(Strict):
    """So much of the payment settles this invoice."""

    makes = Allocation
    invoice_id = fields.UUID(required=True)
    amount = Money(required=True, above=True)


class PaymentIn(Strict):
    """Money that came in. ``received_on``: today when left out. What is not allocated settles what is oldest."""

    makes = NewPayment
    customer_id = fields.UUID(required=True)
    amount = Money(required=True, above=True)
    method = Choice(*PAYMENT_METHODS, required=True)
    received_on = Day(load_default=None, allow_none=True)
    reference = Line(100, load_default=None, allow_none=True)
    notes = Paragraph(500, load_default=None, allow_none=True)
    collected_by = fields.UUID(load_default=None, allow_none=True)
    allocations = fields.List(fields.Nested(AllocationIn), load_default=list, validate=validate.Length(max=100))

    #: Their examples would be ids that nobody has.
    not_in_example = ("collected_by", "allocations")


class AllocationsIn(Strict):
    """What a payment shall settle from today on."""

    allocations = fields.List(fields.Nested(AllocationIn), required=True, validate=validate.Length(1, 100))


class ReversalIn(Strict):
    """Why a payment is taken back, and since when; today when left out."""

    reason = Line(500, required=True, shortest=3)
    reversed_on = Day(load_default=None, allow_none=True)


class PaymentQuery(PageQuery):
    """Which payments."""

    customer_id = Several(fields.UUID())
    method = Several(Choice(*PAYMENT_METHODS))
    status = Several(Choice(*PAYMENT_STATUSES))
    collected_by = Several(fields.UUID())
    receipt_no = Line(30, load_default=None)
    sort = Sort("received_on", "amount", "customer_name", default="-received_on")
    reference = Line(
        100,
        load_default=None,
        metadata={"description": "Read without its wrapping: blanks, case, a leading scheme word.", "example": "4123"},
    )
    updated_since = UpdatedSince(load_default=None)
    received_from = Day(load_default=None, data_key="received_on[gte]")
    received_to = Day(load_default=None, data_key="received_on[lte]")


class PaymentBrief(Schema):
    """A payment in a list. Customers do not see who recorded it."""

    sometimes: frozenset[str] = INTERNAL_FIELDS
    id = fields.UUID()
    receipt_no = fields.String()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    amount = Money()
    method = Choice(*PAYMENT_METHODS)
    received_on = Day()
    reference = fields.String(allow_none=True)
    notes = fields.String(allow_none=True)
    collected_by = fields.UUID(allow_none=True)
    recorded_by = fields.UUID(allow_none=True)
    status = Choice(*PAYMENT_STATUSES)
    reversed_on = Day(allow_none=True)
    reversal_reason = fields.String(allow_none=True)
    reversed_by = fields.UUID(allow_none=True)
    cash_settlement_id = fields.UUID(allow_none=True)
    created_at = fields.DateTime()


class AllocationOut(Schema):
    """What somebody chose; over when ``released_on`` is set."""

    id = fields.UUID()
    invoice_id = fields.UUID()
    invoice_number = fields.String()
    amount = Money()
    allocated_on = Day()
    released_on = Day(allow_none=True)


class ApplicationOut(Schema):
    """What a payment settles as of today, chosen or because it was the oldest; kind ``opening`` has no document. What
    was paid back of it is a ``refund``."""

    kind = Choice("invoice", "debit_note", "opening", "refund")
    document_id = fields.UUID()
    document = fields.String(allow_none=True)
    amount = Money()
    is_chosen = fields.Boolean()


class PaymentOut(PaymentBrief):
    """A payment in full. ``unapplied``: what has found nothing to settle yet, an advance."""

    sometimes = INTERNAL_FIELDS | LEDGER_FIELDS
    allocations = fields.List(fields.Nested(AllocationOut))
    applications = fields.List(fields.Nested(ApplicationOut))
    unapplied = Money()


class WriteOffIn(Strict):
    """What the dairy gives up: of one invoice, or of whatever the customer owes. Today when no day is named."""

    makes = NewWriteOff
    customer_id = fields.UUID(required=True)
    invoice_id = fields.UUID(load_default=None, allow_none=True)
    amount = Money(required=True, above=True)
    reason = Line(500, required=True, shortest=3)
    written_off_on = Day(load_default=None, allow_none=True)

    not_in_example = ("invoice_id",)


class WriteOffQuery(PageQuery):
    """Which write-offs."""

    customer_id = fields.UUID(load_default=None)
    invoice_id = fields.UUID(load_default=None)
    date_from = Day(load_default=None, data_key="written_off_on[gte]")
    date_to = Day(load_default=None, data_key="written_off_on[lte]")


class WriteOffOut(Schema):
    """Something given up."""

    id = fields.UUID()
    customer_id = fields.UUID()
    invoice_id = fields.UUID(allow_none=True)
    amount = Money()
    written_off_on = Day()
    reason = fields.String()
    written_by = fields.UUID()
    created_at = fields.DateTime()


class WriteOffListed(WriteOffOut):
    """A write-off in a list."""

    customer_code = fields.String()
    customer_name = fields.String()


class OpeningBalanceRow(Schema):
    """One opening balance as it was entered."""

    customer_id = fields.UUID()
    customer_code = fields.String()
    as_of = Day()
    amount = Money()


class OpeningBalanceQuery(PageQuery):
    """Whose opening balance."""

    customer_id = fields.UUID(load_default=None)


class OpeningBalanceOut(OpeningBalanceRow):
    """An opening balance."""

    id = fields.UUID()
    customer_name = fields.String()
    entered_by = fields.UUID(allow_none=True)
    created_at = fields.DateTime()


class CashExpectedQuery(Strict):
    """Cash collected up to a day (today when left out); of one person with each payment."""

    date = Day(load_default=None)
    staff_id = fields.UUID(load_default=None)


class CashPayment(Schema):
    """One payment that somebody carries."""

    id = fields.UUID()
    receipt_no = fields.String()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    received_on = fields.String(metadata={"example": "2026-11-22"})
    amount = fields.String(metadata={"example": "60.00"})


class CashRefund(Schema):
    """One refund that somebody paid out of the cash that he carries."""

    id = fields.UUID()
    voucher_no = fields.String()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    paid_on = fields.String(metadata={"example": "2026-11-22"})
    amount = fields.String(metadata={"example": "60.00"})


class CashExpected(Schema):
    """What one member of staff has to hand over: what he collected less what he paid back. Below 0 the dairy owes it.

    ``payments`` and ``refunds`` only when ``staff_id`` was asked for.
    """

    sometimes = ("payments", "refunds")
    staff_id = fields.UUID()
    staff_name = fields.String()
    expected = Money()
    count = fields.Integer()
    oldest_on = Day()
    payments = fields.List(fields.Nested(CashPayment))
    refunds = fields.List(fields.Nested(CashRefund))


class CashExpectedOut(Schema):
    """Cash that was collected and not handed over."""

    date = Day()
    items = fields.List(fields.Nested(CashExpected))
    expected = Money()


class CashSettlementIn(Strict):
    """Cash that is handed over; ``settled_for`` is the day up to which, today when left out."""

    makes = CashHandover
    staff_id = fields.UUID(required=True)
    settled_for = Day(load_default=None, allow_none=True)
    handed_over = Money(required=True)
    notes = Paragraph(500, load_default=None, allow_none=True)


class CashSettlementQuery(PageQuery):
    """Which settlements."""

    staff_id = fields.UUID(load_default=None)
    date_from = Day(load_default=None, data_key="settled_for[gte]")
    date_to = Day(load_default=None, data_key="settled_for[lte]")


class CashSettlementOut(Schema):
    """Cash handed over against cash collected; ``variance`` below 0 is missing."""

    id = fields.UUID()
    staff_id = fields.UUID()
    settled_for = Day()
    expected = Money()
    handed_over = Money()
    variance = Money()
    notes = fields.String(allow_none=True)
    settled_by = fields.UUID()
    settled_at = fields.DateTime()


class CashSettlementListed(CashSettlementOut):
    """A settlement in a list."""

    staff_name = fields.String()
    settled_by_name = fields.String()


PaymentPage = page_of(PaymentBrief, "PaymentPage")
WriteOffPage = page_of(WriteOffListed, "WriteOffPage")
OpeningBalancePage = page_of(OpeningBalanceOut, "OpeningBalancePage")
CashSettlementPage = page_of(CashSettlementListed, "CashSettlementPage")
