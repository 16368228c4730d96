"""Products and prices as clients see them."""

from marshmallow import fields

from dairy_app.catalogue.models import SUPPLY_TYPES, UNITS
from dairy_app.catalogue.service import NewPrice, NewProduct, NewRate, NewTaxClass, ProductChange
from dairy_app.web.schemas import Choice, Day, Line, Money, PageQuery, Percent, Quantity, Strict, UpdatedSince
from dairy_app.web.validate import Pattern


class ProductFields(Strict):
    """What describes a product, whether new or changed."""

    sku = Line(60)
    name = Line(200)
    category = Line(100, allow_none=True)
    packet_size = Quantity(above=True, allow_none=True, metadata={"description": "Litres or kilograms in one packet."})
    hsn_code = fields.String(
        allow_none=True,
        validate=Pattern(r"^[0-9]{4}([0-9]{2}){0,2}$", error="Must be 4, 6 or 8 digits."),
    )
    is_packed = fields.Boolean(truthy={True}, falsy={False})
    minimum_price = Money(
        allow_none=True, metadata={"description": "What staff may quote at least; null: anything above 0."}
    )
    tax_class = Line(60, allow_none=True, metadata={"description": "Chosen by HSN code and packing when null."})
    container_id = fields.UUID(allow_none=True)
    containers_per_unit = Quantity(above=True, allow_none=True)
    not_in_example = ("container_id", "containers_per_unit")


class ProductIn(ProductFields):
    """A new product; prices are set apart from it."""

    makes = NewProduct
    sku = Line(60, required=True)
    name = Line(200, required=True)
    unit = Choice(*UNITS, required=True)


class ProductPatch(ProductFields):
    """Only what is sent changes. The unit never does: quantities already ordered would change with it."""

    makes = ProductChange
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
    minimum_price = Money(
        allow_none=True, metadata={"description": "What staff may quote at least; null for who does not sell, too."}
    )
    current_price = Money(allow_none=True, metadata={"description": "Rupees per unit today, null: none."})
    container_id = fields.UUID(allow_none=True)
    containers_per_unit = Quantity(allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class ProductsQuery(PageQuery):
    """Which products."""

    is_active = fields.Boolean(load_default=None)
    category = Line(100, load_default=None)
    updated_since = UpdatedSince(load_default=None)


class PriceIn(Strict):
    """A price from a day on."""

    makes = NewPrice
    price = Money(required=True)
    valid_from = Day(required=True)


class UnitQuantity(Strict):
    """How much, in one unit: litres and pieces are never added up."""

    unit = Choice(*UNITS)
    quantity = Quantity()


class PriceOut(Strict):
    """A price and the days it is in force, both included; ``valid_to`` null: until further notice."""

    id = fields.UUID()
    product_id = fields.UUID()
    price = Money()
    valid_from = Day()
    valid_to = Day(allow_none=True)


class TaxClassIn(Strict):
    """A new class of goods that are taxed alike."""

    makes = NewTaxClass
    code = fields.String(required=True, validate=Pattern(r"^[a-z][a-z0-9_]{1,59}$"))
    description = Line(200, required=True)
    hsn_prefix = fields.String(load_default=None, allow_none=True, validate=Pattern(r"^[0-9]{2,8}$"))
    is_packed = fields.Boolean(
        truthy={True},
        falsy={False},
        load_default=None,
        allow_none=True,
        metadata={"description": "true: pre-packed goods only; false: loose only; null: both."},
    )


class TaxRateIn(Strict):
    """A rate from a day on. Only ``taxable`` goods have one above 0."""

    makes = NewRate
    supply_type = Choice(*SUPPLY_TYPES, required=True)
    gst_rate = Percent(required=True)
    valid_from = Day(required=True)
    source = Line(300, required=True, metadata={"description": "The notification; who checked it."})


class TaxRateOut(Strict):
    """A rate and the days it is in force, both included; null: since ever, until further notice."""

    supply_type = Choice(*SUPPLY_TYPES)
    gst_rate = Percent()
    valid_from = Day(allow_none=True)
    valid_to = Day(allow_none=True)
    source = fields.String()


class TaxClassOut(Strict):
    """Goods that are taxed alike, with their rates past and to come."""

    code = fields.String()
    description = fields.String()
    hsn_prefix = fields.String(allow_none=True)
    is_packed = fields.Boolean(allow_none=True)
    is_default = fields.Boolean()
    rates = fields.List(fields.Nested(TaxRateOut))


class TaxClassesOut(Strict):
    """All classes; there are few."""

    items = fields.List(fields.Nested(TaxClassOut))
