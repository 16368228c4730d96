"""The month's grid as clients see it."""

from marshmallow import Schema, fields

from dairy_app.catalogue.models import UNITS
from dairy_app.receivables.rules import PAYMENT_STATES
from dairy_app.web.schemas import (
    Choice,
    Day,
    Money,
    Month,
    PageQuery,
    Quantity,
)


class MonthlyViewQuery(PageQuery):
    """Which month, whose customers."""

    period = Month(required=True)
    area_id = fields.UUID(load_default=None)
    delivery_boy_id = fields.UUID(load_default=None)
    marketing_staff_id = fields.UUID(
        load_default=None, metadata={"description": "Marketing staff see their own customers only."}
    )
    customer_id = fields.UUID(load_default=None)
    product_id = fields.UUID(load_default=None)


class MonthlyProduct(Schema):
    """What one customer got of one product at one price, day by day."""

    product_id = fields.UUID()
    product_name = fields.String(attribute="name", dump_only=True)
    name = fields.String(metadata={"deprecated": True})
    unit = Choice(*UNITS)
    unit_price = Money()
    daily_quantities = fields.Dict(keys=fields.String(), values=Quantity())
    week_totals = fields.Dict(keys=fields.String(), values=Quantity())
    total_quantity = Quantity()
    total_amount = Money()


class MonthlyCustomer(Schema):
    """One customer's month: previous_balance + bill + other_entries − paid = current_balance, on its last day.

    ``bill`` has the month's drafts in it, ``paid`` what came in during the month, less what was reversed;
    ``other_entries`` are credit notes, write-offs and an opening balance. Marketing staff see no payments.
    """

    sometimes = ("paid", "other_entries", "payment_status")
    customer_id = fields.UUID()
    customer_code = fields.String(attribute="code")
    customer_name = fields.String(attribute="name", dump_only=True)
    name = fields.String(metadata={"deprecated": True})
    phone = fields.String(allow_none=True)
    area = fields.String(allow_none=True)
    products = fields.List(fields.Nested(MonthlyProduct))
    bill = Money()
    paid = Money()
    other_entries = Money()
    previous_balance = Money()
    current_balance = Money()
    payment_status = Choice(*PAYMENT_STATES)


class MonthlyViewOut(Schema):
    """The month as a grid: customer × product × day of delivered quantities."""

    period = fields.String()
    date_list = fields.List(Day())
    items = fields.List(fields.Nested(MonthlyCustomer))
    next_cursor = fields.String(allow_none=True)
