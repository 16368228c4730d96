"""Refunds as clients send and see them. Amounts are rupees."""

from marshmallow import Schema, fields

from dairy_app.receivables.models import PAYMENT_METHODS, REFUND_STATUSES
from dairy_app.receivables.policy import INTERNAL_REFUND_FIELDS
from dairy_app.receivables.service.refunds import NewRefund
from dairy_app.web.schemas import Choice, Day, Line, Money, PageQuery, Several, Sort, Strict, page_of


class RefundIn(Strict):
    """Credit that was paid back. ``paid_on``: today when left out. ``paid_by``: whose collected cash it was."""

    makes = NewRefund
    customer_id = fields.UUID(required=True)
    amount = Money(required=True, above=True)
    method = Choice(*PAYMENT_METHODS, required=True)
    reason = Line(500, required=True, shortest=3)
    paid_on = Day(load_default=None, allow_none=True)
    reference = Line(100, load_default=None, allow_none=True)
    paid_by = fields.UUID(load_default=None, allow_none=True)

    #: Its example would be an id that nobody has.
    not_in_example = ("paid_by",)


class RefundQuery(PageQuery):
    """Which refunds."""

    customer_id = Several(fields.UUID())
    method = Several(Choice(*PAYMENT_METHODS))
    status = Several(Choice(*REFUND_STATUSES))
    paid_by = Several(fields.UUID())
    voucher_no = Line(30, load_default=None)
    reference = Line(
        100,
        load_default=None,
        metadata={"description": "Read without its wrapping: blanks, case, a leading scheme word.", "example": "4123"},
    )
    sort = Sort("paid_on", "amount", "customer_name", default="-paid_on")
    paid_from = Day(load_default=None, data_key="paid_on[gte]")
    paid_to = Day(load_default=None, data_key="paid_on[lte]")


class RefundOut(Schema):
    """A refund. Customers do not see who recorded it."""

    sometimes = INTERNAL_REFUND_FIELDS
    id = fields.UUID()
    voucher_no = fields.String()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    amount = Money()
    method = Choice(*PAYMENT_METHODS)
    paid_on = Day()
    reference = fields.String(allow_none=True)
    reason = fields.String()
    paid_by = fields.UUID(allow_none=True)
    recorded_by = fields.UUID(allow_none=True)
    status = Choice(*REFUND_STATUSES)
    reversed_on = Day(allow_none=True)
    reversal_reason = fields.String(allow_none=True)
    reversed_by = fields.UUID(allow_none=True)
    cash_settlement_id = fields.UUID(allow_none=True)
    created_at = fields.DateTime()


RefundPage = page_of(RefundOut, "RefundPage")
