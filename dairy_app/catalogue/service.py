"""Changing what is sold and for how much."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

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
from dairy_app.common.errors import Problem


def create_product(session: Session, fields: dict[str, Any]) -> Any:
    """A new product, without a price. Without ``tax_class`` its HSN code and packing choose one.

    Raises ``already_exists`` for a SKU in use, ``tax_class_not_found``.
    """
    tax_class = fields.get("tax_class") or default_tax_class(fields.get("hsn_code"), fields.get("is_packed", False))
    return get_product(session, insert_product(session, {**fields, "tax_class": tax_class}))


def change_product(session: Session, product_id: UUID, changes: dict[str, Any]) -> Any:
    """Change what is sent. ``tax_class`` None lets HSN code and packing choose again; otherwise it stays."""
    lock_product(session, product_id)
    if "tax_class" in changes and changes["tax_class"] is None:
        changes = changes | {
            "tax_class": default_tax_class(
                changes.get("hsn_code", Product.hsn_code), changes.get("is_packed", Product.is_packed)
            )
        }
    if changes:
        update_product(session, product_id, changes)
    return get_product(session, product_id)


def set_price(session: Session, product_id: UUID, price: Decimal, valid_from: date) -> Any:
    """The list price from a day on, in rupees per unit; the price in force ends the day before.

    What becomes of orders that already exist: ``subscriptions.service.set_price``. Raises ``product_not_found``;
    ``already_exists`` when a price begins on that day.
    """
    lock_product(session, product_id)
    return insert_price(session, ProductPrice, {"product_id": product_id}, price, valid_from)


def create_tax_class(session: Session, fields: dict[str, Any]) -> dict[str, Any]:
    """A new class of goods that are taxed alike, without a rate. Raises ``already_exists``."""
    if not insert_tax_class(session, fields):
        raise Problem("already_exists", f"Tax class {fields['code']!r} already exists.")
    return get_tax_class(session, fields["code"])


def set_rate(session: Session, code: str, valid_from: date, rate: dict[str, Any]) -> dict[str, Any]:
    """The rate of a class from a day on; the one in force ends the day before. Documents already issued keep theirs.

    ``rate``: supply_type, gst_rate (per cent) and source. Raises ``tax_class_not_found``; ``already_exists`` when a
    rate begins on that day.
    """
    lock_tax_class(session, code)
    insert_rate(session, code, valid_from, rate)
    return get_tax_class(session, code)
