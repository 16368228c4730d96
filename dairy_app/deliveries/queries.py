"""Rounds and delivery statuses, read."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    RowMapping,
    Select,
    Uuid,
    any_,
    bindparam,
    case,
    func,
    null,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from dairy_app.accounts.models import User
from dairy_app.catalogue.models import Product
from dairy_app.common.errors import Problem
from dairy_app.containers.queries import at_door, back_with
from dairy_app.customers.models import Area, Customer
from dairy_app.customers.queries import areas_within, in_move, pending_moves, visible_customers
from dairy_app.database.statements import Statement, named_rows
from dairy_app.deliveries.models import DeliveryStatus
from dairy_app.deliveries.rules import Scope, full_address_of, loading_sheet, progress_of, short_by_helper, stops_of
from dairy_app.orders.models import Order, OrderItem
from dairy_app.web.access import Actor, Role
from dairy_app.web.pages import Page, read_page

#: States of an order that waits for its delivery.
OPEN = ("PENDING", "OUT_FOR_DELIVERY")


def delivery_status_page(session: Session, filters: Mapping[str, Any], *, limit: int, cursor: str | None) -> Page:
    """The newest days first; one statement."""
    table = DeliveryStatus.__table__
    rows = select(*table.c)
    for name in ("delivery_date", "status", "delivery_boy_id", "confirmation_method"):
        if name in filters:
            rows = rows.where(table.c[name] == filters[name])
    if "delivery_date_from" in filters:
        rows = rows.where(table.c.delivery_date >= filters["delivery_date_from"])
    if "delivery_date_to" in filters:
        rows = rows.where(table.c.delivery_date <= filters["delivery_date_to"])
    keys = [table.c.delivery_date, table.c.id]
    return read_page(session, rows, keys, limit=limit, cursor=cursor, descending=True)


# ------------------------------------------------------------------------------------------------- rounds


def orders_within(scope: Scope) -> Select[Any] | CompoundSelect[Any]:
    """The ids of the orders in a scope, whatever their status.

    A delivery boy has those given to him and those of his customers that were given to nobody: two halves, because
    one condition over both would read every order of the day.
    """
    reached = select(Order.id).where(*_narrowed(scope))
    of_customers = reached.join(Customer, Customer.id == Order.customer_id)
    narrowed = of_customers if scope.area_id is not None else reached
    if scope.delivery_boy_id is None:
        return narrowed
    return union_all(
        narrowed.where(Order.delivery_boy_id == scope.delivery_boy_id),
        of_customers.where(Order.delivery_boy_id.is_(None), Customer.delivery_boy_id == scope.delivery_boy_id),
    )


def _narrowed(scope: Scope) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if scope.first_day is not None and scope.first_day == scope.last_day:
        conditions.append(Order.delivery_date == scope.first_day)
    else:
        if scope.first_day is not None:
            conditions.append(Order.delivery_date >= scope.first_day)
        if scope.last_day is not None:
            conditions.append(Order.delivery_date <= scope.last_day)
    if scope.shift is not None:
        conditions.append(Order.shift == scope.shift)
    if scope.area_id is not None:
        conditions.append(func.coalesce(Order.area_id, Customer.area_id).in_(areas_within(scope.area_id)))
    return conditions


def orders_of_round(session: Session, scope: Scope) -> Sequence[Row[Any]]:
    """The orders of a scope with their customer and status."""
    columns: list[Any] = [Order.id, Order.customer_id, Order.status]
    return session.execute(select(*columns).where(Order.id.in_(orders_within(scope)))).all()


def visible_customer_ids(session: Session, actor: Actor, customer_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the customers that the actor may see."""
    return set(session.scalars(select(Customer.id).where(Customer.id.in_(customer_ids), visible_customers(actor))))


#: In which order a round is gone: by place; who has none, or the same as another, by name.
_BY_PLACE = (Customer.stop_sequence.asc().nulls_last(), Customer.name, Customer.id)
_PLACE_OF_DAY = func.coalesce(pending_moves.c.stop_sequence, Customer.stop_sequence)


def sequence_of(session: Session, actor: Actor, delivery_boy_id: UUID) -> Sequence[Mapping[str, Any]]:
    """The customers of a delivery boy's round in sequence, whether they get something today or not; two statements.

    Who is stopped is left out. Raises ``user_not_found`` for anybody else, and to a delivery boy for another.
    """
    wanted = select(User.id).where(User.id == delivery_boy_id, User.role == Role.DELIVERY_BOY.value)
    is_anothers = actor.role is Role.DELIVERY_BOY and actor.user_id != delivery_boy_id
    if is_anothers or session.scalar(wanted) is None:
        raise Problem("user_not_found")
    columns = [Customer.__table__.c[name] for name in ("code", "name", "status", "stop_sequence", *_ADDRESS)]
    found = session.execute(
        select(Customer.id.label("customer_id"), *columns, Area.name.label("area"))
        .outerjoin(Area, Area.id == Customer.area_id)
        .where(Customer.delivery_boy_id == delivery_boy_id, Customer.status != "stopped")
        .order_by(*_BY_PLACE)
    )
    return [{**row, "full_address": full_address_of(dict(row))} for row in found.mappings()]


_ADDRESS = ("address_line1", "address_line2", "city", "pincode")
_CUSTOMER = ("id", "name", "phone", *_ADDRESS, "map_link", "latitude", "longitude", "stop_sequence", "notes")
_STATUS = ("status", "delivery_date", "delivered_at", "confirmed_at", "confirmed_by_name", "confirmation_method",
    "reason_code", "notes")  # fmt: skip


def round_view(session: Session, scope: Scope) -> dict[str, Any]:
    """The stops of one day (``scope.first_day`` is its ``last_day``) in sequence, what to load, how far it is.

    Cancelled orders are left out. Two statements, however many stops.
    """
    rows = named_rows(session, _orders_of_round(scope))
    items: dict[UUID, list[Any]] = {}
    for item in _ITEMS_OF_ROUND.named_rows(session, {"orders": [row.order_id for row in rows]}):
        items.setdefault(item.order_id, []).append(item)
    stops = stops_of(rows, items)
    return {
        "delivery_date": scope.first_day,
        "shift": scope.shift,
        "stops": stops,
        "loading_sheet": loading_sheet(stops),
        "progress": progress_of(stops),
    }


def _of_day(name: str) -> ColumnElement[Any]:
    """What a customer says on the day of an order: a new door has a second line, map and position of its own."""
    own, moved = Customer.__table__.c[name], pending_moves.c
    if name in ("address_line2", "map_link", "latitude", "longitude"):
        told = moved[name] if name in moved else null()
        return case((moved.address_line1.is_not(None), told), else_=own)
    return func.coalesce(moved[name], own) if name in moved else own


def _orders_of_round(scope: Scope) -> Select[Any]:
    statuses = DeliveryStatus.__table__
    return (
        select(
            Order.id.label("order_id"),
            Order.status,
            Order.shift,
            Order.source,
            Order.notes,
            *(_of_day(name).label(f"customer_{name}") for name in _CUSTOMER),
            Area.name.label("customer_area"),
            at_door(Order.customer_id).label("containers"),
            back_with(Order.id).label("empties"),
            *(statuses.c[name].label(f"status_{name}") for name in _STATUS),
        )
        .join(Customer, Customer.id == Order.customer_id)
        .outerjoin(pending_moves, in_move(Order.customer_id, Order.delivery_date))
        .outerjoin(Area, Area.id == func.coalesce(Order.area_id, Customer.area_id))
        .outerjoin(DeliveryStatus, DeliveryStatus.order_id == Order.id)
        .where(Order.id.in_(orders_within(scope)), Order.status != "CANCELLED")
        .order_by(_PLACE_OF_DAY.asc().nulls_last(), *_BY_PLACE[1:], Order.shift.desc(), Order.id)
    )


_ITEM: list[Any] = [OrderItem.order_id, OrderItem.product_id, OrderItem.quantity, OrderItem.delivered_quantity]
_ITEMS_OF_ROUND = Statement(
    select(*_ITEM, Product.name, Product.unit, Product.packet_size)
    .join(Product, Product.id == OrderItem.product_id)
    .where(OrderItem.order_id == any_(bindparam("orders", type_=ARRAY(Uuid()))))
    .order_by(OrderItem.order_id, OrderItem.line_no)
)


_ROUNDS = text("""
WITH placed AS (
    SELECT coalesce(o.delivery_boy_id, c.delivery_boy_id) AS staff_id, o.shift, o.customer_id, o.status,
        coalesce(o.delivery_boy_id <> coalesce(m.delivery_boy_id, c.delivery_boy_id), false) AS is_anothers,
        CASE WHEN o.status = 'NOT_DELIVERED' THEN coalesce(d.reason_code, 'unknown') END AS reason
    FROM orders o JOIN customers c ON c.id = o.customer_id LEFT JOIN delivery_statuses d ON d.order_id = o.id
    LEFT JOIN pending_moves m ON m.customer_id = c.id AND m.first_day <= :day
        AND (m.next_day IS NULL OR m.next_day > :day)
    WHERE o.delivery_date = :day AND o.status <> 'CANCELLED'
), reasons AS (
    SELECT staff_id, shift, jsonb_object_agg(reason, n) AS reasons
    FROM (SELECT staff_id, shift, reason, count(*) AS n FROM placed WHERE reason IS NOT NULL GROUP BY 1, 2, 3) r
    GROUP BY 1, 2
), doors AS (
    SELECT staff_id, shift, customer_id, bool_and(status NOT IN ('PENDING', 'OUT_FOR_DELIVERY')) AS is_done,
        bool_or(is_anothers) AS is_anothers, count(*) AS orders,
        count(*) FILTER (WHERE status = 'DELIVERED') AS delivered,
        count(*) FILTER (WHERE status = 'PARTIALLY_DELIVERED') AS partial,
        count(*) FILTER (WHERE status = 'NOT_DELIVERED') AS not_delivered
    FROM placed GROUP BY 1, 2, 3
), rounds AS (
    SELECT staff_id, shift, count(*) AS stops, count(*) FILTER (WHERE is_done) AS done,
        count(*) FILTER (WHERE is_anothers) AS of_others, sum(orders)::bigint AS orders,
        sum(delivered)::bigint AS delivered, sum(partial)::bigint AS partial,
        sum(not_delivered)::bigint AS not_delivered
    FROM doors GROUP BY 1, 2
)
SELECT r.staff_id, u.name AS staff_name, r.shift, r.stops, r.done, r.stops - r.done AS open, r.of_others, r.orders,
    r.delivered, r.partial, r.not_delivered, coalesce(w.reasons, '{}') AS reasons
FROM rounds r LEFT JOIN users u ON u.id = r.staff_id
LEFT JOIN reasons w ON w.staff_id IS NOT DISTINCT FROM r.staff_id AND w.shift = r.shift
ORDER BY u.name NULLS LAST, r.staff_id, r.shift DESC""")


def rounds_of_day(session: Session, day: date) -> Sequence[RowMapping]:
    """How far each round of a day is, by delivery boy and shift; one statement.

    A round's orders are those of ``orders_within`` its delivery boy. ``staff_id`` None: given to nobody.
    """
    return session.execute(_ROUNDS, {"day": day}).mappings().all()


_PLAN = text("""
WITH wishes AS (
    SELECT c.id, coalesce(m.delivery_boy_id, c.delivery_boy_id) AS staff_id, coalesce(m.area_id, c.area_id) AS area_id,
        coalesce(h.shift, s.shift) AS shift,
        CASE coalesce(h.mode, s.mode)
            WHEN 'weekly_pattern' THEN
                (SELECT bit_or(1 << d)
                FROM unnest(CASE WHEN h.id IS NULL THEN s.weekly_pattern ELSE h.weekly_pattern END) d)
            WHEN 'fixed_daily' THEN 127 WHEN 'alternate_days' THEN 127 ELSE 0 END AS days
    FROM customers c LEFT JOIN subscriptions s ON s.customer_id = c.id AND s.status = 'active'
        AND (s.stop_date IS NULL OR s.stop_date > :day)
    LEFT JOIN subscription_schedules h ON h.subscription_id = s.id AND h.valid @> CAST(:day AS date)
    LEFT JOIN pending_moves m ON m.customer_id = c.id AND m.first_day <= :day
        AND (m.next_day IS NULL OR m.next_day > :day)
    WHERE c.status <> 'stopped'
)
SELECT w.staff_id, u.name AS staff_name, w.shift, w.area_id, a.name AS area, count(DISTINCT w.id) AS customers,
    bit_or(w.days) AS days
FROM wishes w LEFT JOIN users u ON u.id = w.staff_id LEFT JOIN areas a ON a.id = w.area_id
GROUP BY w.staff_id, u.name, w.shift, w.area_id, a.name
ORDER BY u.name NULLS LAST, w.staff_id, w.shift DESC NULLS LAST, a.name, w.area_id""")


def round_plan(session: Session, day: date) -> Sequence[Mapping[str, Any]]:
    """Who goes where as of a day: by delivery boy, shift and area the customers, and the weekdays of their orders.

    ``shift`` None: customers without a running standing order. One statement.
    """
    rows = session.execute(_PLAN, {"day": day}).mappings()
    return [{**row, "weekdays": [d for d in range(7) if (row["days"] or 0) >> d & 1]} for row in rows]


_CONFIRMED = text("""
SELECT w.staff_id, u.name AS staff_name, n.confirmed
FROM (SELECT id AS staff_id FROM users WHERE role = 'delivery_boy' OR id IN (
        SELECT d.delivery_boy_id FROM delivery_statuses d
        WHERE d.delivery_date BETWEEN :first_day AND :last_day AND d.status <> 'delivered')
    UNION ALL SELECT NULL) w
LEFT JOIN users u ON u.id = w.staff_id
CROSS JOIN LATERAL (
    SELECT count(*) AS confirmed FROM delivery_statuses d
    WHERE d.delivery_boy_id = w.staff_id AND d.delivery_date BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT count(*) FROM delivery_statuses d
    WHERE w.staff_id IS NULL AND d.delivery_boy_id IS NULL AND d.delivery_date BETWEEN :first_day AND :last_day
) n
WHERE n.confirmed > 0""")
_SHORT = text("""
SELECT d.delivery_boy_id AS staff_id, d.status, coalesce(d.reason_code, 'unknown') AS reason, count(*) AS orders
FROM delivery_statuses d
WHERE d.delivery_date BETWEEN :first_day AND :last_day AND d.status <> 'delivered'
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 3""")
_MISSING = text("""
SELECT d.delivery_boy_id AS staff_id, g.unit, sum(w.quantity) AS quantity,
    sum(round(w.quantity * i.unit_price, 2)) AS amount
FROM delivery_statuses d JOIN order_items i ON i.order_id = d.order_id JOIN products g ON g.id = i.product_id
CROSS JOIN LATERAL (SELECT i.quantity - coalesce(i.delivered_quantity, 0) AS quantity) w
WHERE d.delivery_date BETWEEN :first_day AND :last_day AND d.status <> 'delivered' AND w.quantity > 0
GROUP BY 1, 2 ORDER BY 2""")


def short_deliveries(session: Session, first: date, last: date) -> list[dict[str, Any]]:
    """By helper how many orders of some planned days were confirmed, were short, why, and what is missing.

    Three statements. What was confirmed is counted in the index ``ix_delivery_statuses_boy``, helper by helper; rows
    are read of the short ones only (``ix_delivery_statuses_exceptions``), with their items.
    """
    given = {"first_day": first, "last_day": last}
    # Who confirmed comes last: of somebody whose first confirmation comes in between, the others would know nothing.
    reading = (_SHORT, _MISSING, _CONFIRMED)
    short, missing, confirmed = ([dict(row) for row in session.execute(each, given).mappings()] for each in reading)
    return short_by_helper(confirmed, short, missing)


# ------------------------------------------------------------------------------------------- month's grid

#: An order ``o`` delivered from ``:first_day`` to ``:last_day``. It was planned at most 31 days apart from that (the
#: longest ``delivery_window_days``), and the index is on the planned day.
DELIVERED_BETWEEN = """(o.delivered_on BETWEEN :first_day AND :last_day
    AND o.delivery_date BETWEEN CAST(:first_day AS date) - 31 AND CAST(:last_day AS date) + 31)"""

_GRID = text(f"""
WITH days AS (
    SELECT o.customer_id, i.product_id, i.unit_price, o.delivered_on, sum(i.delivered_quantity) AS quantity
    FROM all_orders o JOIN all_order_items i ON i.order_id = o.id
    WHERE o.customer_id = ANY (CAST(:customers AS uuid[])) AND {DELIVERED_BETWEEN} AND i.delivered_quantity > 0
        AND (CAST(:product_id AS uuid) IS NULL OR i.product_id = :product_id)
    GROUP BY 1, 2, 3, 4
), weeks AS (
    SELECT customer_id, product_id, unit_price, 'W' || ((extract(day FROM delivered_on)::integer - 1) / 7 + 1) AS week,
        sum(quantity) AS quantity
    FROM days GROUP BY 1, 2, 3, 4
), weekly AS (
    SELECT customer_id, product_id, unit_price, jsonb_object_agg(week, quantity) AS week_totals
    FROM weeks GROUP BY 1, 2, 3
), daily AS (
    SELECT customer_id, product_id, unit_price, jsonb_object_agg(delivered_on, quantity) AS daily_quantities,
        sum(quantity) AS total_quantity, round(sum(quantity) * unit_price, 2) AS total_amount
    FROM days GROUP BY 1, 2, 3
), products_of AS (
    SELECT d.*, w.week_totals, g.name, g.unit
    FROM daily d JOIN weekly w USING (customer_id, product_id, unit_price) JOIN products g ON g.id = d.product_id
)
SELECT p.customer_id, jsonb_agg(to_jsonb(p) - 'customer_id' ORDER BY p.name, p.unit_price) AS products
FROM products_of p GROUP BY 1""")


def month_grid(
    session: Session, customer_ids: Sequence[UUID], first: date, last: date, product_id: UUID | None
) -> dict[UUID, Any]:
    """By customer, product and price what came day by day and week by week from ``first`` to ``last`` of a month.

    Each has product_id, unit_price, name, unit, daily_quantities, week_totals (W1 is 1–7, W5 the rest),
    total_quantity and total_amount. Quantities of different units are never added up.
    """
    given = {"customers": list(customer_ids), "first_day": first, "last_day": last, "product_id": product_id}
    return {row.customer_id: row.products for row in session.execute(_GRID, given)}


def delivered_of_day(
    session: Session, customer_id: UUID, product_id: UUID, day: date, shift: str | None
) -> Sequence[RowMapping]:
    """The confirmed orders (id, shift) with a product that a customer got on a day, for the month's grid.

    An order that was corrected to nothing stands for its planned day and can be corrected back.
    """
    orders = text("""
        SELECT o.id, o.shift FROM orders o JOIN order_items i ON i.order_id = o.id AND i.product_id = :product
        WHERE o.customer_id = :customer AND (CAST(:shift AS text) IS NULL OR o.shift = :shift)
            AND (o.delivered_on = :day OR (o.status = 'NOT_DELIVERED' AND o.delivery_date = :day))
            AND o.delivery_date BETWEEN CAST(:day AS date) - 31 AND CAST(:day AS date) + 31""")
    which = {"customer": customer_id, "product": product_id, "day": day, "shift": shift}
    return session.execute(orders, which).mappings().all()


def standing_of_day(
    session: Session, customer_id: UUID, product_id: UUID, day: date, shift: str | None
) -> Sequence[RowMapping]:
    """The standing orders (id, shift) of a product that a customer has on a day; ``waits``: its order is to come."""
    subscriptions = text("""
        SELECT s.id, coalesce(c.shift, s.shift) AS shift, EXISTS (SELECT FROM orders o WHERE o.subscription_id = s.id
            AND o.delivery_date = :day AND o.status IN ('PENDING', 'OUT_FOR_DELIVERY')) AS waits
        FROM subscriptions s
        LEFT JOIN subscription_schedules c ON c.subscription_id = s.id AND c.valid @> CAST(:day AS date)
        WHERE s.customer_id = :customer AND coalesce(c.product_id, s.product_id) = :product
            AND s.status IN ('active', 'paused')
            AND (CAST(:shift AS text) IS NULL OR coalesce(c.shift, s.shift) = :shift)
            AND s.start_date <= :day AND (s.stop_date IS NULL OR s.stop_date > :day)""")
    which = {"customer": customer_id, "product": product_id, "day": day, "shift": shift}
    return session.execute(subscriptions, which).mappings().all()


def delivered_items(session: Session, order_id: UUID) -> Sequence[Row[Any]]:
    """What was delivered of an order: product_id, delivered_quantity by line."""
    items = text("SELECT product_id, delivered_quantity FROM order_items WHERE order_id = :order ORDER BY line_no")
    return session.execute(items, {"order": order_id}).all()


# ------------------------------------------------------------------------------------------ without an order


def customer_on_round(session: Session, customer_id: UUID, delivery_boy_id: UUID, day: date) -> Customer | None:
    """The customer, if it is a delivery boy's, or gets something from him on a day as a stand-in."""
    brought = select(Order.id).where(
        Order.customer_id == Customer.id, Order.delivery_boy_id == delivery_boy_id, Order.delivery_date == day
    )
    reached = or_(Customer.delivery_boy_id == delivery_boy_id, brought.exists())
    return session.scalar(select(Customer).where(Customer.id == customer_id, reached))


_BEGAN = text("""
SELECT least((c.created_at AT TIME ZONE s.time_zone)::date, c.trial_start_date,
    (SELECT min(b.start_date) FROM subscriptions b WHERE b.customer_id = c.id),
    (SELECT min(o.delivery_date) FROM orders o WHERE o.customer_id = c.id))
FROM customers c CROSS JOIN settings s WHERE c.id = :customer""")


def first_day_of(session: Session, customer_id: UUID) -> date:
    """The first day on which a customer could get anything: registered, on trial, or ordered for by then."""
    first: date = session.execute(_BEGAN, {"customer": customer_id}).scalar_one()
    return first


_OF_EVENT = text("""
SELECT o.id, o.customer_id, o.source, o.delivery_date, o.shift,
    (SELECT jsonb_object_agg(i.product_id, i.quantity::text) FROM order_items i WHERE i.order_id = o.id) AS quantities
FROM delivery_statuses s JOIN orders o ON o.id = s.order_id WHERE s.client_event_id = :event""")


def order_of_event(session: Session, client_event_id: UUID) -> Row[Any] | None:
    """The order that was confirmed under a phone's key, with its quantities (as text) by product."""
    return session.execute(_OF_EVENT, {"event": client_event_id}).one_or_none()
