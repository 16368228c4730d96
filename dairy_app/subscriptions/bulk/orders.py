"""Orders of standing orders, written in sets: a day for everybody, or everything one change touches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Date,
    Subquery,
    Text,
    Update,
    Uuid,
    and_,
    any_,
    case,
    cast,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.catalogue.models import Product
from dairy_app.customers.models import Area, Customer, CustomerMove
from dairy_app.customers.queries import with_price
from dairy_app.database.values import uuid_array
from dairy_app.orders.models import Order, OrderItem
from dairy_app.orders.queries import in_area
from dairy_app.subscriptions.bulk import credit
from dairy_app.subscriptions.models import (
    GeneratedDay,
    Subscription,
    SubscriptionOverride,
    SubscriptionSchedule,
)
from dairy_app.subscriptions.queries.closed_days import altered_by_closing
from dairy_app.subscriptions.queries.credit import may_hold
from dairy_app.subscriptions.queries.due import (
    area_on_the_day,
    deliverable,
    due,
    is_valid_on,
    these_days,
    valid_then,
)

#: Making a day's orders excludes changing standing orders, which exclude nobody but that ("orders" in ASCII).
_GENERATION = 0x6F7264657273


def lock_generation(session: Session) -> None:
    """Wait until nobody changes a standing order or makes orders, and keep both out until the end."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _GENERATION})


def hold_generation(session: Session) -> None:
    """Keep the making of orders out until the end: a day is made before a change, or knows of it."""
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _GENERATION})


@dataclass(frozen=True, slots=True)
class Made:
    """What a making of orders came to.

    ``amounts``: rows (product_id, product_name, unit, area_id, area, orders, quantity in the product's unit). ``due``:
    orders that the days have or got; ``blocked``: those that could not be made; ``held``: those that were not made, as
    the customer is at its credit limit.
    """

    amounts: Sequence[Any]
    due: int
    blocked: int
    held: int


def generate(session: Session, days: Sequence[date], *only: ColumnElement[bool]) -> Made:
    """Make the orders that are due on ``days`` and not there; ``only`` narrows the rows of ``subscriptions``.

    Three statements for any number of customers. A standing order has at most one order a day, so what is there,
    also a cancelled one, stays. The caller holds the lock of the generation. Prices are those of each day. Whose orders
    are held to credit limits, that is decided in the same statement; who has none costs nothing.
    """
    priced = _looked_up(days, *only)
    offered = select(*priced.c).where(priced.c.hindrance.is_(None), not_(priced.c.is_there))
    held: ColumnElement[int] = literal(0)
    holding: list[CTE] = []
    if may_hold(session, days):
        judged = credit.judged(offered, today(session))
        offered = select(judged).where(not_(judged.c.is_held))
        held = select(func.count()).select_from(judged).where(judged.c.is_held).scalar_subquery()
        holding = credit.remembering(judged, days, today(session), *only)
    offered_then = offered.subquery("offered_then")
    wanted = select(func.uuid7(type_=Uuid()).label("order_id"), *offered_then.c).cte("wanted")
    orders, items = _placing(wanted)
    brought, area = area_on_the_day(wanted)
    amounts = (
        select(
            wanted.c.product_id,
            area,
            func.count().label("orders"),
            func.sum(wanted.c.quantity).label("quantity"),
        )
        .select_from(brought)
        .group_by(wanted.c.product_id, area)
        .subquery("amounts")
    )
    possible = or_(priced.c.hindrance.is_(None), priced.c.is_there)
    counts = (
        select(
            func.count().filter(possible).label("due"),
            func.count().filter(not_(possible)).label("blocked"),
            held.label("held"),
        )
        .select_from(priced)
        .subquery("counts")
    )
    named = amounts.join(Product, Product.id == amounts.c.product_id).outerjoin(Area, Area.id == amounts.c.area_id)
    rows = session.execute(  # one row at least, with the counts
        select(*counts.c, *amounts.c, Product.name.label("product_name"), Product.unit, Area.name.label("area"))
        .select_from(counts.outerjoin(named, true()))
        .order_by(Product.name, amounts.c.product_id, Area.name.nulls_last(), amounts.c.area_id)
        .add_cte(orders, items, *holding)
    ).all()
    moving = select(CustomerMove.customer_id).where(
        CustomerMove.applied_at.is_(None), CustomerMove.moves_on <= max(days)
    )
    if only:
        moving = moving.where(CustomerMove.customer_id.in_(select(Subscription.customer_id).where(*only)))
    moved = func.array(moving.distinct().scalar_subquery())
    session.execute(select(func.follow_moves(moved, literal(min(days), Date), literal([], ARRAY(Uuid())))))
    made, counted = [row for row in rows if row.orders is not None], rows[0]
    return Made(made, counted.due - counted.held, counted.blocked, counted.held)


_FOLLOW_MOVES = text("SELECT follow_moves(CAST(:customers AS uuid[]), CAST(:first AS date), CAST(:helpers AS uuid[]))")


def follow_moves(session: Session, customer_ids: Sequence[UUID], first: date, helpers: Sequence[UUID]) -> None:
    """Let the orders of locked customers from ``first`` on that did not start say where their moves lead.

    ``helpers``: of moves that were just applied or taken back; their orders are the customer's own again.
    """
    given = {"customers": uuid_array(customer_ids), "first": first, "helpers": uuid_array(helpers)}
    session.execute(_FOLLOW_MOVES, given)


def generate_for_many(session: Session, days: Sequence[date], subscription_ids: Sequence[UUID]) -> None:
    """``generate`` for standing orders just written, however many.

    Of a day that was filled since the tables were last analyzed the server believes that it has no orders, and would
    read all of them for each standing order: for once it shall not join row by row.
    """
    session.execute(text("SELECT set_config('enable_nestloop', 'off', true)"))
    generate(session, days, among(subscription_ids))
    session.execute(text("SELECT set_config('enable_nestloop', 'on', true)"))


def _looked_up(days: Sequence[date], *only: ColumnElement[bool]) -> CTE:
    """What is ``deliverable`` on these days, and whether its order ``is_there`` already."""
    # The days' orders all at once: looked for one by one, each standing order's whole past would be read.
    there = (
        select(Order.subscription_id, Order.delivery_date)
        .where(Order.delivery_date == any_(literal(list(days), ARRAY(Date))))
        .subquery("there")
    )
    offered = deliverable(these_days(days), *only)
    same = and_(there.c.subscription_id == offered.c.subscription_id, there.c.delivery_date == offered.c.day)
    is_there = there.c.subscription_id.is_not(None).label("is_there")
    return select(*offered.c, is_there).select_from(offered.outerjoin(there, same)).cte("priced")


def _placing(wanted: CTE) -> tuple[CTE, CTE]:
    """The inserts of orders and of their items."""
    # Neither insert waits for the other's rows: a join of the two would be planned for one row each.
    orders = (
        insert(Order)
        .from_select(
            ["id", "customer_id", "order_type", "subscription_id", "delivery_date", "shift", "source"],
            select(
                wanted.c.order_id, wanted.c.customer_id, literal("subscription"), wanted.c.subscription_id,
                wanted.c.day, wanted.c.shift, literal("generator"),
            ),
            include_defaults=False,
        )
        .cte("placed")
    )  # fmt: skip
    items = (
        insert(OrderItem)
        .from_select(
            ["order_id", "line_no", "product_id", "quantity", "unit_price", "price_source"],
            select(
                wanted.c.order_id, literal(1), wanted.c.product_id, wanted.c.quantity,
                wanted.c.price, wanted.c.price_source,
            ),
            include_defaults=False,
        )
        .cte("filled")
    )  # fmt: skip
    return orders, items


def remember_days(session: Session, days: Sequence[date], at: datetime) -> None:
    """Note that these days have their orders."""
    rows = [{"delivery_date": day} for day in days]
    made = postgresql.insert(GeneratedDay).values(rows)
    session.execute(made.on_conflict_do_update(index_elements=["delivery_date"], set_={"updated_at": at}))


def follow(session: Session, subscription_ids: Sequence[UUID], first: date, *, at: datetime, reason: str) -> None:
    """Let the orders from ``first`` on say what the standing orders say now.

    What is PENDING takes the new quantity and shift or is cancelled (its price: ``reprice``); what such a
    change had cancelled comes back, at the price its day has now. Orders on their way, confirmed, or cancelled by
    hand stay. The caller has locked the customers. A constant number of statements; days without orders are for
    ``generate``.
    """
    ours = and_(Order.subscription_id.in_(subscription_ids), Order.delivery_date >= first)
    _follow(session, ours, among(subscription_ids), at=at, reason=reason)


def follow_days(session: Session, days: Sequence[date], area_id: UUID | None, *, at: datetime, reason: str) -> None:
    """``follow`` of all standing orders of an area and the areas below it (None: of all) on some days."""
    theirs = and_(Order.subscription_id.is_not(None), Order.delivery_date.in_(days))
    ours = and_(theirs, in_area(Order.customer_id, area_id))
    _follow(session, ours, in_area(Subscription.customer_id, area_id), at=at, reason=reason)


def _follow(
    session: Session, ours: ColumnElement[bool], only: ColumnElement[bool], *, at: datetime, reason: str
) -> None:
    """``ours`` narrows the rows of ``orders``, ``only`` those of ``subscriptions`` to the same."""
    open_ = or_(Order.status == "PENDING", Order.cancelled_by_subscription)
    held = session.execute(
        select(Order.id, Order.delivery_date, Order.status)
        .where(ours, open_)
        .order_by(Order.id)
        .with_for_update(key_share=True)
    ).all()
    if not held:
        return
    ids, days = [row.id for row in held], sorted({row.delivery_date for row in held})
    now_due = due(these_days(days), only)
    comes = now_due.c.quantity > 0
    cancelled = Order.status == "CANCELLED"
    session.execute(
        update(Order)
        .where(_is_among(Order.id, ids), Order.subscription_id == now_due.c.subscription_id)
        .where(Order.delivery_date == now_due.c.day)
        .where(or_(comes == cancelled, and_(comes, Order.shift != now_due.c.shift)))
        .values(
            status=case((comes, "PENDING"), else_="CANCELLED"),
            shift=case((comes, now_due.c.shift), else_=Order.shift),
            cancelled_at=case((not_(comes), at), else_=null()),
            cancel_reason=case((not_(comes), reason[:500]), else_=null()),
            cancelled_by_subscription=not_(comes),
            closed_day_id=case((not_(comes), now_due.c.closed_day_id)),
        )
        .execution_options(synchronize_session=False)
    )
    back = [row.id for row in held if row.status == "CANCELLED"]
    _follow_items(session, ids, back, deliverable(these_days(days), only))
    session.expire_all()


def _is_among(key: Any, ids: Sequence[UUID]) -> ColumnElement[bool]:
    """One value, however many ids: a day's orders may be a hundred thousand."""
    among_them: ColumnElement[bool] = key == any_(cast(literal(uuid_array(ids), Text), ARRAY(Uuid())))
    return among_them


def _follow_items(session: Session, order_ids: Sequence[UUID], back: Sequence[UUID], priced: Subquery) -> None:
    """Give the items of PENDING orders the quantity that is due now; of those that come ``back`` also the price.

    Where the day has another product by now, the order gets that one at its price, unless it was imported.
    """
    other = and_(Order.source == "generator", OrderItem.product_id != priced.c.product_id, priced.c.price.is_not(None))
    returns = and_(_is_among(OrderItem.order_id, back), OrderItem.price_source != "import", priced.c.price.is_not(None))
    anew = or_(returns, other)
    _touched(
        session,
        update(OrderItem)
        .where(OrderItem.order_id == Order.id, _is_among(Order.id, order_ids), Order.status == "PENDING")
        .where(or_(anew, OrderItem.quantity != priced.c.quantity))
        .where(or_(OrderItem.product_id == priced.c.product_id, other))
        .where(tuple_(Order.subscription_id, Order.delivery_date) == tuple_(priced.c.subscription_id, priced.c.day))
        .values(
            product_id=priced.c.product_id,
            quantity=priced.c.quantity,
            unit_price=case((anew, priced.c.price), else_=OrderItem.unit_price),
            price_source=case((anew, priced.c.price_source), else_=OrderItem.price_source),
        ),
    )


def _touched(session: Session, changing: Update) -> int:
    """Change items of orders, and with them when their orders changed; how many orders did."""
    items = changing.returning(OrderItem.order_id).cte("changed_items")
    orders = update(Order).where(Order.id.in_(select(items.c.order_id))).values(updated_at=func.now())
    return session.connection().execute(orders.execution_options(synchronize_session=False)).rowcount


def lock_customers_of(session: Session, days: Sequence[date], area_id: UUID | None) -> None:
    """Take the mutex of the customers of an area (None: of all) who have orders on some days, ids ascending."""
    theirs = select(Order.customer_id).where(Order.delivery_date.in_(days), in_area(Order.customer_id, area_id))
    locked = select(Customer.id).where(Customer.id.in_(theirs)).order_by(Customer.id).with_for_update(key_share=True)
    session.execute(select(func.count()).select_from(locked.subquery("locked")))


def keep_settled(session: Session, days: Sequence[date], note: str, said: Mapping[str, Any]) -> None:
    """Let days that are under way or confirmed stay what they are, although a closing would alter them.

    The quantity of the order becomes an entry that was made after the closing. ``said``: requested_by, channel.
    """
    now_due, moment = due(these_days(days)), func.clock_timestamp()
    row = [
        Order.subscription_id, Order.delivery_date, OrderItem.quantity, literal(note),
        *(literal(value) for value in said.values()), moment, moment,
    ]  # fmt: skip
    settled = (
        select(*row)
        .join(OrderItem, OrderItem.order_id == Order.id)
        .join(now_due, and_(now_due.c.subscription_id == Order.subscription_id, now_due.c.day == Order.delivery_date))
        .where(OrderItem.product_id == now_due.c.product_id, *altered_by_closing(now_due))
    )
    names = ["subscription_id", "date", "quantity", "note", *said, "created_at", "updated_at"]
    made = postgresql.insert(SubscriptionOverride).from_select(names, settled, include_defaults=False)
    anew = {name: made.excluded[name] for name in names[2:]}
    session.execute(made.on_conflict_do_update(index_elements=["subscription_id", "date"], set_=anew))


@dataclass(frozen=True, slots=True)
class Repriced:
    """Open orders after a price changed: how many took it, and how many keep the one they were promised."""

    orders: int
    kept: int


def reprice(session: Session, first: date, product_id: UUID, *only: ColumnElement[bool]) -> Repriced:
    """Give the PENDING orders that standing orders made from ``first`` on the price of a product on their day.

    ``only`` narrows the rows of ``orders``. One-time orders keep the price they were placed at, and so does what is
    out for delivery or whose price somebody stated; those that differ are counted. Three statements, however many
    orders.
    """
    lines, items = Order.__table__.c, Order.__table__.join(OrderItem, OrderItem.order_id == Order.id)
    open_ = [Order.delivery_date >= first, OrderItem.product_id == product_id, *only]
    stated = OrderItem.price_source.in_(("override", "import"))
    waits = and_(Order.status == "PENDING", Order.subscription_id.is_not(None), not_(stated))
    session.execute(  # the mutex of the money, before what decides is read
        select(func.count()).select_from(
            select(Customer.id)
            .where(Customer.id.in_(select(Order.customer_id).select_from(items).where(*open_, waits)))
            .order_by(Customer.id)
            .with_for_update(key_share=True)
            .subquery("locked")
        )
    )
    ordered = items.outerjoin(Subscription, Subscription.id == Order.subscription_id).outerjoin(
        SubscriptionSchedule, is_valid_on(lines.delivery_date)
    )
    source, price, origin = with_price(
        ordered, lines.customer_id, OrderItem.product_id, lines.delivery_date, valid_then("price_per_unit")
    )
    given = and_(price == 0, origin.in_(("customer", "subscription")))
    stale = (
        select(
            OrderItem.order_id, OrderItem.line_no, price, case((given, "free"), else_=origin).label("price_source"),
            waits.label("waits"),
        )
        .select_from(source)
        .where(*open_, Order.status.in_(("PENDING", "OUT_FOR_DELIVERY")), price != OrderItem.unit_price)
    )  # fmt: skip
    old = stale.cte("stale")
    repriced = _touched(
        session,
        update(OrderItem)
        .where(OrderItem.order_id == old.c.order_id, OrderItem.line_no == old.c.line_no, old.c.waits)
        .values(unit_price=old.c.price, price_source=old.c.price_source),
    )
    kept = stale.where(not_(waits)).subquery("kept")
    left: int = session.execute(select(func.count(kept.c.order_id.distinct()))).scalar_one()
    session.expire_all()
    return Repriced(repriced, left)


def among(subscription_ids: Sequence[UUID]) -> ColumnElement[bool]:
    """The condition that narrows ``generate`` to these standing orders."""
    return Subscription.id == any_(literal(list(subscription_ids), ARRAY(Uuid())))
