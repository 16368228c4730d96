"""Changing what is sold and for how much."""

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.catalogue.bulk import (
    insert_price,
    insert_product,
    insert_rate,
    insert_tax_class,
    lock_product,
    lock_tax_class,
    update_product,
)
from dairy_app.catalogue.models import Product, ProductPrice
from dairy_app.catalogue.queries import default_tax_class, get_product, get_tax_class
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.common.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDetails:
    """What a new product and a change of one may say; what is UNSET, the table or the old row says."""

    category: str | Unset | None = UNSET
    packet_size: Decimal | Unset | None = UNSET
    hsn_code: str | Unset | None = UNSET
    is_packed: bool | Unset = UNSET
    minimum_price: Decimal | Unset | None = UNSET
    tax_class: str | Unset | None = UNSET
    #: None: nothing comes back.
    container_id: UUID | Unset | None = UNSET
    containers_per_unit: Decimal | Unset | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct(ProductDetails):
    """A product to be sold; its prices are set apart from it."""

    sku: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductChange(ProductDetails):
    """What shall be different in a product; what is UNSET stays as it is. The unit never changes."""

    sku: str | Unset = UNSET
    name: str | Unset = UNSET
    is_active: bool | Unset = UNSET


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A list price from a day on, in rupees per unit."""

    price: Decimal
    valid_from: date


@dataclass(frozen=True, slots=True)
class NewTaxClass:
    """Goods that are taxed alike. ``is_packed`` True: pre-packed ones only; False: loose ones only; None: both."""

    code: str
    description: str
    hsn_prefix: str | None = None
    is_packed: bool | None = None


@dataclass(frozen=True, slots=True)
class NewRate:
    """A tax rate in per cent from a day on, and where it stands written."""

    supply_type: str
    gst_rate: Decimal
    valid_from: date
    source: str


def create_product(session: Session, wanted: NewProduct) -> Row[Any]:
    """A new product, without a price. Without ``tax_class`` its HSN code and packing choose one.

    Raises ``already_exists`` for a SKU in use, ``tax_class_not_found``, ``container_not_found``.
    """
    fields = _with_number(sent(wanted))
    tax_class = fields.get("tax_class") or default_tax_class(fields.get("hsn_code"), fields.get("is_packed", False))
    return get_product(session, insert_product(session, {**fields, "tax_class": tax_class}))


def change_product(session: Session, product_id: UUID, asked: ProductChange) -> Row[Any]:
    """Change what is sent. ``tax_class`` None lets HSN code and packing choose again; otherwise it stays."""
    lock_product(session, product_id)
    changes = _with_number(sent(asked))
    if "tax_class" in changes and changes["tax_class"] is None:
        changes = changes | {
            "tax_class": default_tax_class(
                changes.get("hsn_code", Product.hsn_code), changes.get("is_packed", Product.is_packed)
            )
        }
    if changes:
        update_product(session, product_id, changes)
    return get_product(session, product_id)


def _with_number(fields: dict[str, Any]) -> dict[str, Any]:
    """One container to a unit where nobody says how many; without a container, none."""
    if "container_id" not in fields:
        return fields
    number = fields.get("containers_per_unit") or Decimal(1)
    return fields | {"containers_per_unit": number if fields["container_id"] is not None else None}


def set_price(session: Session, product_id: UUID, wanted: NewPrice) -> Row[Any]:
    """The list price from a day on; the price in force ends the day before.

    What becomes of orders that already exist: ``subscriptions.service.set_price``. Raises ``product_not_found``;
    ``already_exists`` when a price begins on that day.
    """
    lock_product(session, product_id)
    return insert_price(session, ProductPrice, {"product_id": product_id}, wanted.price, wanted.valid_from)


def create_tax_class(session: Session, wanted: NewTaxClass) -> dict[str, Any]:
    """A new class of goods that are taxed alike, without a rate. Raises ``already_exists``."""
    if not insert_tax_class(session, asdict(wanted)):
        raise Problem("already_exists", f"There is a tax class {wanted.code!r} already.")
    return get_tax_class(session, wanted.code)


def set_rate(session: Session, code: str, wanted: NewRate) -> dict[str, Any]:
    """The rate of a class from a day on; the one in force ends the day before. Documents already issued keep theirs.

    Raises ``tax_class_not_found``; ``already_exists`` when a rate begins on that day.
    """
    lock_tax_class(session, code)
    rate = {"supply_type": wanted.supply_type, "gst_rate": wanted.gst_rate, "source": wanted.source}
    insert_rate(session, code, wanted.valid_from, rate)
    return get_tax_class(session, code)
