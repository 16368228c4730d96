"""What every standing order wants on which day, and why: the one place where the rule is in SQL."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Numeric,
    Subquery,
    and_,
    any_,
    case,
    cast,
    extract,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.orm import aliased

from dairy_app.catalogue.models import Product
from dairy_app.customers.models import Customer
from dairy_app.customers.queries import in_move, pending_moves, with_price
from dairy_app.orders.models import ClosedDay
from dairy_app.orders.queries import area_of_customer, closed_rounds
from dairy_app.subscriptions.models import (
    OVERRIDE_KINDS,
    CreditHold,
    Subscription,
    SubscriptionOverride,
    SubscriptionPause,
    SubscriptionQuantity,
    SubscriptionSchedule,
)
from dairy_app.subscriptions.rules.standing_orders import RHYTHMIC

#: To put a statement over ``due`` together takes longer than to run it for a small dairy: those of so many days, today
#: and tomorrow again and again, are kept.
DAYS_KEPT = 8


def days_from(first: date, last: date) -> Subquery:
    """The days from ``first`` to ``last``, both included, one row each: ``day``."""
    offset = func.generate_series(0, (last - first).days).column_valued("n")
    return select(type_coerce(literal(first, Date) + offset, Date).label("day")).subquery("days")


def these_days(days: Sequence[date]) -> Subquery:
    """The given days, one row each: ``day``."""
    return select(func.unnest(literal(list(days), ARRAY(Date))).column_valued("day")).subquery("days")


def due(days: FromClause, *only: ColumnElement[bool]) -> Subquery:
    """What every standing order wants on each of ``days``, and the rule that decided it.

    ``days`` has a column ``day``; ``only`` narrows the rows of ``subscriptions``. Columns: subscription_id,
    customer_id, product_id, area_id (the customer's own: see ``area_on_the_day``), day, shift, price_per_unit (quoted,
    rupees), closed_day_id (the closing that holds the day back), rule, quantity (the product's unit; 0: nothing comes).
    This is the one place where the rule is in SQL; with ``with_holds`` on top, ``rules.decide`` reads the same.
    """
    ruled = _ruled(days, closed_rounds(ClosedDay.day.in_(select(days.c.day))), *only)
    moved = _moved_to(days, *only)
    is_moved_to = and_(
        moved.c.subscription_id == ruled.c.subscription_id,
        moved.c.day == ruled.c.day,
        moved.c.product_id == ruled.c.product_id,
    )
    comes = and_(ruled.c.silenced.is_(None), ruled.c.closed_day_id.is_(None))
    rule = case(
        (ruled.c.silenced.is_not(None), ruled.c.silenced),
        (ruled.c.closed_day_id.is_not(None), "closed_day"),
        (moved.c.quantity.is_not(None), "closed_day_moved"),
        else_=ruled.c.said,
    )
    nothing = literal(Decimal(0), Numeric(10, 3))
    quantity = case((comes, _own_quantity(ruled) + func.coalesce(moved.c.quantity, nothing)), else_=nothing)
    held_back = case((ruled.c.silenced.is_(None), ruled.c.closed_day_id))
    kept = [ruled.c[name] for name in ("subscription_id", "customer_id", "product_id", "area_id", "day", "shift")]
    return (
        select(
            *kept, ruled.c.price_per_unit, held_back.label("closed_day_id"), rule.label("rule"),
            quantity.label("quantity"),
        )
        .select_from(ruled.outerjoin(moved, is_moved_to))
        .subquery("due")
    )  # fmt: skip


def with_holds(wanted: Subquery) -> Subquery:
    """``due`` days as they became when their orders were made: nothing where the customer was at its credit limit.

    Not a part of ``due``: whether orders are made is decided anew each time, from what is due.
    """
    held = and_(CreditHold.subscription_id == wanted.c.subscription_id, CreditHold.day == wanted.c.day)
    is_held = and_(CreditHold.day.is_not(None), wanted.c.quantity > 0)
    nothing = literal(Decimal(0), Numeric(10, 3))
    kept = [each for each in wanted.c if each.name not in ("rule", "quantity")]
    rule = case((is_held, "credit_hold"), else_=wanted.c.rule).label("rule")
    quantity = case((is_held, nothing), else_=wanted.c.quantity).label("quantity")
    return select(*kept, rule, quantity).select_from(wanted.outerjoin(CreditHold, held)).subquery("held")


def _ruled(days: FromClause, closed: Subquery, *only: ColumnElement[bool]) -> Subquery:
    """Standing orders on days with all that decides: who is ``silenced`` why, what closes the day, what is ``said``.

    ``closed``: the ``closed_rounds`` of these days. An entry for the day that was made after the closing stands.
    """
    s, day = Subscription, days.c.day
    of_the_day = and_(SubscriptionOverride.subscription_id == s.id, SubscriptionOverride.date == day)
    paused = and_(SubscriptionPause.subscription_id == s.id, SubscriptionPause.period.contains(day))
    shift = func.coalesce(SubscriptionOverride.shift, valid_then("shift"))
    weekday = cast(extract("isodow", day), Integer)
    of_the_round = and_(
        closed.c.day == day,
        closed.c.shift == shift,
        closed.c.area_id == area_of_customer(),
        func.coalesce(SubscriptionOverride.updated_at <= closed.c.closed_at, True),
    )
    return (
        select(
            s.id.label("subscription_id"),
            s.customer_id,
            valid_then("product_id"),
            Customer.area_id,
            day.label("day"),
            shift.label("shift"),
            valid_then("price_per_unit"),
            _silenced(day).label("silenced"),
            closed.c.closed_day_id,
            closed.c.closed_at,
            closed.c.deliver_on,
            _said().label("said"),
            SubscriptionOverride.quantity.label("entered"),
            quantity_on(day).label("usual"),
            _of_weekday(weekday).label("of_weekday"),
            (weekday - 1 == any_(valid_then("weekly_pattern"))).label("on_weekday"),
            ((day - valid_then("anchor_date")) % valid_then("interval_days") == 0).label("on_interval"),
        )
        .select_from(days)
        .join(s, and_(true(), *only))
        .join(Customer, Customer.id == s.customer_id)
        .outerjoin(SubscriptionSchedule, is_valid_on(day))
        .outerjoin(SubscriptionOverride, of_the_day)
        .outerjoin(SubscriptionPause, paused)
        .outerjoin(closed, of_the_round)
        .subquery("ruled")
    )


def held_back(days: FromClause) -> Subquery:
    """Whose deliveries of ``days`` a closing holds back: customer_id and closed_day_id, one row each."""
    ruled = _ruled(days, closed_rounds(ClosedDay.day.in_(select(days.c.day))))
    is_held = and_(ruled.c.silenced.is_(None), ruled.c.closed_day_id.is_not(None), _own_quantity(ruled) > 0)
    return select(ruled.c.customer_id, ruled.c.closed_day_id).where(is_held).distinct().subquery("held_back")


def _own_quantity(ruled: Subquery) -> ColumnElement[Decimal]:
    """What a standing order says of the day itself: its entry, else its rhythm."""
    return case(
        (ruled.c.said.in_(OVERRIDE_KINDS), ruled.c.entered),
        (
            and_(ruled.c.said == "weekly_pattern", ruled.c.on_weekday),
            func.coalesce(ruled.c.of_weekday, ruled.c.usual),
        ),
        (and_(ruled.c.said == "alternate_days", ruled.c.on_interval), ruled.c.usual),
        (ruled.c.said == "fixed_daily", ruled.c.usual),
        else_=literal(Decimal(0), Numeric(10, 3)),
    )


def _moved_to(days: FromClause, *only: ColumnElement[bool]) -> Subquery:
    """What closed days give to ``days``: subscription_id, product_id, day, and the sum of their quantities, above 0.

    Only of the product that the day itself has: an order has no other. What was said about the day itself after the
    closing stands alone, and so does an entry of nothing.
    """
    wanted = select(days.c.day)
    giving = select(ClosedDay.day).where(ClosedDay.deliver_on.in_(wanted)).distinct().subquery("giving")
    ruled = _ruled(giving, closed_rounds(ClosedDay.day.in_(select(giving.c.day))), *only)
    entry = aliased(SubscriptionOverride)
    of_the_target = and_(entry.subscription_id == ruled.c.subscription_id, entry.date == ruled.c.deliver_on)
    own = _own_quantity(ruled)
    return (
        select(ruled.c.subscription_id, ruled.c.product_id, ruled.c.deliver_on.label("day"))
        .add_columns(func.sum(own).label("quantity"))
        .select_from(ruled.outerjoin(entry, of_the_target))
        .where(ruled.c.silenced.is_(None), ruled.c.deliver_on.in_(wanted), own > 0)
        .where(or_(entry.id.is_(None), and_(entry.quantity > 0, entry.updated_at <= ruled.c.closed_at)))
        .group_by(ruled.c.subscription_id, ruled.c.product_id, ruled.c.deliver_on)
        .subquery("moved")
    )


def area_on_the_day(due_days: FromClause) -> tuple[FromClause, ColumnElement[UUID]]:
    """``due`` days joined with the moves to come, and the area where each is brought.

    Not a part of ``due``: one table more there, and the days of everybody are planned differently.
    """
    moved = due_days.outerjoin(pending_moves, in_move(due_days.c.customer_id, due_days.c.day))
    return moved, func.coalesce(pending_moves.c.area_id, due_days.c.area_id).label("area_id")


def _silenced(day: ColumnElement[date]) -> ColumnElement[str]:
    """The first rule by which nothing comes, whatever was said about the day; NULL: none of them."""
    s = Subscription
    return case(
        (not_(_receives(day)), "customer_not_active"),
        (s.status != "active", s.status),
        (or_(not_(s.auto_start), day < s.start_date), "not_started"),
        (day >= s.stop_date, "stop_date"),
        (SubscriptionPause.id.is_not(None), "pause"),
    )


def _said() -> ColumnElement[str]:
    """The rule by which a day has its own quantity."""
    mode = valid_then("mode")
    return case(
        (SubscriptionOverride.id.is_not(None), SubscriptionOverride.kind),
        (mode.in_(RHYTHMIC), mode),
        else_="none",
    )


def _receives(day: ColumnElement[date]) -> ColumnElement[bool]:
    """An active customer always, one on trial from its first day."""
    begun = func.coalesce(Customer.trial_start_date <= day, True)
    return or_(Customer.status == "active", and_(Customer.status == "trial", begun))


def is_valid_on(day: ColumnElement[date]) -> ColumnElement[bool]:
    """The condition that joins a standing order's schedule of a day; most standing orders have none."""
    return and_(SubscriptionSchedule.subscription_id == Subscription.id, SubscriptionSchedule.valid.contains(day))


def valid_then(name: str) -> Any:
    """A column of the schedule that is joined, else of the standing order itself."""
    own, of_the_schedule = Subscription.__table__.c[name], SubscriptionSchedule.__table__.c[name]
    return case((SubscriptionSchedule.id.is_(None), own), else_=of_the_schedule).label(name)


def _of_weekday(number: ColumnElement[int]) -> ColumnElement[Decimal]:
    """The quantity of a weekday (1: Monday), where each has its own."""
    own, of_the_schedule = Subscription.weekly_quantities, SubscriptionSchedule.weekly_quantities
    return case((SubscriptionSchedule.id.is_(None), own[number]), else_=of_the_schedule[number])


def quantity_on(day: ColumnElement[date]) -> ColumnElement[Decimal]:
    """The default quantity in force on a day, of a standing order with its schedule ``is_valid_on`` the day.

    The latest one said to hold from a day not after it, be it by a change of quantity or, after those of the same day,
    of the schedule.
    """
    said, theirs = SubscriptionQuantity, aliased(SubscriptionSchedule)
    by_quantities = select(said.quantity).where(said.subscription_id == Subscription.id, said.valid_from <= day)
    later = by_quantities.order_by(said.valid_from.desc()).limit(1).correlate_except(said).scalar_subquery()
    begins = func.coalesce(func.lower(theirs.valid), cast("-infinity", Date))
    naming = and_(theirs.subscription_id == Subscription.id, theirs.default_quantity.is_not(None))
    since = select(func.max(begins)).where(naming, begins <= day).correlate_except(theirs).scalar_subquery()
    after = by_quantities.where(said.valid_from >= since).order_by(said.valid_from.desc()).limit(1)
    named = select(theirs.default_quantity).where(naming, begins == since).correlate_except(theirs)
    latest = func.coalesce(after.correlate_except(said).scalar_subquery(), named.scalar_subquery())
    return case((SubscriptionSchedule.id.is_(None), func.coalesce(later, Subscription.default_quantity)), else_=latest)


def deliverable(days: FromClause, *only: ColumnElement[bool]) -> Subquery:
    """What is due on ``days`` with the price it would get; ``hindrance`` says why an order cannot be made.

    Columns of ``due`` with a quantity above 0, then price (rupees per unit), price_source, and hindrance:
    ``product_inactive``, ``no_price`` or NULL.
    """
    wanted = due(days, *only)
    source = wanted.join(Product, Product.id == wanted.c.product_id)
    priced, price, origin = with_price(
        source, wanted.c.customer_id, wanted.c.product_id, wanted.c.day, wanted.c.price_per_unit
    )
    given = and_(price == 0, origin.in_(("customer", "subscription")))
    hindrance = case((not_(Product.is_active), "product_inactive"), (price.is_(None), "no_price"))
    return (
        select(
            *wanted.c, price, case((given, "free"), else_=origin).label("price_source"), hindrance.label("hindrance")
        )
        .select_from(priced)
        .where(wanted.c.quantity > 0)
        .subquery("deliverable")
    )
