"""Products, their prices, and the tax on them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import DATERANGE
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.database.models import (
    Base,
    Identified,
    Imported,
    Money,
    Percent,
    Quantity,
    Timestamps,
    check,
    no_overlap,
    one_of,
    references,
    unique,
    unique_index,
)

#: Units a product is sold in.
UNITS = ("litre", "kg", "piece", "packet", "dozen")
#: How the GST law treats a supply; only ``taxable`` has a rate above 0.
SUPPLY_TYPES = ("taxable", "exempt", "nil_rated", "non_gst")


class TaxClass(Timestamps, Base):
    """Goods taxed alike. One HSN code may hold several classes (loose and packed, fresh and UHT)."""

    __tablename__ = "tax_classes"
    __table_args__ = (
        check("code_format", "code ~ '^[a-z][a-z0-9_]{1,59}$'"),
        check("hsn_prefix_format", "hsn_prefix ~ '^[0-9]{2,8}$'"),
        unique_index("uq_tax_classes_default", text("is_default"), where="is_default"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[str]
    hsn_prefix: Mapped[str | None]
    #: True: pre-packed goods only; False: loose only; NULL: both.
    is_packed: Mapped[bool | None]
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))


class TaxRate(Identified, Base):
    """The rate of a tax class over a range of days."""

    __tablename__ = "tax_rates"
    __table_args__ = (
        references("tax_class", "tax_classes.code", "tax_class_not_found"),
        one_of("supply_type", SUPPLY_TYPES),
        check("gst_rate_range", "gst_rate BETWEEN 0 AND 100"),
        check("only_taxable_has_rate", "(supply_type = 'taxable') = (gst_rate > 0)"),
        check("valid_not_empty", "NOT isempty(valid)"),
        no_overlap("ex_tax_rates_in_force", ("tax_class", "="), ("valid", "&&")),
    )

    tax_class: Mapped[str]
    supply_type: Mapped[str]
    gst_rate: Mapped[Percent]
    valid: Mapped[Any] = mapped_column(DATERANGE)
    #: Where the rate comes from: the notification, and that an accountant should check it.
    source: Mapped[str]


class Product(Imported, Base):
    """Something the dairy sells."""

    __tablename__ = "products"
    __table_args__ = (
        references("tax_class", "tax_classes.code", "tax_class_not_found"),
        unique("sku"),
        one_of("unit", UNITS),
        check("name_length", "length(name) BETWEEN 1 AND 200"),
        check("sku_length", "length(sku) BETWEEN 1 AND 60"),
        check("category_length", "length(category) <= 100"),
        check("packet_size_positive", "packet_size > 0"),
        check("minimum_price_not_negative", "minimum_price >= 0 AND minimum_price <> 'NaN'"),
        check("hsn_code_format", "hsn_code ~ '^[0-9]{4}([0-9]{2}){0,2}$'"),
        references("container_id", "containers.id", "container_not_found"),
        check("container_with_number", "(container_id IS NULL) = (containers_per_unit IS NULL)"),
        check("containers_per_unit_range", "containers_per_unit > 0 AND containers_per_unit <= 1000"),
        Index(None, "tax_class"),
    )

    sku: Mapped[str]
    name: Mapped[str]
    category: Mapped[str | None]
    unit: Mapped[str]
    #: Litres or kilograms in one packet.
    packet_size: Mapped[Quantity | None]
    hsn_code: Mapped[str | None]
    is_packed: Mapped[bool] = mapped_column(server_default=text("false"))
    tax_class: Mapped[str]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    #: What staff may quote at least, in rupees per unit; NULL: anything above 0. An admin may go below.
    minimum_price: Mapped[Money | None]
    #: In which it goes out and comes back, and how many of them to one unit; NULL: nothing comes back.
    container_id: Mapped[UUID | None] = mapped_column(sort_order=950)
    containers_per_unit: Mapped[Quantity | None] = mapped_column(sort_order=951)


class ProductPrice(Identified, Base):
    """The list price of a product over a range of days, in rupees per unit."""

    __tablename__ = "product_prices"
    __table_args__ = (
        references("product_id", "products.id", "product_not_found"),
        check("price_not_negative", "price >= 0 AND price <> 'NaN'"),
        check("valid_has_start", "NOT isempty(valid) AND NOT lower_inf(valid)"),
        no_overlap("ex_product_prices_in_force", ("product_id", "="), ("valid", "&&")),
    )

    product_id: Mapped[UUID]
    price: Mapped[Money]
    valid: Mapped[Any] = mapped_column(DATERANGE)
