"""The review of imported orders as clients see it."""

from marshmallow import Schema, fields

from dairy_app.common.schemas import Day, Money, Month, PageQuery, page_of


class ReviewQuery(PageQuery):
    """Which orders. ``period``: those delivered in the month."""

    customer_id = fields.UUID(load_default=None)
    period = Month(load_default=None)


class ReviewOut(Schema):
    """An order that the earlier system marked as billed; ``amount``: rupees of what was delivered."""

    id = fields.UUID()
    legacy_id = fields.String(allow_none=True)
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    status = fields.String()
    delivered_on = Day()
    amount = Money()


class RebilledOut(Schema):
    """The draft on which the order stands now."""

    order_id = fields.UUID()
    customer_id = fields.UUID()
    invoice_id = fields.UUID()
    delivered_on = Day()


ReviewPage = page_of(ReviewOut, "ReviewPage")
