"""Closed days, written: the closing itself, and the orders that it cancels or brings back, in sets."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, null, or_, select, text, update
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.customers.bulk import lock_customers
from dairy_app.customers.models import Customer
from dairy_app.database.transactions import NotYourTurn
from dairy_app.orders.models import ClosedDay, Order
from dairy_app.orders.queries import area_of_customer, closed_rounds, on_closed_round, payers_of

#: Closing a day excludes ordering for it ("closed" in ASCII).
_CLOSING = 0x636C6F736564
_QUIET: dict[str, Any] = {"synchronize_session": False}


def lock_closings(session: Session) -> None:
    """Wait until nobody orders, closes or reopens, and keep all of them out until the end."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CLOSING})


def hold_closings(session: Session) -> None:
    """Keep closing and reopening out until the end: a day is closed before an order, or knows of it."""
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _CLOSING})


def lock_with_payers(session: Session, customer_ids: Sequence[UUID]) -> None:
    """Take the mutex of the money of these customers' deliveries: their rows and those of who pays, ids ascending.

    Whatever decides is read after this. When by then somebody else pays for one of them, the whole work is done again.
    """
    expected = payers_of(session, customer_ids)
    lock_customers(session, expected)
    if not payers_of(session, customer_ids) <= expected:
        raise NotYourTurn(Problem("in_use", "By whom the customer is billed is just being changed; try again."))


def insert_closed_day(session: Session, row: Mapping[str, Any]) -> ClosedDay:
    """A closing. Made when this is run, not when the transaction began: what waited for it comes after it."""
    made = insert(ClosedDay).values({**row, "created_at": func.clock_timestamp()}).returning(ClosedDay)
    return session.scalars(made).one()


def delete_closed_day(session: Session, closed_day_id: UUID) -> None:
    """Take a closing back."""
    session.execute(delete(ClosedDay).where(ClosedDay.id == closed_day_id).execution_options(**_QUIET))


def cancel_one_time(session: Session, closed: ClosedDay, at: datetime, reason: str) -> None:
    """Cancel the PENDING one-time orders that a closing covers."""
    session.execute(
        update(Order)
        .where(*on_closed_round(closed), Order.order_type == "one_time", Order.status == "PENDING")
        .values(status="CANCELLED", cancelled_at=at, cancel_reason=reason[:500], closed_day_id=closed.id)
        .execution_options(**_QUIET)
    )


def follow_closings(session: Session, whose: ColumnElement[bool], first: date, at: datetime) -> None:
    """Let one-time orders from ``first`` on keep to what is closed where their customers live now.

    ``whose`` narrows the rows of ``customers``. What waits on a closed round is cancelled; what a closing had cancelled
    comes back, unless another one holds it or its customer has stopped. The caller keeps out who closes or reopens.
    """
    if session.scalar(select(ClosedDay.id).where(ClosedDay.day >= first).limit(1)) is None:
        return
    lock_closings(session)  # an order that is being placed knew only where the customer lived
    rounds = closed_rounds(ClosedDay.day >= first)
    same = and_(
        rounds.c.day == Order.delivery_date, rounds.c.shift == Order.shift, rounds.c.area_id == area_of_customer()
    )
    found = (
        select(Order.id, rounds.c.closed_day_id, ClosedDay.reason)
        .join(Customer, Customer.id == Order.customer_id)
        .outerjoin(rounds, same)
        .outerjoin(ClosedDay, ClosedDay.id == rounds.c.closed_day_id)
        .where(whose, Order.order_type == "one_time", Order.delivery_date >= first)
        .where(or_(rounds.c.closed_day_id.is_not(None), Customer.status != "stopped"))
        .cte("found")
    )
    is_open, was_open = found.c.closed_day_id.is_(None), Order.closed_day_id.is_(None)
    session.execute(
        update(Order)
        .where(Order.id == found.c.id, Order.closed_day_id.is_distinct_from(found.c.closed_day_id))
        .where(or_(Order.status == "PENDING", Order.closed_day_id.is_not(None)))
        .values(
            status=case((is_open, "PENDING"), else_="CANCELLED"),
            cancelled_at=case((is_open, null()), (was_open, at), else_=Order.cancelled_at),
            cancel_reason=case((is_open, null()), else_=func.left("Closed: " + found.c.reason, 500)),
            closed_day_id=found.c.closed_day_id,
        )
        .execution_options(**_QUIET)
    )


def hand_over(session: Session, closed: ClosedDay) -> None:
    """Let the orders that a closing cancelled be cancelled by the other closing of their round, where there is one."""
    others = closed_rounds(ClosedDay.day == closed.day, ClosedDay.id != closed.id)
    session.execute(
        update(Order)
        .where(Order.closed_day_id == closed.id, Customer.id == Order.customer_id)
        .where(others.c.shift == Order.shift, others.c.area_id == area_of_customer())
        .values(closed_day_id=others.c.closed_day_id)
        .execution_options(**_QUIET)
    )


def restore_one_time(session: Session, closed_day_id: UUID) -> None:
    """Bring the one-time orders back that a closing cancelled, but those of customers who have stopped."""
    stopped = select(Customer.id).where(Customer.status == "stopped")
    session.execute(
        update(Order)
        .where(Order.closed_day_id == closed_day_id, Order.order_type == "one_time")
        .where(Order.customer_id.not_in(stopped))
        .values(status="PENDING", cancelled_at=null(), cancel_reason=null(), closed_day_id=null())
        .execution_options(**_QUIET)
    )
