"""What an import did, read from the database: what was written is counted in our tables, not assumed."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.legacy_import.judging import quarantine
from dairy_app.legacy_import.writing.staging import Stage

_FIRST_DAY = """
SELECT min(day) FROM (
    SELECT min(delivery_date) AS day FROM stage_orders
    UNION ALL SELECT min(delivered_on) FROM stage_orders
    UNION ALL SELECT min(delivery_date) FROM stage_deliveries) days
"""

_FATES = "SELECT collection, fate, count(*) FROM {table} GROUP BY collection, fate"

_WRITTEN = """
SELECT s.collection, count(*) FROM {table} s JOIN {target} x ON x.id = s.id AND x.legacy_id = s.key
WHERE s.fate = 'written' GROUP BY s.collection
"""

_REASONS = """
SELECT collection, reason, count(*) FROM {table} WHERE fate = 'quarantined' GROUP BY collection, reason
ORDER BY collection, reason
"""

# Only what this import wrote: what an earlier one wrote may have been corrected since.
_REMARKS = """
SELECT s.collection, r.remark, count(*), (array_agg(s.key ORDER BY s.line))[1:{limit}]
FROM {table} s CROSS JOIN LATERAL unnest(s.remarks) AS r (remark)
WHERE s.fate = 'written' GROUP BY s.collection, r.remark ORDER BY s.collection, r.remark
"""

_REVIEWED_ROWS = """
SELECT collection, 'left_for_review', count(*), (array_agg(key ORDER BY line))[1:{limit}]
FROM stage_deliveries WHERE fate = 'review' GROUP BY collection ORDER BY collection
"""

_SUPERSEDED = """
SELECT collection, 'override_superseded', count(*), (array_agg(key ORDER BY line))[1:{limit}]
FROM stage_sides WHERE fate = 'merged' AND 'override_superseded' = ANY (remarks)
GROUP BY collection ORDER BY collection
"""

# Before: the staged documents, delivered quantity × written price, half up per line. After: our tables.
_MONEY = """
WITH before AS (
    SELECT o.customer_id, to_char(o.delivered_on, 'YYYY-MM') AS month, o.stands_on, count(*) AS orders,
        sum(CASE o.status WHEN 'delivered'
            THEN (SELECT sum(round(i.quantity * i.price, 2)) FROM stage_items i WHERE i.order_line = o.line)
            ELSE (SELECT sum(round(l.delivered * l.raw_price, 2)) FROM stage_lines l WHERE l.order_line = o.line)
            END) AS amount
    FROM stage_orders o WHERE o.fate = 'written' AND o.stands_on IS NOT NULL GROUP BY 1, 2, 3
), after AS (
    SELECT x.customer_id, to_char(x.delivered_on, 'YYYY-MM') AS month, p.status AS stands_on,
        count(DISTINCT x.id) AS orders, sum(round(i.delivered_quantity * i.unit_price, 2)) AS amount
    FROM stage_orders o
    JOIN orders x ON x.id = o.id
    JOIN invoices p ON p.id = x.invoice_id
    JOIN order_items i ON i.order_id = x.id
    WHERE o.fate = 'written' GROUP BY 1, 2, 3
)
SELECT coalesce(c.legacy_id, c.id::text) AS customer, month, stands_on,
    coalesce(b.orders, 0) AS orders_before, coalesce(a.orders, 0) AS orders_after,
    round(coalesce(b.amount, 0), 2) AS before, round(coalesce(a.amount, 0), 2) AS after
FROM before b
FULL JOIN after a USING (customer_id, month, stands_on)
JOIN customers c ON c.id = customer_id
ORDER BY stands_on, month, customer
"""

# Delivered as far as the earlier system knew, but not on any document here: at most this much.
_LEFT_OUT = """
SELECT coalesce(o.reason, 'delivered_not_confirmed') AS reason, count(*),
    round(sum((SELECT coalesce(sum(round(i.quantity * i.price, 2)), 0)
        FROM stage_items i WHERE i.order_line = o.line)), 2)
FROM stage_orders o
WHERE o.status IN ('delivered', 'partially_delivered')
    AND (o.fate = 'quarantined' OR (o.fate = 'written' AND o.final_status = 'OUT_FOR_DELIVERY'))
GROUP BY 1 ORDER BY 1
"""


class Money(NamedTuple):
    """Rupees of one customer in one month on one kind of document, in the dump and in our tables."""

    customer: str
    month: str
    stands_on: str
    orders_before: int
    orders_after: int
    before: Decimal
    after: Decimal


def first_day(session: Session) -> date | None:
    """The earliest delivery in the dump: from then on the imported prices are in force."""
    found: date | None = session.scalar(text(_FIRST_DAY))
    return found


def fates(session: Session, stage: Stage, target: str) -> dict[tuple[str, str], int]:
    """Documents per (collection, fate); written and quarantined ones are counted where they went."""
    counted = {(name, fate): count for name, fate, count in _rows(session, _FATES, stage, target)}
    proven = {key: 0 for key in counted if key[1] in ("written", "quarantined")}
    proven |= {(name, "written"): count for name, count in _rows(session, _WRITTEN, stage, target)}
    waiting = quarantine.counts(session, stage.table)
    proven |= {(name, "quarantined"): count for name, count in waiting.items()}
    return counted | proven


def quarantine_reasons(session: Session, stage: Stage) -> list[tuple[str, str, int]]:
    """(collection, reason, documents) of this import."""
    return [(name, reason, count) for name, reason, count in _rows(session, _REASONS, stage)]


def remarks(session: Session, stage: Stage, limit: int) -> list[tuple[str, str, int, list[str]]]:
    """(collection, remark, documents, the first ``limit`` keys) of what this import wrote."""
    return [(name, remark, count, keys) for name, remark, count, keys in _rows(session, _REMARKS, stage, limit=limit)]


def rows_for_review(session: Session, limit: int) -> list[tuple[str, str, int, list[str]]]:
    """Delivery rows that contradict their order, and words about a day that do not count, as ``remarks``."""
    found = [row for query in (_REVIEWED_ROWS, _SUPERSEDED) for row in session.execute(text(query.format(limit=limit)))]
    return [(name, remark, count, keys) for name, remark, count, keys in found]


def money(session: Session) -> Iterator[Money]:
    """What this import put on drafts and external documents, per customer and month.

    Of a large dairy these are a row a customer and month: each word is held once, and of equal sums one.
    """
    for row in session.execute(text(_MONEY), execution_options={"yield_per": 1000}):
        each = Money(*row)
        yield each._replace(
            customer=intern(each.customer),
            month=intern(each.month),
            stands_on=intern(each.stands_on),
            after=each.before if each.before == each.after else each.after,
        )


def left_out(session: Session) -> list[tuple[str, int, Decimal]]:
    """(reason, orders, rupees at most) of deliveries that are on no document."""
    return [(reason, orders, amount) for reason, orders, amount in session.execute(text(_LEFT_OUT))]


def _rows(session: Session, statement: str, stage: Stage, target: str = "", limit: int = 0) -> Any:
    return session.execute(text(statement.format(table=stage.table, target=target, limit=limit)))
