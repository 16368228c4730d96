"""Making the orders of a day, and of days that were missed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.clock import now
from dairy_app.common.errors import invalid
from dairy_app.orders.rules import LONGEST_AHEAD
from dairy_app.subscriptions.bulk import orders as bulk
from dairy_app.subscriptions.bulk import schedules
from dairy_app.subscriptions.bulk import standing_orders as rows
from dairy_app.subscriptions.bulk.credit import lock_limited
from dairy_app.subscriptions.queries import requirements
from dairy_app.subscriptions.queries import standing_orders as queries
from dairy_app.subscriptions.rules import standing_orders as rules
from dairy_app.subscriptions.service import moves

#: Days that are caught up when nobody made orders for a while; older ones are asked for by date.
LONGEST_BEHIND = timedelta(days=31)
#: Standing orders without an order that are listed one by one.
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Generated:
    """What making orders came to. ``made``: rows (product_id, product_name, unit, area_id, area, orders, quantity)."""

    days: list[date]
    created: int
    skipped_existing: int
    made: Sequence[Any]
    held: int
    blocked: int
    blocked_first: Sequence[Any]


def generate_day(session: Session, day: date) -> Generated:
    """Make the orders of one day, at most 31 days back and 90 ahead. A second time makes nothing new.

    Customers whose move is due by today have moved for good then, and standing orders show what they became by today.
    """
    first = today(session)
    if not first - LONGEST_BEHIND <= day <= first + LONGEST_AHEAD:
        detail = f"Must be from {first - LONGEST_BEHIND} to {first + LONGEST_AHEAD}."
        raise invalid("/delivery_date", detail)
    return _generate(session, [day], first)


def generate_due(session: Session) -> Generated:
    """Make what is due by now: today to the horizon of the settings, and earlier days that were missed.

    Missed is a day after the first one ever made, at most 31 back. What has reached its stop date is marked as
    stopped. Suits a nightly cron.
    """
    bulk.lock_generation(session)
    first = today(session)
    horizon = first + timedelta(days=business_settings(session).generation_days_ahead)
    begun = queries.first_generated_day(session) or first
    made = set(queries.days_with_orders(session, first - LONGEST_BEHIND))
    behind = rules.days_between(max(begun, first - LONGEST_BEHIND), first)[:-1]
    missed = [day for day in behind if day not in made]
    done = _generate(session, missed + rules.days_between(first, horizon), first)
    rows.close_ended(session, first)
    return done


def _generate(session: Session, days: list[date], first: date) -> Generated:
    bulk.lock_generation(session)
    lock_limited(session)
    moves.apply_due(session, first)
    schedules.apply_schedules(session, first)
    made = bulk.generate(session, days)
    bulk.remember_days(session, days, now())
    created = sum(row.orders for row in made.amounts)
    first_blocked = requirements.blocked(session, days, most=MOST_LISTED) if made.blocked else []
    return Generated(days, created, made.due - created, made.amounts, made.held, made.blocked, first_blocked)
