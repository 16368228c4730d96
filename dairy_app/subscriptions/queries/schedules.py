"""What a standing order is on a day, and its changes: those that hold and those to come."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Result, Row, and_, func, literal, not_, select
from sqlalchemy.orm import Session, aliased

from dairy_app.catalogue.models import Product
from dairy_app.catalogue.queries import valid_from, valid_to
from dairy_app.common.errors import Problem
from dairy_app.subscriptions.models import Subscription, SubscriptionOverride, SubscriptionSchedule
from dairy_app.subscriptions.queries.due import is_valid_on, quantity_on, valid_then

#: What a change may change, besides the default quantity.
TERMS = (
    "product_id",
    "mode",
    "weekly_pattern",
    "weekly_quantities",
    "interval_days",
    "anchor_date",
    "shift",
    "price_per_unit",
)


def terms_on(session: Session, subscription_id: UUID, day: date) -> Row[Any]:
    """What a standing order is on a day: its terms, the default quantity in force, and the product's unit."""
    then = literal(day, Date)
    named = (
        select(*(valid_then(name) for name in TERMS), quantity_on(then).label("default_quantity"))
        .select_from(Subscription)
        .outerjoin(SubscriptionSchedule, is_valid_on(then))
        .where(Subscription.id == subscription_id)
        .subquery("named")
    )
    terms = select(*named.c, Product.unit).join(Product, Product.id == named.c.product_id)
    rows: Result[Any] = session.execute(terms)
    return rows.one()


def shifts_of_day(session: Session, subscription_ids: Sequence[UUID], day: date) -> dict[UUID, str]:
    """The shift of each of some standing orders on a day: what was said about it, else what it is by then."""
    then = literal(day, Date)
    said = and_(SubscriptionOverride.subscription_id == Subscription.id, SubscriptionOverride.date == then)
    shift = func.coalesce(SubscriptionOverride.shift, valid_then("shift")).label("shift")
    rows = (
        select(Subscription.id, shift)
        .outerjoin(SubscriptionSchedule, is_valid_on(then))
        .outerjoin(SubscriptionOverride, said)
        .where(Subscription.id.in_(subscription_ids))
    )
    return {row.id: row.shift for row in session.execute(rows)}


def usual_shifts(session: Session, subscription_ids: Sequence[UUID], day: date) -> list[str]:
    """The shifts that some standing orders have by a day, whatever was said about the day itself."""
    if not subscription_ids:
        return []
    rows = (
        select(valid_then("shift"))
        .select_from(Subscription)
        .outerjoin(SubscriptionSchedule, is_valid_on(literal(day, Date)))
        .where(Subscription.id.in_(subscription_ids))
    )
    return list(session.scalars(rows.distinct()))


def next_change(day: date) -> Any:
    """The first day after ``day`` on which a standing order changes."""
    c = aliased(SubscriptionSchedule)
    begins = func.lower(c.valid)
    later = select(func.min(begins)).where(c.subscription_id == Subscription.id, begins > day)
    return later.correlate(Subscription).scalar_subquery().label("changes_on")


def changes_from(session: Session, subscription_id: UUID, day: date) -> Sequence[Row[Any]]:
    """The changes of a standing order that begin on a day or later, the earliest first."""
    begins = func.lower(SubscriptionSchedule.valid)
    wanted = (SubscriptionSchedule.subscription_id == subscription_id, begins >= day)
    return session.execute(_seen().where(*wanted).order_by(begins)).all()


def get_change(session: Session, subscription_id: UUID, change_id: UUID) -> Row[Any]:
    """A change of a standing order. Raises ``change_not_found``, also for another's and for what it was at first."""
    begun = not_(func.lower_inf(SubscriptionSchedule.valid))
    wanted = (SubscriptionSchedule.id == change_id, SubscriptionSchedule.subscription_id == subscription_id, begun)
    found = session.execute(_seen().where(*wanted)).one_or_none()
    if found is None:
        raise Problem("change_not_found")
    return found


def equal_order(
    session: Session, customer_id: UUID, product_id: UUID, shift: str, day: date, besides: UUID | None
) -> UUID | None:
    """A standing order of a customer, other than ``besides``, that brings a product in a shift on a day or later."""
    s, c = Subscription, SubscriptionSchedule
    its_days = func.daterange(func.greatest(literal(day, Date), s.start_date), s.stop_date)
    rows = (
        select(s.id)
        .outerjoin(c, and_(c.subscription_id == s.id, c.valid.overlaps(its_days)))
        .where(s.customer_id == customer_id, s.status != "stopped")
        .where(func.coalesce(s.stop_date > func.greatest(literal(day, Date), s.start_date), True))
        .where(valid_then("product_id") == product_id, valid_then("shift") == shift, s.id.is_distinct_from(besides))
    )
    return session.scalar(rows.limit(1))


def products_from(session: Session, subscription_id: UUID, day: date) -> list[UUID]:
    """The products that a standing order has on a day and later."""
    c = SubscriptionSchedule
    ends = func.coalesce(func.upper(c.valid) <= day, False)
    rows = select(c.product_id).where(c.subscription_id == subscription_id, not_(ends)).distinct()
    return list(session.scalars(rows.order_by(c.product_id)))


def entry_within(session: Session, subscription_id: UUID, first: date, last: date | None) -> Any:
    """The first entry of more than nothing on the days from ``first`` to ``last`` (None: ever): date, quantity."""
    day, quantity = SubscriptionOverride.date, SubscriptionOverride.quantity
    wanted = select(day, quantity).where(
        SubscriptionOverride.subscription_id == subscription_id, day >= first, quantity > 0
    )
    if last is not None:
        wanted = wanted.where(day <= last)
    return session.execute(wanted.order_by(day).limit(1)).first()


def _seen() -> Any:
    """A change as clients see it: its days, its terms, and the default quantity of its first day."""
    c = SubscriptionSchedule
    return (
        select(
            c.id,
            c.subscription_id,
            valid_from(c.valid).label("first"),
            valid_to(c.valid).label("last"),
            *(c.__table__.c[name] for name in TERMS),
            quantity_on(func.lower(c.valid)).label("default_quantity"),
            Product.name.label("product_name"),
            Product.unit,
            c.reason,
            c.channel,
            c.requested_by,
            c.created_at,
        )
        .join(Subscription, Subscription.id == c.subscription_id)
        .join(Product, Product.id == c.product_id)
    )
