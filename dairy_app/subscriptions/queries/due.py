"""What every standing order wants on which day, and why: the one place where the rule is in SQL."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
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

from dairy_app.catalogue.models import Product
from dairy_app.customers.models import Customer
from dairy_app.customers.queries import in_move, pending_moves, with_price
from dairy_app.subscriptions.models import (
    Subscription,
    SubscriptionOverride,
    SubscriptionPause,
    SubscriptionQuantity,
)


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
    rupees), rule, quantity (the product's unit; 0: nothing comes). This is the one place where the rule is in SQL;
    ``rules.decide`` reads the same.
    """
    s, day = Subscription, days.c.day
    of_the_day = and_(SubscriptionOverride.subscription_id == s.id, SubscriptionOverride.date == day)
    paused = and_(SubscriptionPause.subscription_id == s.id, SubscriptionPause.period.contains(day))
    ruled = (
        select(
            s.id.label("subscription_id"),
            s.customer_id,
            s.product_id,
            Customer.area_id,
            day.label("day"),
            func.coalesce(SubscriptionOverride.shift, s.shift).label("shift"),
            s.price_per_unit,
            _rule(day).label("rule"),
            SubscriptionOverride.quantity.label("entered"),
            quantity_on(day).label("usual"),
            (cast(extract("isodow", day), Integer) - 1 == any_(s.weekly_pattern)).label("on_weekday"),
            ((day - s.anchor_date) % s.interval_days == 0).label("on_interval"),
        )
        .select_from(days)
        .join(s, and_(true(), *only))
        .join(Customer, Customer.id == s.customer_id)
        .outerjoin(SubscriptionOverride, of_the_day)
        .outerjoin(SubscriptionPause, paused)
        .subquery("ruled")
    )
    quantity = case(
        (ruled.c.rule.in_(("override", "irregular")), ruled.c.entered),
        (and_(ruled.c.rule == "weekly_pattern", ruled.c.on_weekday), ruled.c.usual),
        (and_(ruled.c.rule == "alternate_days", ruled.c.on_interval), ruled.c.usual),
        (ruled.c.rule == "fixed_daily", ruled.c.usual),
        else_=literal(Decimal(0), Numeric(10, 3)),
    )
    kept = [column for column in ruled.c if column.name not in ("entered", "usual", "on_weekday", "on_interval")]
    return select(*kept, quantity.label("quantity")).subquery("due")


def area_on_the_day(due_days: FromClause) -> tuple[FromClause, ColumnElement[UUID]]:
    """``due`` days joined with the moves to come, and the area where each is brought.

    Not a part of ``due``: one table more there, and the days of everybody are planned differently.
    """
    moved = due_days.outerjoin(pending_moves, in_move(due_days.c.customer_id, due_days.c.day))
    return moved, func.coalesce(pending_moves.c.area_id, due_days.c.area_id).label("area_id")


def _rule(day: ColumnElement[date]) -> ColumnElement[str]:
    """The first rule that speaks about a day."""
    s = Subscription
    return case(
        (not_(_receives(day)), "customer_not_active"),
        (s.status != "active", s.status),
        (or_(not_(s.auto_start), day < s.start_date), "not_started"),
        (day >= s.stop_date, "stop_date"),
        (SubscriptionPause.id.is_not(None), "pause"),
        (SubscriptionOverride.id.is_not(None), SubscriptionOverride.kind),
        (s.mode.in_(("weekly_pattern", "alternate_days", "fixed_daily")), s.mode),
        else_="none",
    )


def _receives(day: ColumnElement[date]) -> ColumnElement[bool]:
    """An active customer always, one on trial from its first day."""
    begun = func.coalesce(Customer.trial_start_date <= day, True)
    return or_(Customer.status == "active", and_(Customer.status == "trial", begun))


def quantity_on(day: ColumnElement[date]) -> ColumnElement[Decimal]:
    """The default quantity in force on a day."""
    later = (
        select(SubscriptionQuantity.quantity)
        .where(SubscriptionQuantity.subscription_id == Subscription.id, SubscriptionQuantity.valid_from <= day)
        .order_by(SubscriptionQuantity.valid_from.desc())
        .limit(1)
        .correlate_except(SubscriptionQuantity)
        .scalar_subquery()
    )
    return func.coalesce(later, Subscription.default_quantity)


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
