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
from dairy_app.invoices.rules import month_bounds
from dairy_app.subscriptions.bulk.orders import generate, remember_days
from dairy_app.subscriptions.rules.standing_orders import days_between

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

# Of ten customers seven pay what is billed by UPI, one rounds it up to the next hundred in cash at the door, one pays
# half of it by cheque, and one does not pay: in the order of the documents' numbers.
_PAYMENTS = text("""
INSERT INTO payments (customer_id, amount, method, received_on, reference, notes, collected_by, recorded_by)
SELECT b.customer_id, CASE b.manner WHEN 7 THEN ceil(b.total / 100 + 0.01) * 100 WHEN 8 THEN round(b.total / 2)
        ELSE b.total END,
    CASE b.manner WHEN 7 THEN 'cash' WHEN 8 THEN 'cheque' ELSE 'upi' END,
    least(b.invoice_date + 3 + b.manner, :day),
    CASE WHEN b.manner <> 7 THEN to_char(b.invoice_date, 'YYMMDD') || lpad(b.place::text, 6, '0') END,
    :notes, CASE b.manner WHEN 7 THEN b.delivery_boy_id END, :recorded_by
FROM (
    SELECT i.customer_id, sum(i.total) AS total, i.invoice_date, min(i.sequence_no) AS place,
        min(i.sequence_no) % 10 AS manner, c.delivery_boy_id
    FROM invoices i JOIN customers c ON c.id = i.customer_id
    WHERE i.status = 'issued' AND i.invoice_date BETWEEN :first AND :last
    GROUP BY i.customer_id, i.invoice_date, c.delivery_boy_id
) b
WHERE b.manner < 9 AND b.total > 0 AND NOT EXISTS (SELECT FROM payments WHERE notes = :notes)
ORDER BY b.place
""")


def insert_payments(session: Session, period: str, day: date, recorded_by: UUID) -> None:
    """What came in until ``day`` for the invoices of a month; nothing when it already exists."""
    first, last = month_bounds(period)
    known = {"first": first, "last": last, "notes": f"Bill of {period}", "day": day, "recorded_by": recorded_by}
    session.execute(_PAYMENTS, known)


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
