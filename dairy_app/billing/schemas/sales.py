"""What was sold, as clients see it. Amounts are rupees."""

from marshmallow import fields

from dairy_app.billing.rules.sales import GROUPINGS
from dairy_app.catalogue.schemas import UnitQuantity
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Money, MonthsQuery, Strict


class SalesQuery(MonthsQuery):
    """Which months, at most 24; what a row is about; how many rows, by month all of them."""

    by = Choice(*GROUPINGS, load_default="product")
    limit = fields.Integer(strict=False, load_default=50, validate=validate.Range(1, 200))


class SalesAmounts(Strict):
    """What goods and charges came to."""

    before_tax = Money()
    with_tax = Money()


class OneTimeSales(Strict):
    """What orders without a standing order came to, with tax: on invoices less credit notes, and on drafts."""

    billed = Money()
    unbilled = Money()


class Sales(Strict):
    """What was sold: ``net`` = ``billed`` − ``credited`` + ``unbilled``. The rounding of documents is in none."""

    quantities = fields.List(
        fields.Nested(UnitQuantity), metadata={"description": "Delivered, less what was credited; a row for each unit."}
    )
    billed = fields.Nested(SalesAmounts, metadata={"description": "On invoices that are issued, and not void."})
    credited = fields.Nested(SalesAmounts, metadata={"description": "Taken back of those invoices by credit notes."})
    unbilled = fields.Nested(
        SalesAmounts, metadata={"description": "Delivered and not billed yet: the drafts as of now."}
    )
    net = fields.Nested(SalesAmounts)
    one_time = fields.Nested(OneTimeSales)


class SalesCompared(Strict):
    """The months asked for, as many before them, and the same months of the year before."""

    sales = fields.Nested(Sales)
    sales_before = fields.Nested(Sales)
    sales_year_before = fields.Nested(Sales)


class SalesRow(SalesCompared):
    """One product, area, month or customer. A product of null are charges and discounts; an area of null is none."""

    period = fields.String(allow_none=True, metadata={"description": "By month: which."})
    id = fields.UUID(allow_none=True, metadata={"description": "Of the product, the area or the customer."})
    code = fields.String(allow_none=True, metadata={"description": "The product's SKU, the customer's code."})
    name = fields.String(allow_none=True, metadata={"description": "The name as it is today."})


class SalesOut(Strict):
    """What was sold in some months, the most first, by month the earliest. ``totals`` are of all ``rows``."""

    from_ = fields.String(data_key="from")
    to = fields.String()
    by = Choice(*GROUPINGS)
    items = fields.List(fields.Nested(SalesRow))
    rows = fields.Integer()
    totals = fields.Nested(SalesCompared)
