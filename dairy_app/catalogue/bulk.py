"""Products and tax classes, written; their dated prices and rates: one row after the other, never two for one day."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from dairy_app.catalogue.models import Product, TaxClass, TaxRate
from dairy_app.catalogue.queries import in_force, seen_price, valid_from
from dairy_app.common.errors import Problem


def insert_price(session: Session, table: Any, owner: dict[str, UUID], price: Decimal, start: date) -> Row[Any]:
    """Let ``price`` (rupees per unit) be in force from ``start`` on; the new row as clients see it.

    ``table`` holds dated prices of what ``owner`` names; the caller has locked the owner's row. The row in
    force ends the day before; a later row stays, and the new one ends where it begins. Raises
    ``already_exists`` when a row begins on ``start``.
    """
    own = [getattr(table, column) == value for column, value in owner.items()]
    begins = valid_from(table.valid)
    following = session.scalar(select(func.min(begins)).where(*own, begins >= start))
    if following == start:
        raise Problem("already_exists", f"A price from {start} on already exists.")
    close_price(session, table, owner, start)
    row = {**owner, "price": price, "valid": func.daterange(start, following)}
    return session.execute(insert(table).values(row).returning(*seen_price(table))).one()


def insert_rate(session: Session, tax_class: str, start: date, rate: dict[str, Any]) -> None:
    """Let a rate be in force from ``start`` on, as ``insert_price`` does; the caller has locked the class's row."""
    begins = valid_from(TaxRate.valid)
    following = session.scalar(select(func.min(begins)).where(TaxRate.tax_class == tax_class, begins >= start))
    if following == start:
        raise Problem("already_exists", f"A rate from {start} on already exists.")
    close_price(session, TaxRate, {"tax_class": tax_class}, start)
    session.execute(insert(TaxRate).values(tax_class=tax_class, valid=func.daterange(start, following), **rate))


def close_price(session: Session, table: Any, owner: dict[str, Any], end: date) -> None:
    """End the price or rate in force on ``end`` the day before."""
    own = [getattr(table, column) == value for column, value in owner.items()]
    session.execute(
        update(table)
        .where(*own, in_force(table.valid, end))
        .values(valid=func.daterange(valid_from(table.valid), end))
        .execution_options(synchronize_session=False)
    )


def insert_product(session: Session, row: dict[str, Any]) -> UUID:
    """A new product; its id."""
    made: UUID = session.execute(insert(Product).values(**row).returning(Product.id)).scalar_one()
    return made


def update_product(session: Session, product_id: UUID, row: dict[str, Any]) -> None:
    """Write columns of one product; a value may be SQL over its other columns."""
    session.execute(
        update(Product).where(Product.id == product_id).values(**row).execution_options(synchronize_session=False)
    )


def lock_product(session: Session, product_id: UUID) -> None:
    """Hold the product's row, so that its prices are set in turn. Raises ``product_not_found``."""
    found = session.scalar(select(Product.id).where(Product.id == product_id).with_for_update(key_share=True))
    if found is None:
        raise Problem("product_not_found")


def insert_tax_class(session: Session, row: dict[str, Any]) -> bool:
    """A new tax class; False when the code exists."""
    new = postgresql.insert(TaxClass).values(**row).on_conflict_do_nothing().returning(TaxClass.code)
    return session.scalar(new) is not None


def lock_tax_class(session: Session, code: str) -> None:
    """Hold the class's row, so that its rates are set in turn. Raises ``tax_class_not_found``."""
    locked = select(TaxClass.code).where(TaxClass.code == code).with_for_update(key_share=True)
    if session.scalar(locked) is None:
        raise Problem("tax_class_not_found")
