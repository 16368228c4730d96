"""What closing a day does to orders of standing orders."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Subquery, and_, func, select, union
from sqlalchemy.orm import Session

from dairy_app.orders.models import ClosedDay, Order, OrderItem
from dairy_app.orders.queries import in_area
from dairy_app.subscriptions.models import GeneratedDay
from dairy_app.subscriptions.queries.due import due, these_days


def altered_by_closing(now_due: Subquery) -> tuple[ColumnElement[bool], ...]:
    """The conditions on orders, their items and their row of ``due``: settled otherwise than a closing says now."""
    return (
        Order.status.not_in(("PENDING", "CANCELLED")),
        now_due.c.rule.in_(("closed_day", "closed_day_moved")),
        now_due.c.quantity != OrderItem.quantity,
    )


def moved_orders(session: Session, day: date, area_id: UUID | None) -> Any:
    """How many orders of a day have to do with what a closed day gives to it: those ``waiting`` for their delivery,
    those ``settled``, and of these the ones that ``missed`` it."""
    now_due = due(these_days([day]))
    missed = and_(*altered_by_closing(now_due))
    rows = (
        select(
            func.count().filter(Order.status == "PENDING").label("waiting"),
            func.count().filter(Order.status.not_in(("PENDING", "CANCELLED"))).label("settled"),
            func.count().filter(missed).label("missed"),
        )
        .select_from(Order)
        .join(OrderItem, OrderItem.order_id == Order.id)
        .join(now_due, and_(now_due.c.subscription_id == Order.subscription_id, now_due.c.day == Order.delivery_date))
        .where(
            in_area(Order.customer_id, area_id),
            OrderItem.product_id == now_due.c.product_id,
            now_due.c.rule == "closed_day_moved",
        )
    )
    return session.execute(rows).one()


def closed_days_from(session: Session, first: date) -> list[date]:
    """The days from ``first`` on that are closed, or get what a closed day gives."""
    days = union(select(ClosedDay.day), select(ClosedDay.deliver_on)).subquery("days")
    return list(session.scalars(select(days.c.day).where(days.c.day >= first).order_by(days.c.day)))


def generated_of(session: Session, days: Sequence[date]) -> list[date]:
    """Those of some days that have their orders."""
    rows = select(GeneratedDay.delivery_date).where(GeneratedDay.delivery_date.in_(days))
    return list(session.scalars(rows.order_by(GeneratedDay.delivery_date)))
