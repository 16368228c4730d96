"""The review of imported orders as clients see it."""

from marshmallow import Schema, fields

from dairy_app.orders.models import ORDER_STATUSES
from dairy_app.web.schemas import Choice, Day, Money, Month, PageQuery, page_of


class ReviewQuery(PageQuery):
    """Which orders. ``period``: those delivered in the month."""

    customer_id = fields.UUID(load_default=None)
    period = Month(load_default=None)


class ReviewOut(Schema):
    """An order that the earlier system marked as billed; ``amount``: rupees of what was delivered.

    ``recorded_…``: what its bill record says, when there is one; a paid one of the same amount takes it off the list.
    """

    id = fields.UUID()
    legacy_id = fields.String(allow_none=True)
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    status = Choice(*ORDER_STATUSES)
    delivered_on = Day()
    amount = Money()
    recorded_amount = Money(allow_none=True)
    recorded_period = fields.String(attribute="recorded_month", dump_only=True, allow_none=True)
    recorded_month = fields.String(allow_none=True, metadata={"deprecated": True})
    recorded_as_paid = fields.Boolean(allow_none=True)


class RebilledOut(Schema):
    """The draft on which the order stands now."""

    order_id = fields.UUID()
    customer_id = fields.UUID()
    invoice_id = fields.UUID()
    delivered_on = Day()


ReviewPage = page_of(ReviewOut, "ReviewPage")
