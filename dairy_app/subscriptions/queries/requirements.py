"""What days need: by product, area and shift, and what of it cannot be ordered."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, exists, false, func, not_, or_, select, union_all
from sqlalchemy.orm import Session

from dairy_app.catalogue.models import Product
from dairy_app.customers.models import Area, Customer
from dairy_app.orders.models import Order, OrderItem
from dairy_app.subscriptions.models import CreditHold
from dairy_app.subscriptions.queries.due import DAYS_KEPT, area_on_the_day, days_from, deliverable, these_days


def blocked(session: Session, days: Sequence[date], *, most: int) -> Sequence[Any]:
    """The first standing orders due on ``days`` of which no order can be made, and why."""
    wanted = deliverable(these_days(days))
    return session.execute(
        select(wanted.c.subscription_id, wanted.c.customer_id, wanted.c.product_id, wanted.c.day)
        .add_columns(wanted.c.hindrance.label("code"))
        .where(wanted.c.hindrance.is_not(None), not_(_has_order(wanted)))
        .order_by(wanted.c.day, wanted.c.subscription_id)
        .limit(most)
    ).all()


@lru_cache(maxsize=DAYS_KEPT)
def _blocked_products(day: date) -> Select[Any]:
    wanted = deliverable(days_from(day, day))
    return (
        select(wanted.c.product_id, Product.name, wanted.c.hindrance.label("code"))
        .add_columns(func.count(wanted.c.customer_id.distinct()).label("customers"))
        .join(Product, Product.id == wanted.c.product_id)
        .where(wanted.c.hindrance.is_not(None), not_(_has_order(wanted)))
        .group_by(wanted.c.product_id, Product.id, wanted.c.hindrance)
        .order_by(Product.name, Product.id)
    )


def _has_order(wanted: FromClause) -> ColumnElement[bool]:
    """Whether a row of ``due`` has its order already, cancelled or not."""
    return exists().where(Order.subscription_id == wanted.c.subscription_id, Order.delivery_date == wanted.c.day)


def _is_held(wanted: FromClause) -> ColumnElement[bool]:
    """Whether a row of ``due`` got no order, as its customer was at its credit limit."""
    return exists().where(CreditHold.subscription_id == wanted.c.subscription_id, CreditHold.day == wanted.c.day)


def requirements(session: Session, day: date) -> tuple[Sequence[Any], Sequence[Any]]:
    """What a day needs, by product, area and shift: the orders that are there and those still to be made. And products
    that are due and of which no order can be made, why, and for how many customers.

    Equal to what generating the day leads to, before and after it is generated, except that credit is asked about only
    then; orders made at the door were no need of the day. One statement; another one where something is blocked.
    """
    rows = session.execute(_requirements(day)).all()
    needed = [row for row in rows if row.orders]
    return needed, session.execute(_blocked_products(day)).all() if any(row.is_blocked for row in rows) else ()


@lru_cache(maxsize=DAYS_KEPT)
def _requirements(day: date) -> Select[Any]:
    area = func.coalesce(Order.area_id, Customer.area_id).label("area_id")
    ordered = (
        select(OrderItem.product_id, area, Order.shift, OrderItem.quantity, false().label("is_blocked"))
        .join(Order, Order.id == OrderItem.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Order.delivery_date == day, Order.status != "CANCELLED", Order.source != "door")
    )
    wanted = deliverable(days_from(day, day))
    brought, area_to_be = area_on_the_day(wanted)
    is_blocked = wanted.c.hindrance.is_not(None).label("is_blocked")
    to_make = (
        select(wanted.c.product_id, area_to_be, wanted.c.shift, wanted.c.quantity, is_blocked)
        .select_from(brought)
        .where(not_(_has_order(wanted)), or_(is_blocked, not_(_is_held(wanted))))
    )
    needed = union_all(ordered, to_make).subquery("needed")
    return (
        select(
            needed.c.product_id,
            Product.name,
            Product.unit,
            Product.packet_size,
            needed.c.area_id,
            Area.name.label("area"),
            needed.c.shift,
            func.sum(needed.c.quantity).filter(not_(needed.c.is_blocked)).label("quantity"),
            func.count().filter(not_(needed.c.is_blocked)).label("orders"),
            func.bool_or(needed.c.is_blocked).label("is_blocked"),
        )
        .join(Product, Product.id == needed.c.product_id)
        .outerjoin(Area, Area.id == needed.c.area_id)
        .group_by(needed.c.product_id, Product.id, needed.c.area_id, Area.id, needed.c.shift)
        .order_by(Product.name, Product.id, Area.name.nulls_last(), needed.c.area_id, needed.c.shift.desc())
    )
