"""Standing orders and orders of the sample, inserted in sets."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.common.clock import now
from dairy_app.demo import sample
from dairy_app.subscriptions.bulk import generate, remember_days
from dairy_app.subscriptions.rules import days_between

_SUBSCRIPTIONS = text("""
INSERT INTO subscriptions (customer_id, product_id, mode, default_quantity, weekly_pattern, interval_days,
    anchor_date, start_date)
SELECT (CAST(:customers AS uuid[]))[w.customer + 1], p.id, w.mode, w.quantity, w.weekly_pattern, w.interval_days,
    w.anchor_date, w.start_date
FROM jsonb_to_recordset(CAST(:wanted AS jsonb)) AS w (customer integer, sku text, mode text, quantity numeric,
    weekly_pattern smallint[], interval_days smallint, anchor_date date, start_date date)
JOIN products p ON p.sku = w.sku
""")

_ONE_TIME_ORDERS = text("""
WITH wanted AS (
    SELECT uuid7() AS id, w.* FROM jsonb_to_recordset(CAST(:wanted AS jsonb))
        AS w (customer integer, day date, cancelled boolean, items jsonb)
), placed AS (
    INSERT INTO orders (id, customer_id, delivery_date, source, status, cancelled_at, cancel_reason)
    SELECT wanted.id, (CAST(:customers AS uuid[]))[customer + 1], day, 'staff',
        CASE WHEN cancelled THEN 'CANCELLED' ELSE 'PENDING' END,
        CASE WHEN cancelled THEN (day - 1)::timestamp AT TIME ZONE s.time_zone END,
        CASE WHEN cancelled THEN 'guests not coming' END
    FROM wanted CROSS JOIN settings s
)
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source)
SELECT w.id, i.n, p.id, (i.item ->> 'quantity')::numeric, price.price, 'product'
FROM wanted w
CROSS JOIN LATERAL jsonb_array_elements(w.items) WITH ORDINALITY AS i (item, n)
JOIN products p ON p.sku = i.item ->> 'sku'
JOIN product_prices price ON price.product_id = p.id AND price.valid @> w.day
""")


def insert_subscriptions(session: Session, customers: Sequence[UUID], first_day: date) -> None:
    """The standing orders of the sample; ``customers`` in its order."""
    _insert(session, _SUBSCRIPTIONS, list(sample.subscriptions(first_day, len(customers))), customers=list(customers))


def insert_orders(session: Session, customers: Sequence[UUID], first_day: date, last_day: date) -> None:
    """All orders of these days, open or cancelled; prices are those of each day."""
    days = days_between(first_day, last_day)
    generate(session, days)
    remember_days(session, days, now())
    wanted = list(sample.one_time_orders(first_day, last_day, len(customers)))
    _insert(session, _ONE_TIME_ORDERS, wanted, customers=list(customers))
    for table in ("customers", "orders", "order_items", "products"):
        session.execute(text(f"ANALYZE {table}"))  # a new server has no statistics for the next step


def _insert(session: Session, statement: Any, rows: list[dict[str, Any]], **parameters: Any) -> None:
    session.execute(statement, {"wanted": json.dumps(rows, default=str), **parameters})
