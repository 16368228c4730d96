"""Closing days on which nothing is brought, and reopening them. Orders that already exist follow at once."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid, overlaps
from dairy_app.customers.models import Area, Customer
from dairy_app.customers.queries import get_area
from dairy_app.customers.service import customers
from dairy_app.orders import bulk as orders
from dairy_app.orders.models import ClosedDay
from dairy_app.orders.queries import cancelled_by, closings_beside, get_closed_day, in_area, settled_orders
from dairy_app.subscriptions.bulk import orders as bulk
from dairy_app.subscriptions.models import Subscription
from dairy_app.subscriptions.policy import channel_of
from dairy_app.subscriptions.queries import closed_days as queries
from dairy_app.subscriptions.rules.wishes import NewClosedDay
from dairy_app.web.access import Actor


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing a day did to orders.

    ``moved_orders``: orders of the other day that hold its quantities now; ``left_out``: orders that stay as they are.
    """

    id: UUID
    cancelled_orders: int
    cancelled_one_time_orders: int
    moved_orders: int
    left_out: int


def close_day(session: Session, actor: Actor, wanted: NewClosedDay) -> Closed:
    """Close a day, a shift of it, or an area. What is PENDING is cancelled; ``deliver_on`` gets the quantities.

    One-time orders are cancelled, not moved: who ordered them chose the day and its price. Reopening brings them back.
    Raises validation_failed (a day gone by), area_not_found, overlaps (closed already, or one of the two days is closed
    and the other gets its quantities), in_use (orders are out or confirmed), unless ``leave_out``: then they stay.
    """
    first = today(session)
    for pointer, day in (("/day", wanted.day), ("/deliver_on", wanted.deliver_on)):
        if day is not None and day < first:
            raise invalid(pointer, f"{day} is in the past.")
    if wanted.deliver_on == wanted.day:
        raise invalid("/deliver_on", "Must be another day than the closed one.")
    if wanted.area_id is not None:
        get_area(session, wanted.area_id)
    row = {name: value for name, value in asdict(wanted).items() if name != "leave_out"}
    days = _days_of(ClosedDay(**row))
    _lock(session, days, wanted.area_id)
    _refuse_others(session, ClosedDay(**row))
    closed = orders.insert_closed_day(session, {**row, "closed_by": actor.user_id})
    left_out = _left_out(session, actor, closed, leave_out=wanted.leave_out)
    reason = f"Closed: {closed.reason}"
    orders.cancel_one_time(session, closed, now(), reason)
    _follow(session, days, closed.area_id, reason)
    cancelled = cancelled_by(session, closed.id)
    moved = queries.moved_orders(session, closed.deliver_on, closed.area_id).waiting if closed.deliver_on else 0
    return Closed(closed.id, cancelled.get("subscription", 0), cancelled.get("one_time", 0), moved, left_out)


def reopen_day(session: Session, closed_day_id: UUID) -> None:
    """Take a closing back: the orders that it cancelled come back, as far as something else does not hold them back.

    What was cancelled by hand, before or after, stays cancelled. Raises closed_day_not_found, illegal_transition (one
    of its days has gone by), in_use (what it moved to another day is out or delivered there already).
    """
    closed = get_closed_day(session, closed_day_id)
    days = _days_of(closed)
    _lock(session, days, closed.area_id)
    closed = get_closed_day(session, closed_day_id)  # unless somebody reopened it meanwhile
    if min(days) < today(session):
        raise Problem("illegal_transition", f"{min(days)} is in the past.")
    settled = queries.moved_orders(session, closed.deliver_on, closed.area_id).settled if closed.deliver_on else 0
    if settled:
        detail = f"{settled} orders of {closed.deliver_on} with the quantities of {closed.day} are out or delivered."
        raise Problem("in_use", detail, facts={"orders": settled})
    orders.hand_over(session, closed)
    orders.restore_one_time(session, closed.id)
    area_id = closed.area_id
    orders.delete_closed_day(session, closed.id)
    session.expire_all()
    _follow(session, days, area_id, "The day was reopened.")


def change_area(session: Session, area_id: UUID, asked: customers.AreaChange) -> Area:
    """Rename an area or put it below another one: of what is closed there, orders follow. Raises as the area's own."""
    first = today(session)
    _lock(session, queries.closed_days_from(session, first), area_id)
    changed = customers.change_area(session, area_id, asked)
    orders.follow_closings(session, in_area(Customer.id, area_id), first, now())
    days = queries.generated_of(session, queries.closed_days_from(session, first))
    if days:
        _follow(session, days, area_id, f"The area {changed.name} was moved.")
    return changed


def _lock(session: Session, days: Sequence[date], area_id: UUID | None) -> None:
    """Keep out whoever confirms, changes or orders what a closing concerns.

    First the generation, as everyone: who waits for it has locked nobody.
    """
    bulk.lock_generation(session)
    bulk.lock_customers_of(session, days, area_id)
    orders.lock_closings(session)
    session.expire_all()


def _days_of(closed: ClosedDay) -> list[date]:
    return [closed.day, *([closed.deliver_on] if closed.deliver_on else [])]


def _refuse_others(session: Session, wanted: ClosedDay) -> None:
    """Raise ``overlaps``, naming the closing that does not go with the one that is wanted."""
    for other in closings_beside(session, wanted):
        if other.day == wanted.deliver_on:
            raise overlaps("/deliver_on", f"{other.day} is closed: {other.reason}", other.id, other.day, other.day)
        if other.deliver_on == wanted.day:
            detail = f"{wanted.day} gets the quantities of {other.day}, which is closed: {other.reason}"
            raise overlaps("/day", detail, other.id, other.day, other.day)
        if (other.shift, other.area_id) == (wanted.shift, wanted.area_id):
            raise overlaps("/day", f"{other.day} is closed already: {other.reason}", other.id, other.day, other.day)


def _left_out(session: Session, actor: Actor, closed: ClosedDay, *, leave_out: bool) -> int:
    """How many orders stay as they are, because they are out or confirmed. Raises in_use unless they may."""
    here = settled_orders(session, closed)
    there = queries.moved_orders(session, closed.deliver_on, closed.area_id).missed if closed.deliver_on else 0
    if not here + there:
        return 0
    if not leave_out:
        told = [(here, closed.day), (there, closed.deliver_on)]
        detail = " ".join(
            f"{number} orders of {day} are out for delivery or confirmed." for number, day in told if number
        )
        raise Problem("in_use", f"{detail} With leave_out they stay as they are.", facts={"orders": here + there})
    said: dict[str, Any] = {"requested_by": actor.user_id, "channel": channel_of(actor, None)}
    bulk.keep_settled(session, _days_of(closed), f"Before the day was closed: {closed.reason}"[:500], said)
    return here + there


def _follow(session: Session, days: Sequence[date], area_id: UUID | None, reason: str) -> None:
    """The orders of these days say what the standing orders of the area say now; missing ones are made."""
    bulk.follow_days(session, days, area_id, at=now(), reason=reason)
    made = queries.generated_of(session, days)
    if made:
        bulk.generate(session, made, in_area(Subscription.customer_id, area_id))
