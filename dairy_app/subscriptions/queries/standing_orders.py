"""Standing orders, read: what is due on which day, and the lists and single ones that clients see."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Date,
    Row,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    not_,
    or_,
    select,
    table,
)
from sqlalchemy.orm import Session

from dairy_app.catalogue.models import Product
from dairy_app.catalogue.queries import valid_from, valid_to
from dairy_app.common.errors import Problem
from dairy_app.customers.models import Customer
from dairy_app.orders.models import Order, OrderItem
from dairy_app.subscriptions.models import (
    GeneratedDay,
    Subscription,
    SubscriptionOverride,
    SubscriptionPause,
    SubscriptionQuantity,
    SubscriptionSchedule,
)
from dairy_app.subscriptions.policy import visible_subscriptions
from dairy_app.subscriptions.queries.due import (
    DAYS_KEPT,
    days_from,
    due,
    is_valid_on,
    quantity_on,
    valid_then,
    with_holds,
)
from dairy_app.subscriptions.queries.schedules import TERMS, changes_from, next_change, shifts_of_day
from dairy_app.web.access import Actor
from dairy_app.web.pages import Page, read_page

#: On a higher floor, so read by name.
_deliveries = table("delivery_statuses", column("order_id", Uuid()), column("status", Text()))


def days_with_orders(session: Session, first: date) -> list[date]:
    """The days from ``first`` on whose orders have been generated."""
    wanted = select(GeneratedDay.delivery_date).where(GeneratedDay.delivery_date >= first)
    return list(session.scalars(wanted.order_by(GeneratedDay.delivery_date)))


def first_generated_day(session: Session) -> date | None:
    """The first day whose orders were ever generated."""
    return session.scalar(select(func.min(GeneratedDay.delivery_date)))


def settled_day(session: Session, subscription_ids: Sequence[UUID], first: date, last: date | None) -> Any:
    """The latest day from ``first`` to ``last`` (None: ever) with an order that is on its way or confirmed.

    A row (delivery_date, status), or None: then every one of these days may still change.
    """
    wanted = (
        select(Order.delivery_date, Order.status)
        .where(Order.subscription_id.in_(subscription_ids), Order.delivery_date >= first)
        .where(Order.status.not_in(("PENDING", "CANCELLED")))
        .order_by(Order.delivery_date.desc())
        .limit(1)
    )
    if last is not None:
        wanted = wanted.where(Order.delivery_date <= last)
    return session.execute(wanted).first()


def settled_days(session: Session, subscription_ids: Sequence[UUID], first: date) -> dict[UUID, date]:
    """Of each standing order the latest day from ``first`` on with an order that is on its way or confirmed, if any."""
    rows = (
        select(Order.subscription_id, func.max(Order.delivery_date).label("latest"))
        .where(Order.subscription_id.in_(subscription_ids), Order.delivery_date >= first)
        .where(Order.status.not_in(("PENDING", "CANCELLED")))
        .group_by(Order.subscription_id)
    )
    return {row.subscription_id: row.latest for row in session.execute(rows)}


def get_visible_subscription(session: Session, actor: Actor, subscription_id: UUID) -> Subscription:
    """A standing order, locked after its customer: what decides is read after both.

    Raises ``subscription_not_found``, also for what the actor may not see.
    """
    visible = (Subscription.id == subscription_id, visible_subscriptions(actor))
    session.execute(
        select(Customer.id)
        .where(Customer.id.in_(select(Subscription.customer_id).where(*visible)))
        .with_for_update(key_share=True)
    )
    found = session.scalars(
        select(Subscription)
        .where(*visible)
        .with_for_update(key_share=True, of=Subscription)
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise Problem("subscription_not_found")
    return found


def require_visible(session: Session, actor: Actor, subscription_id: UUID) -> None:
    """Raise ``subscription_not_found`` for what is not there or not the actor's to see."""
    wanted = select(Subscription.id).where(Subscription.id == subscription_id, visible_subscriptions(actor))
    if session.scalar(wanted) is None:
        raise Problem("subscription_not_found")


def _subscriptions(actor: Actor, day: date) -> Select[Any]:
    """The rows an actor sees, as they are on ``day``, with the quantity in force as the default."""
    held_elsewhere = ("legacy_id", "default_quantity", *TERMS)
    columns = [column for column in Subscription.__table__.c if column.name not in held_elsewhere]
    columns += [valid_then(name) for name in TERMS]
    usual = quantity_on(literal(day, Date)).label("default_quantity")
    return (
        select(*columns, usual, next_change(day), Product.name.label("product_name"), Product.unit)
        .select_from(Subscription)
        .outerjoin(SubscriptionSchedule, is_valid_on(literal(day, Date)))
        .join(Product, Product.id == valid_then("product_id"))
        .where(visible_subscriptions(actor))
    )


def subscription_page(
    session: Session, actor: Actor, day: date, filters: Mapping[str, Any], *, limit: int, cursor: str | None
) -> Page:
    """Standing orders, oldest first; one statement.

    Filters read their columns: a change that begins today is found by what it made of them when orders were made today.
    """
    rows, own = _subscriptions(actor, day), Subscription.__table__.c
    for name, value in filters.items():
        rows = rows.where(own.updated_at >= value if name == "updated_since" else own[name] == value)
    return read_page(session, rows, [Subscription.__table__.c.id], limit=limit, cursor=cursor)


def subscription_view(session: Session, actor: Actor, subscription_id: UUID, day: date) -> dict[str, Any]:
    """One standing order with what differs from it on ``day`` and later. Raises ``subscription_not_found``."""
    row = session.execute(_subscriptions(actor, day).where(Subscription.id == subscription_id)).first()
    if row is None:
        raise Problem("subscription_not_found")
    return {
        **row._mapping,
        "pauses": session.execute(
            select(*seen_pause())
            .where(SubscriptionPause.subscription_id == subscription_id)
            .where(func.upper_inf(SubscriptionPause.period) | (func.upper(SubscriptionPause.period) > day))
            .order_by(func.lower(SubscriptionPause.period))
        ).all(),
        "overrides": session.scalars(
            select(SubscriptionOverride)
            .where(SubscriptionOverride.subscription_id == subscription_id, SubscriptionOverride.date >= day)
            .order_by(SubscriptionOverride.date)
        ).all(),
        "quantity_changes": session.scalars(
            select(SubscriptionQuantity)
            .where(SubscriptionQuantity.subscription_id == subscription_id, SubscriptionQuantity.valid_from > day)
            .order_by(SubscriptionQuantity.valid_from)
        ).all(),
        "changes": changes_from(session, subscription_id, day + timedelta(days=1)),
    }


def read_pause(session: Session, pause_id: UUID) -> Row[Any]:
    """One pause."""
    return session.execute(select(*seen_pause()).where(SubscriptionPause.id == pause_id)).one()


def seen_pause() -> list[Any]:
    """A pause as clients see it: first and last day, the last one NULL while it is open."""
    return [
        SubscriptionPause.id,
        valid_from(SubscriptionPause.period).label("first"),
        valid_to(SubscriptionPause.period).label("last"),
        SubscriptionPause.reason,
        SubscriptionPause.channel,
        SubscriptionPause.requested_by,
        SubscriptionPause.created_at,
        SubscriptionPause.household_pause_id,
    ]


def override_of(session: Session, subscription_id: UUID, day: date) -> SubscriptionOverride | None:
    """What was said about one day."""
    wanted = select(SubscriptionOverride).where(
        SubscriptionOverride.subscription_id == subscription_id, SubscriptionOverride.date == day
    )
    return session.scalars(wanted).one_or_none()


def shift_on(session: Session, subscription: Subscription, day: date) -> str:
    """The shift of one day: what was said about it, else the standing order's."""
    return shifts_of_day(session, [subscription.id], day)[subscription.id]


def shifts_on(session: Session, subscription_ids: Sequence[UUID], day: date) -> list[str]:
    """The shifts in which standing orders come on one day, each once."""
    return sorted(set(shifts_of_day(session, subscription_ids, day).values()))


def running_on(session: Session, customer_id: UUID, day: date) -> list[UUID]:
    """A customer's standing orders that have not ended by a day: drafts, and those that begin later, too."""
    running = or_(Subscription.stop_date.is_(None), Subscription.stop_date > day)
    rows = select(Subscription.id).where(Subscription.customer_id == customer_id, Subscription.status != "stopped")
    return list(session.scalars(rows.where(running).order_by(Subscription.id)))


def pauses_of(
    session: Session,
    subscription_ids: Sequence[UUID],
    *,
    pause_id: UUID | None = None,
    household_pause_id: UUID | None = None,
) -> Sequence[Row[Any]]:
    """Pauses of some standing orders, by their first day: one of them, or those that share a household's.

    Rows: id, subscription_id, shift (the standing order's), first, last (None: open).
    """
    wanted = [SubscriptionPause.id == pause_id] if pause_id else []
    wanted += [SubscriptionPause.household_pause_id == household_pause_id] if household_pause_id else []
    first, last = valid_from(SubscriptionPause.period), valid_to(SubscriptionPause.period)
    return session.execute(
        select(SubscriptionPause.id, Subscription.id.label("subscription_id"), Subscription.shift)
        .add_columns(first.label("first"), last.label("last"))
        .join(Subscription, Subscription.id == SubscriptionPause.subscription_id)
        .where(SubscriptionPause.subscription_id.in_(subscription_ids), *wanted)
        .order_by(first, last, SubscriptionPause.id)
    ).all()


def pause_within(
    session: Session, subscription_ids: Sequence[UUID], first: date, last: date | None, besides: Sequence[UUID]
) -> Any:
    """The earliest pause of some standing orders on a day of a span: id, first, last, product_name."""
    span = func.daterange(first, last, "[]")
    return session.execute(
        select(*seen_pause(), Product.name.label("product_name"))
        .join(Subscription, Subscription.id == SubscriptionPause.subscription_id)
        .join(Product, Product.id == Subscription.product_id)
        .where(Subscription.id.in_(subscription_ids), SubscriptionPause.id.not_in(besides))
        .where(SubscriptionPause.period.overlaps(span))
        .order_by(func.lower(SubscriptionPause.period), SubscriptionPause.id)
        .limit(1)
    ).first()


def pause_page(session: Session, customer_id: UUID, day: date, *, limit: int, cursor: str | None) -> Page:
    """The pauses of a customer's standing orders that are not over on a day, in the order they were entered."""
    is_over = func.coalesce(func.upper(SubscriptionPause.period) <= day, False)
    rows = (
        select(*seen_pause(), SubscriptionPause.subscription_id, Product.name.label("product_name"))
        .join(Subscription, Subscription.id == SubscriptionPause.subscription_id)
        .join(Product, Product.id == Subscription.product_id)
        .where(Subscription.customer_id == customer_id, not_(is_over))
    )
    return read_page(session, rows, [SubscriptionPause.__table__.c.id], limit=limit, cursor=cursor)


def household_pause(session: Session, customer_id: UUID, household_pause_id: UUID) -> dict[str, Any]:
    """What a customer paused in one go: its first and last day (None: open), and the pause of each standing order."""
    rows = session.execute(
        select(*seen_pause(), SubscriptionPause.subscription_id)
        .join(Subscription, Subscription.id == SubscriptionPause.subscription_id)
        .where(Subscription.customer_id == customer_id, SubscriptionPause.household_pause_id == household_pause_id)
        .order_by(SubscriptionPause.id)
    ).all()
    lasts = [each.last for each in rows]
    span = {"first": min(each.first for each in rows), "last": None if None in lasts else max(lasts)}
    return {**rows[0]._mapping, **span, "customer_id": customer_id, "pauses": rows}


def pause_on(session: Session, subscription_id: UUID, day: date) -> UUID | None:
    """The pause that covers a day."""
    covers = SubscriptionPause.period.contains(cast(day, Date))
    return session.scalar(
        select(SubscriptionPause.id).where(SubscriptionPause.subscription_id == subscription_id, covers)
    )


def subscriptions_of(session: Session, *customer_ids: UUID) -> list[UUID]:
    """The standing orders of customers."""
    return list(session.scalars(select(Subscription.id).where(Subscription.customer_id.in_(customer_ids))))


def calendar(session: Session, subscription_id: UUID, first: date, last: date) -> Sequence[Any]:
    """Each day of a span: quantity, shift, the rule that decided, and the order made of it. One statement.

    What is off sale comes only where an order was made before; else its rule is ``product_inactive``.
    """
    wanted = with_holds(due(days_from(first, last), Subscription.id == subscription_id))
    return session.execute(_with_what_became(wanted).order_by(wanted.c.day)).all()


def customer_calendar(session: Session, customer_id: UUID, first: date, last: date) -> Sequence[Any]:
    """``calendar`` of all standing orders of a customer that have not ended before, each with its product."""
    return session.execute(_customer_calendar(first, last), {"customer_id": customer_id}).all()


@lru_cache(maxsize=4 * DAYS_KEPT)
def _customer_calendar(first: date, last: date) -> Select[Any]:
    still = or_(Subscription.stop_date.is_(None), Subscription.stop_date > first)
    of_customer = Subscription.customer_id == bindparam("customer_id", type_=Uuid())
    wanted = with_holds(due(days_from(first, last), of_customer, still))
    days = _with_what_became(wanted).add_columns(wanted.c.subscription_id)
    return days.order_by(wanted.c.day, Product.name, wanted.c.subscription_id)


def _with_what_became(wanted: Subquery) -> Select[Any]:
    gone = and_(not_(Product.is_active), Order.id.is_(None), wanted.c.quantity > 0)
    return (
        select(
            wanted.c.day.label("date"),
            case((gone, 0), else_=wanted.c.quantity).label("quantity"),
            wanted.c.shift,
            case((gone, "product_inactive"), else_=wanted.c.rule).label("rule"),
            Order.id.label("order_id"),
            Order.status.label("order_status"),
            _deliveries.c.status.label("delivery_status"),
            _brought(Order.id).label("delivered_quantity"),
            wanted.c.product_id,
            Product.name.label("product_name"),
            Product.unit,
        )
        .select_from(wanted)
        .join(Product, Product.id == wanted.c.product_id)
        .outerjoin(Order, and_(Order.subscription_id == wanted.c.subscription_id, Order.delivery_date == wanted.c.day))
        .outerjoin(_deliveries, _deliveries.c.order_id == Order.id)
    )


def open_orders_of(session: Session, product_id: UUID) -> int:
    """How many orders that wait for their delivery hold a product."""
    held = select(OrderItem.order_id).where(OrderItem.product_id == product_id)
    waiting = select(func.count()).where(Order.id.in_(held), Order.status.in_(("PENDING", "OUT_FOR_DELIVERY")))
    return session.execute(waiting).scalar_one()


def _brought(order_id: Any) -> Any:
    return select(func.sum(OrderItem.delivered_quantity)).where(OrderItem.order_id == order_id).scalar_subquery()
