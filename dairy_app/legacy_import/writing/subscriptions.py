"""Staged standing orders into our tables: the orders of single deliveries, pauses, and the words about days."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

# The earlier engine knows no first day: without one a standing order begins with its document, but not after the
# first delivery of the dump, so that every month of the dump says what it said there.
_SUBSCRIPTIONS = """
INSERT INTO subscriptions (id, customer_id, product_id, mode, default_quantity, weekly_pattern, interval_days,
    anchor_date, shift, price_per_unit, start_date, stop_date, status, auto_start, channel, change_reason, legacy_id,
    created_at)
SELECT s.id, s.customer_id, s.product_id, s.mode, s.quantity, s.weekly_pattern::smallint[], s.interval_days,
    s.anchor_date, s.shift, s.price, d.start_date, s.stop_date, s.status, s.auto_start, 'import', s.change_reason,
    s.key, coalesce(s.created_at, now())
FROM stage_subscriptions s
CROSS JOIN LATERAL (SELECT coalesce(s.start_date,
    least(s.created_at::date, date_trunc('month', CAST(:since AS timestamp))::date, s.stop_date)) AS start_date) d
WHERE s.fate = 'written' AND s.order_date IS NULL ORDER BY s.line
"""

# Both shifts: the quantity of a document is the whole day's, and how it falls apart is written nowhere. The
# morning's standing order has it all; the evening's waits as a draft for somebody who knows.
_EVENINGS = """
INSERT INTO subscriptions (id, customer_id, product_id, mode, default_quantity, weekly_pattern, interval_days,
    anchor_date, shift, price_per_unit, start_date, stop_date, status, auto_start, channel, legacy_id, created_at)
SELECT md5(x.id || 'evening')::uuid, x.customer_id, x.product_id, x.mode, 0, x.weekly_pattern, x.interval_days,
    x.anchor_date, 'evening', x.price_per_unit, x.start_date, x.stop_date,
    CASE x.status WHEN 'stopped' THEN 'stopped' ELSE 'draft' END, x.auto_start, 'import', s.key || '\\:evening',
    x.created_at
FROM stage_subscriptions s JOIN subscriptions x ON x.id = s.id
WHERE s.fate = 'written' AND s.order_date IS NULL AND s.in_both_shifts ORDER BY s.line
"""

_PAUSES = """
INSERT INTO subscription_pauses (subscription_id, period, reason, channel)
SELECT p.id, r.period, p.reason, 'import'
FROM (
    SELECT s.id, range_agg(daterange(e.first_day, e.last_day, '[]')) AS periods,
        left(string_agg(DISTINCT e.note, '; '), 500) AS reason
    FROM stage_entries e JOIN stage_subscriptions s ON s.line = e.subscription_line
    WHERE s.fate = 'written' AND s.order_date IS NULL AND e.kind = 'pause' GROUP BY s.id
) p CROSS JOIN LATERAL unnest(p.periods) AS r (period)
"""

_SIDE_PAUSES = """
INSERT INTO subscription_pauses (id, subscription_id, period, reason, channel, legacy_id)
SELECT id, subscription_id, daterange(day, day, '[]'), note, 'import', collection || ':' || key
FROM stage_sides WHERE fate = 'written' AND kind = 'pause' ORDER BY line
"""

_OVERRIDES = """
INSERT INTO subscription_overrides (id, subscription_id, date, kind, quantity, shift, note, channel, legacy_id)
SELECT coalesce(id, uuid7()), subscription_id, day, CASE WHEN is_irregular THEN 'irregular' ELSE 'override' END,
    quantity, shift, note, 'import', legacy_id
FROM stage_days ORDER BY subscription_id, day
"""

# Not yet delivered as far as anybody confirmed, so they are open, on a day gone by too.
_SINGLES = """
INSERT INTO orders (id, customer_id, order_type, delivery_date, shift, status, source, notes, legacy_id, created_at)
SELECT id, customer_id, 'one_time', order_date, shift, 'PENDING', 'import', NULL, key, coalesce(created_at, now())
FROM stage_subscriptions WHERE fate = 'written' AND order_date IS NOT NULL
UNION ALL
SELECT id, customer_id, 'one_time', day, 'morning', 'PENDING', 'import', note, collection || ':' || key,
    coalesce(written_at, now())
FROM stage_sides WHERE fate = 'written' AND kind = 'extra' AND subscription_id IS NULL
"""
_SINGLE_ITEMS = """
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source)
SELECT id, 1, product_id, order_quantity, order_price, 'import'
FROM stage_subscriptions WHERE fate = 'written' AND order_date IS NOT NULL
UNION ALL
SELECT id, 1, product_id, quantity, order_price, 'import'
FROM stage_sides WHERE fate = 'written' AND kind = 'extra' AND subscription_id IS NULL
"""

#: Where the documents of standing orders went, as one table of id and legacy_id.
SUBSCRIPTION_TARGET = "(SELECT id, legacy_id FROM subscriptions UNION ALL SELECT id, legacy_id FROM orders)"
#: Where the documents beside them went; their legacy_id begins with the collection.
SIDE_TARGET = """(SELECT id, split_part(legacy_id, ':', 1) AS collection,
    substr(legacy_id, strpos(legacy_id, ':') + 1) AS legacy_id
FROM (SELECT id, legacy_id FROM subscription_overrides UNION ALL SELECT id, legacy_id FROM subscription_pauses
      UNION ALL SELECT id, legacy_id FROM orders) sides WHERE legacy_id LIKE '%\\:%')"""


def insert_subscriptions(session: Session, since: date) -> None:
    """Standing orders and their pauses. ``since``: the first delivery of the dump."""
    session.execute(text(_SUBSCRIPTIONS), {"since": since})
    session.execute(text(_EVENINGS))
    session.execute(text(_PAUSES))


def insert_days(session: Session) -> None:
    """What is said about single days, and the orders of single deliveries."""
    for statement in (_OVERRIDES, _SIDE_PAUSES, _SINGLES, _SINGLE_ITEMS):
        session.execute(text(statement))
