"""Reports of standing orders as clients see them: what is needed for a day, customers who came and went."""

from marshmallow import fields

from dairy_app.catalogue.models import UNITS
from dairy_app.subscriptions.models import SHIFTS
from dairy_app.subscriptions.rules.standing_orders import CHANGES
from dairy_app.web.schemas import Choice, Day, MonthsQuery, PageQuery, Quantity, Strict


class RequirementsQuery(Strict):
    """Which day."""

    date = Day(required=True)


class Requirement(Strict):
    """How much of a product goes to an area in a shift."""

    product_id = fields.UUID()
    product_name = fields.String(attribute="name", dump_only=True)
    name = fields.String(metadata={"deprecated": True})
    unit = Choice(*UNITS)
    area_id = fields.UUID(allow_none=True)
    area = fields.String(allow_none=True)
    shift = Choice(*SHIFTS)
    orders = fields.Integer()
    quantity = Quantity()


class RequirementTotal(Strict):
    """How much of a product a day needs; ``packets`` when the quantity fills whole packets."""

    product_id = fields.UUID()
    product_name = fields.String(attribute="name", dump_only=True)
    name = fields.String(metadata={"deprecated": True})
    unit = Choice(*UNITS)
    orders = fields.Integer()
    quantity = Quantity()
    packets = fields.Integer(allow_none=True)


class BlockedProduct(Strict):
    """A product that is due and cannot be ordered: ``no_price`` on that day, or ``product_inactive``."""

    product_id = fields.UUID()
    product_name = fields.String(attribute="name", dump_only=True)
    code = Choice("no_price", "product_inactive")
    customers = fields.Integer(metadata={"description": "How many wait for it."})


class RequirementsOut(Strict):
    """What a day needs, for procurement; ``blocked`` is not among it."""

    date = Day()
    items = fields.List(fields.Nested(Requirement))
    totals = fields.List(fields.Nested(RequirementTotal))
    blocked = fields.List(fields.Nested(BlockedProduct), metadata={"description": "Due, but no order can be made."})


class CustomersReportQuery(MonthsQuery, PageQuery):
    """Which months, at most 24; ``change`` narrows the list of customers, not the counts."""

    change = Choice(*CHANGES, load_default=None)


class RegularsOfMonth(Strict):
    """Customers with a standing order on a day of the month, and how that came: regular = those of the month before −
    its lost + new + returned."""

    period = fields.String()
    regular = fields.Integer(metadata={"description": "Customers with a standing order on a day of the month."})
    new = fields.Integer(metadata={"description": "Customers who had none before."})
    returned = fields.Integer(metadata={"description": "Customers who had none the month before, but earlier."})
    paused = fields.Integer(metadata={"description": "Customers of whom a pause begins in the month."})
    lost = fields.Integer(metadata={"description": "Customers who have none the month after."})


class ReasonOfChange(Strict):
    """Why customers paused or were lost; a reason of null: nobody wrote one."""

    change = Choice("paused", "lost")
    reason = fields.String(allow_none=True)
    customers = fields.Integer()


class CustomerChanged(Strict):
    """One customer who began, came back, paused or stopped."""

    date = Day(metadata={"description": "The first day, of a customer who was lost the last one."})
    change = Choice(*CHANGES)
    reason = fields.String(allow_none=True)
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()


class CustomersReportOut(Strict):
    """Customers by month, why they paused or stopped (the most frequent 50 reasons), and who they are."""

    from_ = fields.String(data_key="from")
    to = fields.String()
    months = fields.List(fields.Nested(RegularsOfMonth))
    reasons = fields.List(fields.Nested(ReasonOfChange))
    items = fields.List(fields.Nested(CustomerChanged))
    next_cursor = fields.String(allow_none=True)
