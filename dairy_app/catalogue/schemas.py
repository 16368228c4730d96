"""Products and prices as clients see them."""

from marshmallow import fields, validate

from dairy_app.catalogue.models import UNITS
from dairy_app.common.schemas import Choice, Day, Line, Money, PageQuery, Quantity, Strict


class ProductFields(Strict):
    """What describes a product, whether new or changed."""

    sku = Line(60)
    name = Line(200)
    category = Line(100, allow_none=True)
    packet_size = Quantity(above=True, allow_none=True, metadata={"description": "Litres or kilograms in one packet."})
    hsn_code = fields.String(
        allow_none=True,
        validate=validate.Regexp(r"^[0-9]{4}([0-9]{2}){0,2}\Z", error="Must be 4, 6 or 8 digits."),
    )
    is_packed = fields.Boolean(truthy={True}, falsy={False})
    tax_class = Line(60, allow_none=True, metadata={"description": "Chosen by HSN code and packing when null."})


class ProductIn(ProductFields):
    """A new product; prices are set apart from it."""

    sku = Line(60, required=True)
    name = Line(200, required=True)
    unit = Choice(*UNITS, required=True)


class ProductPatch(ProductFields):
    """Only what is sent changes. The unit never does: quantities already ordered would change with it."""

    is_active = fields.Boolean(truthy={True}, falsy={False})


class ProductOut(Strict):
    """A product and its list price of today."""

    id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    category = fields.String(allow_none=True)
    unit = Choice(*UNITS)
    packet_size = Quantity(allow_none=True)
    hsn_code = fields.String(allow_none=True)
    is_packed = fields.Boolean()
    tax_class = fields.String()
    is_active = fields.Boolean()
    current_price = Money(allow_none=True, metadata={"description": "Rupees per unit today, null: none."})
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class ProductsQuery(PageQuery):
    """Which products."""

    is_active = fields.Boolean(load_default=None)
    category = Line(100, load_default=None)


class PriceIn(Strict):
    """A price from a day on."""

    price = Money(required=True)
    valid_from = Day(required=True)


class PriceOut(Strict):
    """A price and the days it is in force, both included; ``valid_to`` null: until further notice."""

    id = fields.UUID()
    product_id = fields.UUID()
    price = Money()
    valid_from = Day()
    valid_to = Day(allow_none=True)
