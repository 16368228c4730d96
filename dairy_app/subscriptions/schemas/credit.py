"""Credit as clients see it: how near customers are to their limits, and what was held back. Amounts are rupees."""

from marshmallow import fields

from dairy_app.customers.models import CUSTOMER_STATUSES, PAYMENT_TERMS
from dairy_app.web.schemas import Choice, Day, Money, PageQuery, Strict


class Exposure(Strict):
    """What a customer owes, in all its parts, and how much of that may be."""

    customer_id = fields.UUID()
    payment_terms = Choice(*PAYMENT_TERMS)
    credit_limit = Money(
        allow_none=True, metadata={"description": "0.00 of who pays in advance and has none; null: any amount."}
    )
    balance = Money(metadata={"description": "What is owed for bills, less what is paid; below 0 it is credit."})
    draft = Money(metadata={"description": "What is delivered and not billed yet."})
    ordered = Money(metadata={"description": "What is ordered and not delivered yet."})
    exposure = Money(metadata={"description": "balance + draft + ordered."})


class NearLimit(Exposure):
    """A customer at or near its limit."""

    customer_code = fields.String()
    customer_name = fields.String()
    phone = fields.String(allow_none=True)
    area = fields.String(allow_none=True)
    status = Choice(*CUSTOMER_STATUSES)
    share = Money(
        allow_none=True,
        metadata={"description": "Per cent of the limit; null where that is 0.", "example": "85.00"},
    )


class CreditQuery(PageQuery):
    """``area_id`` takes the areas below it too."""

    area_id = fields.UUID(load_default=None)


class CreditReportOut(Strict):
    """Who is at its limit or has used 80 % of it, by customer code; who stopped is left out."""

    items = fields.List(fields.Nested(NearLimit))
    next_cursor = fields.String(allow_none=True)


class HeldOrder(Strict):
    """An order that was not made, as the customer was at its limit."""

    subscription_id = fields.UUID()
    date = Day(attribute="day")
    product_name = fields.String()
    amount = Money(metadata={"description": "What the order would have come to."})
    exposure = Money(
        allow_none=True,
        metadata={"description": "What who pays would have come to with all that was due that day; null: is not told."},
    )
    credit_limit = Money(allow_none=True, metadata={"description": "As it was then; null: is not told."})


class CustomerCreditOut(Exposure):
    """How a customer stands, and which orders of the last 31 days and of those to come it did not get for that."""

    held = fields.List(
        fields.Nested(HeldOrder), metadata={"description": "Orders that were not made, the latest day first."}
    )
