"""Dated prices and tax rates, written: one row after the other, never two for one day."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from dairy_app.catalogue.models import TaxRate
from dairy_app.catalogue.queries import in_force, seen_price, valid_from
from dairy_app.common.errors import Problem


def insert_price(session: Session, table: Any, owner: dict[str, UUID], price: Decimal, start: date) -> Any:
    """Let ``price`` (rupees per unit) be in force from ``start`` on; the new row as clients see it.

    ``table`` holds dated prices of what ``owner`` names; the caller has locked the owner's row. The row in
    force ends the day before; a later row stays, and the new one ends where it begins. Raises
    ``already_exists`` when a row begins on ``start``.
    """
    own = [getattr(table, column) == value for column, value in owner.items()]
    begins = valid_from(table.valid)
    following = session.scalar(select(func.min(begins)).where(*own, begins >= start))
    if following == start:
        raise Problem("already_exists", f"A price from {start} on is set already.")
    close_price(session, table, owner, start)
    row = {**owner, "price": price, "valid": func.daterange(start, following)}
    return session.execute(insert(table).values(row).returning(*seen_price(table))).one()


def insert_rate(session: Session, tax_class: str, start: date, rate: dict[str, Any]) -> None:
    """Let a rate be in force from ``start`` on, as ``insert_price`` does; the caller has locked the class's row."""
    begins = valid_from(TaxRate.valid)
    following = session.scalar(select(func.min(begins)).where(TaxRate.tax_class == tax_class, begins >= start))
    if following == start:
        raise Problem("already_exists", f"A rate from {start} on is set already.")
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
