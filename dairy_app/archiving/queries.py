"""What can be archived, what is, and what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, select, text
from sqlalchemy.orm import Session

from dairy_app.archiving.models import ArchivedDay
from dairy_app.deliveries.models import ArchivedDeliveryStatus, DeliveryStatus
from dairy_app.orders.models import ArchivedOrder, ArchivedOrderItem, Order, OrderItem

#: Orders that are moved by one transaction: whoever wants to write meanwhile waits for some 0.4 s.
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where orders are with their items and statuses: the names of the tables."""

    orders: str
    items: str
    statuses: str


AT_WORK = Place(Order.__tablename__, OrderItem.__tablename__, DeliveryStatus.__tablename__)
ARCHIVE = Place(ArchivedOrder.__tablename__, ArchivedOrderItem.__tablename__, ArchivedDeliveryStatus.__tablename__)


@dataclass(frozen=True, slots=True)
class Sums:
    """What some orders of one planned day come to; ``amount`` in rupees of what was delivered."""

    day: date
    orders: int
    items: int
    statuses: int
    amount: Decimal
    #: 256 times 0 or 1: see ``ArchivedDay``.
    digest: str


def _digest(place: Place) -> str:
    """SHA-256 of an order ``o`` with its items and its status. Of a column that was added since, NULL counts for
    nothing, so that it stays what it was."""
    return f"""('x' || encode(sha256(convert_to(jsonb_strip_nulls(jsonb_build_object(
        'order', to_jsonb(o) - '{{customer_id,payer_id}}'::text[],
        'items', (SELECT jsonb_agg(to_jsonb(i) ORDER BY i.line_no) FROM {place.items} i WHERE i.order_id = o.id),
        'status', (SELECT to_jsonb(s) - 'customer_id' FROM {place.statuses} s WHERE s.order_id = o.id)
    ))::text, 'UTF8')), 'hex'))::bit(256)"""


def _sums(place: Place) -> str:
    """Of orders ``o``: what a row of ``archived_days`` says."""
    return f"""o.delivery_date AS day, count(*) AS orders, coalesce(sum(i.items), 0)::integer AS items,
        coalesce(sum(s.statuses), 0)::integer AS statuses,
        coalesce(sum(i.amount), 0) AS amount,
        bit_xor({_digest(place)}) AS digest
    FROM {place.orders} o
    CROSS JOIN LATERAL (SELECT count(*) AS items,
            sum(round(i.delivered_quantity * i.unit_price, 2)) AS amount
        FROM {place.items} i WHERE i.order_id = o.id) i
    CROSS JOIN LATERAL (SELECT count(*) AS statuses FROM {place.statuses} s WHERE s.order_id = o.id) s"""


def days_of(session: Session, place: Place, first: date | None, before: date | None) -> list[date]:
    """The planned days that have orders in a place, from ``first`` on and before ``before``, in order.

    Day by day along the index: of a day's hundred thousand orders one is read.
    """
    found = session.execute(
        text(f"""
        WITH RECURSIVE days AS (
            SELECT (SELECT min(o.delivery_date) FROM {place.orders} o
                WHERE o.delivery_date >= coalesce(CAST(:first AS date), '-infinity')) AS day
            UNION ALL
            SELECT (SELECT min(o.delivery_date) FROM {place.orders} o WHERE o.delivery_date > d.day)
            FROM days d WHERE d.day IS NOT NULL
        )
        SELECT day FROM days WHERE day < coalesce(CAST(:before AS date), 'infinity')"""),
        {"first": first, "before": before},
    )
    return list(found.scalars())


def window(session: Session, place: Place, day: date, after: UUID | None) -> list[UUID]:
    """The next orders of a day, by id. What was handed over besides comes with the order at whose door it was."""
    return list(
        session.scalars(
            text(f"""
            SELECT o.id FROM {place.orders} o
            WHERE o.delivery_date = :day AND o.id > coalesce(CAST(:after AS uuid), '{UUID(int=0)}')
                AND o.placed_at_door_of IS NULL
            ORDER BY o.id LIMIT {BATCH}"""),
            {"day": day, "after": after},
        )
    )


#: Whoever points to an order keeps it, and so does what cannot be over: one of both at a door keeps the other.
_MEMBERS = """
SELECT o.id, coalesce(o.placed_at_door_of, o.id) AS door, CASE
    WHEN o.status IN ('PENDING', 'OUT_FOR_DELIVERY') OR i.status = 'draft' THEN 'open'
    WHEN o.delivery_date >= :before THEN 'later'
    WHEN EXISTS (SELECT FROM delivery_photos p WHERE p.order_id = o.id) THEN 'photo'
    WHEN EXISTS (SELECT FROM container_movements m WHERE m.order_id = o.id) THEN 'containers'
    WHEN EXISTS (SELECT FROM change_requests r WHERE r.applied_order_id = o.id) THEN 'change_request'
    WHEN EXISTS (SELECT FROM imported_bills b WHERE b.order_id = o.id) THEN 'imported_bill' END AS kept
FROM orders o LEFT JOIN invoices i ON i.id = o.invoice_id
WHERE {which} = ANY (:ids)"""
_JUDGED = f"""
WITH members AS (
    {_MEMBERS.format(which="o.id")} UNION ALL {_MEMBERS.format(which="o.placed_at_door_of")}
)
SELECT m.id, min(m.kept) OVER (PARTITION BY m.door) AS kept FROM members m"""


def judge(session: Session, ids: Sequence[UUID], before: date) -> Sequence[Row[Any]]:
    """Orders with what was handed over besides: id, and why each is kept; None: it can be archived."""
    return session.execute(text(_JUDGED), {"ids": list(ids), "before": before}).all()


def with_extras(session: Session, ids: Sequence[UUID]) -> list[UUID]:
    """Archived orders with what was handed over besides."""
    besides = text("SELECT a.id FROM archived_orders a WHERE a.placed_at_door_of = ANY (:ids)")
    return [*ids, *session.scalars(besides, {"ids": list(ids)})]


# ---------------------------------------------------------------------------------------- what it comes to


def sums_of(session: Session, place: Place, ids: Sequence[UUID]) -> list[Sums]:
    """By planned day counts, rupees and digest of some orders, wherever they are."""
    asked = text(f"SELECT {_sums(place)} WHERE o.id = ANY (:ids) GROUP BY o.delivery_date ORDER BY o.delivery_date")
    return _read(session, asked, ids=list(ids))


def held_of(session: Session, day: date) -> Sums | None:
    """What the archive holds of a day: counts, rupees and digest; None: nothing."""
    asked = text(f"SELECT {_sums(ARCHIVE)} WHERE o.delivery_date = :day GROUP BY o.delivery_date")
    return next(iter(_read(session, asked, day=day)), None)


def written_days(session: Session) -> list[date]:
    """The days of which something was written down."""
    return list(session.scalars(select(ArchivedDay.day)))


def written_of(session: Session, day: date) -> Sums | None:
    """What was written down of a day."""
    row = session.get(ArchivedDay, day)
    return None if row is None else Sums(**{each.name: getattr(row, each.name) for each in fields(Sums)})


def _read(session: Session, asked: TextClause, **given: Any) -> list[Sums]:
    """Digests are of texts, in which instants are of UTC."""
    session.execute(text("SET LOCAL timezone = 'UTC'"))
    return [Sums(**row) for row in session.execute(asked, given).mappings()]
