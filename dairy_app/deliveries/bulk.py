"""Set-based writes of rounds: confirming, correcting, starting, putting into sequence. A few statements, any size."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, Uuid, any_, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from dairy_app.containers.rules import Empties
from dairy_app.customers.models import Customer
from dairy_app.customers.queries import pending_moves
from dairy_app.database.statements import Found, Statement
from dairy_app.deliveries.queries import OPEN, orders_within
from dairy_app.deliveries.rules import LONGEST_DEVICE, Confirmation, Confirmer, Delivered, DoorOrder, ExtraItem, Scope
from dairy_app.orders.models import Order

_CONFIRM = Statement(
    text("""
SELECT item_index, outcome, code, detail, order_id, order_status, delivery_status, extra_order_id
FROM confirm_deliveries(CAST(:confirmations AS jsonb), CAST(:confirmed_by AS uuid), :confirmed_by_name, :method,
    CAST(:shared_link_id AS uuid), CAST(:boy AS uuid), CAST(:area AS uuid), CAST(:first AS date), CAST(:last AS date),
    :shift, CAST(:ip AS inet), :device, :at)
""")
)


def confirm_deliveries(
    session: Session,
    confirmations: Sequence[Confirmation],
    confirmer: Confirmer,
    scope: Scope,
    *,
    at: datetime,
) -> Sequence[Found]:
    """One row per confirmation, in their order: confirmed, replayed, or rejected with code and detail."""
    given = {"confirmations": _as_json(confirmations), "at": at}
    return _CONFIRM.execute(session, given | _who(confirmer) | _where(scope))


_COMPLETE = text("""
SELECT count(*) FILTER (WHERE outcome = 'confirmed') AS confirmed, coalesce(jsonb_agg(jsonb_build_object(
    'order_id', order_id, 'outcome', outcome, 'code', code, 'detail', detail)) FILTER (WHERE outcome = 'rejected'),
    '[]') AS rejected
FROM confirm_deliveries((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('order_id', id, 'status', 'delivered',
        'delivery_date', CAST(:day AS date), 'delivered_at', CAST(:delivered_at AS timestamptz),
        'empties', CAST(:empties AS jsonb) -> CAST(id AS text))))
    FROM unnest(CAST(:orders AS uuid[])) AS o (id)), CAST(:confirmed_by AS uuid), :confirmed_by_name, :method,
    CAST(:shared_link_id AS uuid), CAST(:boy AS uuid), CAST(:area AS uuid), CAST(:first AS date), CAST(:last AS date),
    :shift, CAST(:ip AS inet), :device, :at)
""")


def deliver_in_full(
    session: Session,
    order_ids: Sequence[UUID],
    confirmer: Confirmer,
    scope: Scope,
    *,
    empties: Mapping[UUID, Sequence[Empties]],
    delivered_at: datetime,
    at: datetime,
) -> Row[Any]:
    """Confirm these orders in full for the scope's one day: how many were, and which were refused and why.

    ``empties``: what came back with which of them.
    """
    told = {str(order_id): _as_list(back) for order_id, back in empties.items()}
    given = {
        "orders": list(order_ids),
        "day": scope.first_day,
        "empties": orjson.dumps(told).decode(),
        "delivered_at": delivered_at,
        "at": at,
    }
    return session.execute(_COMPLETE, given | _who(confirmer) | _where(scope)).one()


_CORRECT = text("""
SELECT outcome, code, detail, order_status, delivery_status
FROM correct_delivery(CAST(:order AS uuid), CAST(:items AS jsonb), CAST(:empties AS jsonb), :reason,
    CAST(:corrected_by AS uuid), CAST(:boy AS uuid), CAST(:only_on AS date), :at)
""")


def correct_delivery(
    session: Session,
    order_id: UUID,
    items: Sequence[Delivered] | None,
    empties: Sequence[Empties] | None,
    reason: str,
    *,
    corrected_by: UUID,
    boy: UUID | None,
    only_on: date | None,
    at: datetime,
) -> Row[Any]:
    """Correct one confirmed delivery; without items nothing was delivered. ``boy``, ``only_on`` narrow who may.

    ``empties`` None: what came back is as it was told.
    """
    given = {
        "order": order_id,
        "items": None if items is None else _as_json(items),
        "empties": None if empties is None else _as_json(empties),
        "reason": reason,
        "corrected_by": corrected_by,
        "boy": boy,
        "only_on": only_on,
        "at": at,
    }
    return session.execute(_CORRECT, given).one()


_JUDGE = text("""
SELECT code, detail, place, CAST(priced AS text) AS priced
FROM judge_extras(CAST(:items AS jsonb), CAST(:customer AS uuid), CAST(:day AS date), :method, :was_sold)""")


def judge_extras(
    session: Session, items: Sequence[ExtraItem], customer_id: UUID, day: date, *, method: str | None, was_sold: bool
) -> Row[Any]:
    """What is wrong with goods that nobody ordered (code, detail, place), or what each costs on a day (priced, JSON).

    ``method``: how the door tells of them; None: the office does. ``was_sold``: off sale by now is no hindrance.
    """
    given = {"items": _as_json(items), "customer": customer_id, "day": day, "method": method, "was_sold": was_sold}
    return session.execute(_JUDGE, given).one()


_DOOR_ORDER = text("""
SELECT write_door_order(CAST(:customer AS uuid), NULL, CAST(:priced AS jsonb), CAST(:day AS date), :shift,
    CAST(:address AS jsonb), :notes, CAST(:boy AS uuid), CAST(:area AS uuid), :moment, CAST(:told AS jsonb),
    CAST(:confirmed_by AS uuid), :confirmed_by_name, :method, CAST(:shared_link_id AS uuid), CAST(:ip AS inet), :device,
    :at)""")


def write_door_order(session: Session, order: DoorOrder, confirmer: Confirmer, *, at: datetime) -> UUID:
    """Make the order of goods that reached a locked customer's door without one, delivered in full; its id."""
    given = {
        "customer": order.customer_id,
        "priced": order.priced,
        "day": order.day,
        "shift": order.shift,
        "address": orjson.dumps(order.address, str).decode(),
        "notes": order.notes,
        "boy": order.delivery_boy_id,
        "area": order.area_id,
        "moment": order.delivered_at,
        "told": orjson.dumps({"client_event_id": order.client_event_id}, str).decode(),
        "at": at,
    }
    made: UUID = session.execute(_DOOR_ORDER, given | _who(confirmer)).scalar_one()
    return made


_EMPTIES = text("""
SELECT write_empties(ARRAY[CAST(:order AS uuid)], ARRAY[s.customer_id], ARRAY[s.delivery_date],
    ARRAY[s.delivery_boy_id], ARRAY[CAST(:empties AS jsonb)])
FROM delivery_statuses s WHERE s.order_id = :order""")


def write_empties(session: Session, order_id: UUID, empties: Sequence[Empties]) -> None:
    """What came back with a confirmed order of a locked customer, in place of what was told of it before."""
    session.execute(_EMPTIES, {"order": order_id, "empties": _as_json(empties)})


def lock_customers_of_open_orders(session: Session, scope: Scope) -> list[UUID]:
    """Lock the customers who wait for an order of the scope, and who pays for them, ids ascending.

    Read what decides after this.
    """
    waiting = select(Order.customer_id).where(Order.id.in_(orders_within(scope)), Order.status.in_(OPEN))
    reached = func.payers_of(func.array(waiting.scalar_subquery(), type_=ARRAY(Uuid())), type_=Uuid())
    locked = select(Customer.id).where(Customer.id.in_(select(reached))).order_by(Customer.id)
    return list(session.scalars(locked.with_for_update(key_share=True)))


def lock_round(session: Session, delivery_boy_id: UUID) -> None:
    """Lock the customers of a delivery boy's round, ids ascending: nobody leaves it or changes places meanwhile.

    Also those that are to move into it.
    """
    to_come = select(pending_moves.c.customer_id).where(pending_moves.c.delivery_boy_id == delivery_boy_id)
    own = or_(Customer.delivery_boy_id == delivery_boy_id, Customer.id.in_(to_come))
    locked = select(Customer.id).where(own).order_by(Customer.id)
    session.execute(locked.with_for_update(key_share=True))


def start_orders(session: Session, scope: Scope, customer_ids: Sequence[UUID]) -> Row[Any]:
    """Send the waiting orders of locked customers out; how many, and how many were out already.

    From here on they are of the round that took them, wherever the office moves the customer.
    """
    reached = orders_within(scope)
    ids = literal(list(customer_ids), ARRAY(Uuid()))
    out = select(func.count()).where(Order.id.in_(reached), Order.status == "OUT_FOR_DELIVERY").scalar_subquery()
    started = (
        update(Order)
        .where(Order.id.in_(reached), Order.status == "PENDING", Order.customer_id == any_(ids))
        .where(Customer.id == Order.customer_id)
        .values(
            status="OUT_FOR_DELIVERY",
            delivery_boy_id=func.coalesce(Order.delivery_boy_id, Customer.delivery_boy_id),
            area_id=func.coalesce(Order.area_id, Customer.area_id),
        )
        .returning(Order.id)
        .cte("started")
    )
    begun = select(func.count()).select_from(started).scalar_subquery()
    columns: list[Any] = [begun.label("started"), out.label("already")]
    return session.execute(select(*columns)).one()


_STAND_IN = text("""
WITH wanted AS (
    SELECT o.id, o.customer_id, coalesce(CAST(:stand_in AS uuid), m.delivery_boy_id,
        CASE WHEN o.status = 'OUT_FOR_DELIVERY' THEN c.delivery_boy_id END) AS delivery_boy_id
    FROM orders o JOIN customers c ON c.id = o.customer_id
    LEFT JOIN pending_moves m ON m.customer_id = c.id AND m.first_day <= :day
        AND (m.next_day IS NULL OR m.next_day > :day)
    WHERE coalesce(m.delivery_boy_id, c.delivery_boy_id) = :boy AND o.delivery_date = :day
        AND o.status IN ('PENDING', 'OUT_FOR_DELIVERY')
        AND (CAST(:shift AS text) IS NULL OR o.shift = :shift)
), changed AS (
    UPDATE orders o SET delivery_boy_id = w.delivery_boy_id, updated_at = now() FROM wanted w
    WHERE o.id = w.id AND o.delivery_boy_id IS DISTINCT FROM w.delivery_boy_id
)
SELECT count(*) AS orders, count(DISTINCT customer_id) AS customers FROM wanted""")


def give_to_stand_in(
    session: Session, delivery_boy_id: UUID, day: date, shift: str | None, stand_in_id: UUID | None
) -> Row[Any]:
    """Who brings the open orders of a locked round on a day; how many orders, of how many customers.

    None: the customers' own delivery boy; of an order that is out, he is named as before.
    """
    given = {"boy": delivery_boy_id, "day": day, "shift": shift, "stand_in": stand_in_id}
    return session.execute(_STAND_IN, given).one()


_SEQUENCE = text("""
UPDATE customers c SET stop_sequence = s.place * 10, updated_at = now()
FROM unnest(CAST(:customers AS uuid[])) WITH ORDINALITY AS s (customer_id, place)
WHERE c.id = s.customer_id AND c.stop_sequence IS DISTINCT FROM s.place * 10
""")


def put_in_sequence(session: Session, customer_ids: Sequence[UUID]) -> None:
    """Give locked customers the places 10, 20, 30 …, so that one can be put in between later."""
    session.execute(_SEQUENCE, {"customers": list(customer_ids)})


_JOIN = text("""
WITH last AS (
    SELECT coalesce(max(c.stop_sequence), 0) / 10 AS place FROM customers c WHERE c.delivery_boy_id = :boy
), joining AS (
    SELECT s.customer_id, row_number() OVER (ORDER BY s.place) AS n
    FROM unnest(CAST(:customers AS uuid[])) WITH ORDINALITY AS s (customer_id, place)
    JOIN customers c ON c.id = s.customer_id AND c.delivery_boy_id IS DISTINCT FROM :boy
)
UPDATE customers c
SET delivery_boy_id = :boy, stop_sequence = least((last.place + j.n) * 10, 2147483647), updated_at = now()
FROM joining j, last WHERE c.id = j.customer_id""")


def join_round(session: Session, delivery_boy_id: UUID, customer_ids: Sequence[UUID]) -> None:
    """Give locked customers to a delivery boy, behind all others of his; who is his already stays."""
    session.execute(_JOIN, {"boy": delivery_boy_id, "customers": list(customer_ids)})


#: What is sent as JSON, with its fields: looked up once, not once a door.
_FIELDS: dict[type, tuple[str, ...]] = {
    each: tuple(field.name for field in fields(each)) for each in (Confirmation, Delivered, ExtraItem, Empties)
}


def _as_list(empties: Sequence[Empties]) -> list[dict[str, Any]]:
    return [{"container_id": str(each.container_id), "back": each.back} for each in empties]


def _as_json(
    told: Sequence[Confirmation] | Sequence[Delivered] | Sequence[ExtraItem] | Sequence[Empties],
) -> str:
    return orjson.dumps(list(told), _plain, orjson.OPT_PASSTHROUGH_DATACLASS).decode()


def _plain(value: object) -> Any:
    """An object as those of its fields that say something; a decimal as text."""
    if type(value) not in _FIELDS:
        return str(value)
    return {name: said for name in _FIELDS[type(value)] if (said := getattr(value, name)) is not None}


def _who(confirmer: Confirmer) -> dict[str, Any]:
    return {
        "confirmed_by": confirmer.user_id,
        "confirmed_by_name": confirmer.name,
        "method": confirmer.method,
        "shared_link_id": confirmer.shared_link_id,
        "ip": confirmer.ip,
        "device": confirmer.device[:LONGEST_DEVICE] if confirmer.device else None,
    }


def _where(scope: Scope) -> dict[str, Any]:
    return {
        "boy": scope.delivery_boy_id,
        "area": scope.area_id,
        "first": scope.first_day,
        "last": scope.last_day,
        "shift": scope.shift,
    }


def read_status(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A row of ``delivery_statuses`` that came as JSON, with its instants and dates as such again."""
    if row is None:
        return None
    read = dict(row)
    for name in ("delivered_at", "confirmed_at", "device_time", "corrected_at"):
        read[name] = datetime.fromisoformat(read[name]) if read[name] else None
    for name in ("latitude", "longitude"):
        read[name] = None if read[name] is None else Decimal(str(read[name]))
    read["delivery_date"] = date.fromisoformat(read["delivery_date"])
    return read
