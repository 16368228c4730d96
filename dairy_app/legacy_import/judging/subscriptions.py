"""Whose each standing order is and of which product, and which word about a day counts when several speak of it.

Embedded in a standing order and beside it, the later word counts; of an embedded one the time of the last change
of its document, and when that is unknown the embedded one, because the earlier system looked nowhere else.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.legacy_import.judging import fates as judging
from dairy_app.legacy_import.writing.staging import SIDES, SUBSCRIPTIONS

_PRODUCTS = """
UPDATE {table} s SET product_id = p.id FROM products p WHERE p.legacy_id = s.product_key AND s.fate IS NULL;
UPDATE {table} SET reason = 'product_missing', detail = product_key
WHERE fate IS NULL AND reason IS NULL AND product_id IS NULL AND {condition}
"""

# A single delivery: its quantity is the day's entry, else its own. Paused or nothing, it stays a standing order.
_SINGLES = """
UPDATE stage_subscriptions s SET order_quantity = coalesce((
    SELECT e.quantity FROM stage_entries e WHERE e.subscription_line = s.line AND e.kind = 'quantity'
        AND e.first_day = s.order_date ORDER BY e.place LIMIT 1), s.quantity)
WHERE s.fate IS NULL AND s.reason IS NULL AND s.order_date IS NOT NULL;
UPDATE stage_subscriptions s SET order_date = NULL
WHERE s.fate IS NULL AND s.order_date IS NOT NULL AND (s.order_quantity <= 0 OR EXISTS (
    SELECT FROM stage_entries e WHERE e.subscription_line = s.line AND e.kind = 'pause'
        AND s.order_date BETWEEN e.first_day AND coalesce(e.last_day, s.order_date)))
"""

# The price in force on the day, else the first one known: the customer's own before the list's.
_PRICE = """
(SELECT price FROM (
    SELECT price, 1 AS rank, valid FROM customer_prices
    WHERE customer_id = s.customer_id AND product_id = s.product_id
    UNION ALL SELECT price, 2, valid FROM product_prices WHERE product_id = s.product_id) known
ORDER BY rank, valid @> s.{day} DESC, lower(valid) LIMIT 1)
"""
_SINGLE_PRICES = f"""
UPDATE stage_subscriptions s SET order_price = coalesce(s.price, {_PRICE.format(day="order_date")}),
    remarks = CASE WHEN s.price IS NULL THEN array_append(s.remarks, 'price_estimated') ELSE s.remarks END
WHERE s.fate IS NULL AND s.reason IS NULL AND s.order_date IS NOT NULL;
UPDATE stage_subscriptions SET reason = 'price_missing', detail = product_key
WHERE fate IS NULL AND reason IS NULL AND order_date IS NOT NULL AND order_price IS NULL
"""

# A document beside names its standing order, or its customer and product, who then have exactly one.
_SIDE_SUBSCRIPTIONS = """
UPDATE stage_sides s SET subscription_id = x.id FROM subscriptions x
WHERE x.legacy_id = s.subscription_key AND s.fate IS NULL;
UPDATE stage_sides s SET customer_id = x.customer_id FROM subscriptions x
WHERE x.id = s.subscription_id AND s.customer_ref IS NULL AND s.fate IS NULL;
"""
_SIDE_OWNERS = """
UPDATE stage_sides s SET subscription_id = x.id
FROM (SELECT customer_id, product_id, (array_agg(id))[1] AS id FROM subscriptions
      WHERE status <> 'stopped' AND legacy_id NOT LIKE '%\\:evening'
      GROUP BY 1, 2 HAVING count(*) = 1) x
WHERE x.customer_id = s.customer_id AND x.product_id = s.product_id AND s.subscription_key IS NULL
    AND s.fate IS NULL AND s.reason IS NULL;
UPDATE stage_sides s SET reason = 'customer_contradictory',
    detail = format('standing order %s is not of %s', s.subscription_key, s.customer_ref)
FROM subscriptions x WHERE x.id = s.subscription_id AND x.customer_id <> s.customer_id
    AND s.fate IS NULL AND s.reason IS NULL;
UPDATE stage_sides s SET detail = coalesce(s.subscription_key, s.product_key), reason = CASE
    WHEN EXISTS (SELECT FROM stage_subscriptions x WHERE x.key = s.subscription_key AND x.fate = 'quarantined')
    THEN 'subscription_quarantined' ELSE 'subscription_missing' END
WHERE s.fate IS NULL AND s.reason IS NULL AND s.subscription_id IS NULL AND (s.kind NOT IN ('extra', 'done')
    OR (s.kind = 'done' AND NOT EXISTS (SELECT FROM orders x WHERE x.legacy_id = s.subscription_key)));
UPDATE stage_sides SET fate = 'merged' WHERE fate IS NULL AND reason IS NULL AND kind = 'done';
"""

# What was added for one day for somebody without such a standing order is an order of that day.
_EXTRAS = f"""
UPDATE stage_sides SET fate = 'merged'
WHERE fate IS NULL AND reason IS NULL AND kind = 'extra' AND subscription_id IS NULL AND quantity = 0;
UPDATE stage_sides s SET order_price = {_PRICE.format(day="day")}
WHERE s.fate IS NULL AND s.reason IS NULL AND s.kind = 'extra' AND s.subscription_id IS NULL;
UPDATE stage_sides SET reason = 'price_missing', detail = product_key
WHERE fate IS NULL AND reason IS NULL AND kind = 'extra' AND subscription_id IS NULL AND order_price IS NULL
"""

_WORDS = """
CREATE TEMPORARY TABLE stage_words ON COMMIT DROP AS
WITH embedded AS (
    SELECT DISTINCT ON (e.subscription_line, e.kind, e.first_day) s.id AS subscription_id, e.kind, e.first_day AS day,
        e.quantity, e.shift, e.is_irregular, e.note, coalesce(s.changed_at, 'infinity') AS written_at
    FROM stage_entries e JOIN stage_subscriptions s ON s.line = e.subscription_line
    WHERE s.fate = 'written' AND s.order_date IS NULL AND e.kind IN ('quantity', 'shift')
    ORDER BY e.subscription_line, e.kind, e.first_day, e.place
), words AS (
    SELECT subscription_id, kind, day, quantity, shift, is_irregular, note, written_at, NULL::integer AS side
    FROM embedded
    UNION ALL
    SELECT subscription_id, CASE kind WHEN 'shift' THEN 'shift' ELSE 'quantity' END, day, quantity, shift,
        kind = 'extra', note, written_at, line
    FROM stage_sides s
    WHERE fate IS NULL AND reason IS NULL AND kind IN ('quantity', 'extra', 'shift') AND subscription_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM subscription_overrides x
            WHERE x.subscription_id = s.subscription_id AND x.date = s.day)
)
SELECT DISTINCT ON (subscription_id, kind, day) * FROM words
ORDER BY subscription_id, kind, day, written_at DESC NULLS LAST, side NULLS FIRST;
ANALYZE stage_words
"""

# One row a day: the quantity that counts, else the usual one of the day, and the shift that counts.
_DAYS = """
CREATE TEMPORARY TABLE stage_days ON COMMIT DROP AS
SELECT d.*, n.line, n.id, n.collection || ':' || n.key AS legacy_id
FROM (
    SELECT s.id AS subscription_id, coalesce(q.day, w.day) AS day, coalesce(q.is_irregular, false) AS is_irregular,
        coalesce(q.quantity, CASE s.mode
            WHEN 'fixed_daily' THEN s.default_quantity
            WHEN 'weekly_pattern' THEN CASE
                WHEN extract(isodow FROM w.day) - 1 = ANY (s.weekly_pattern) THEN s.default_quantity END
            WHEN 'alternate_days' THEN CASE
                WHEN (w.day - s.anchor_date) % s.interval_days = 0 THEN s.default_quantity END END) AS quantity,
        nullif(w.shift, s.shift) AS shift, q.day IS NOT NULL AS has_quantity, coalesce(q.note, w.note) AS note,
        CASE WHEN q.day IS NULL THEN w.side ELSE q.side END AS side
    FROM (SELECT * FROM stage_words WHERE kind = 'quantity') q
    FULL JOIN (SELECT * FROM stage_words WHERE kind = 'shift') w USING (subscription_id, day)
    JOIN subscriptions s ON s.id = coalesce(q.subscription_id, w.subscription_id)
) d
LEFT JOIN stage_sides n ON n.line = d.side
WHERE d.quantity IS NOT NULL AND (d.has_quantity OR d.shift IS NOT NULL)
"""

_SIDE_FATES = """
UPDATE stage_sides s SET fate = 'written'
WHERE s.fate IS NULL AND s.reason IS NULL AND (EXISTS (SELECT FROM stage_days d WHERE d.line = s.line)
    OR (s.kind = 'extra' AND s.subscription_id IS NULL));
UPDATE stage_sides s SET fate = 'written'
FROM (SELECT DISTINCT ON (subscription_id, day) line FROM stage_sides
      WHERE fate IS NULL AND reason IS NULL AND kind = 'pause' ORDER BY subscription_id, day, line) f
WHERE f.line = s.line AND NOT EXISTS (SELECT FROM subscription_pauses p
    WHERE p.subscription_id = s.subscription_id AND p.period @> s.day);
UPDATE stage_sides s SET remarks = array_append(s.remarks, 'override_superseded')
FROM stage_days d WHERE d.subscription_id = s.subscription_id AND d.day = s.day AND s.kind IN ('quantity', 'extra')
    AND d.quantity <> s.quantity AND s.fate IS NULL AND s.reason IS NULL;
UPDATE stage_sides SET fate = 'merged' WHERE fate IS NULL AND reason IS NULL
"""


def subscriptions(session: Session) -> None:
    """Customer and product of each standing order, and which are a single delivery."""
    judging.customers_of(session, SUBSCRIPTIONS)
    session.execute(text(_PRODUCTS.format(table="stage_subscriptions", condition="true")))
    session.execute(text(_SINGLES))
    session.execute(text(_SINGLE_PRICES))


def sides(session: Session) -> None:
    """Which standing order each document beside them speaks of. After the standing orders are written."""
    session.execute(text(_SIDE_SUBSCRIPTIONS))
    judging.customers_of(session, SIDES)
    without = "subscription_key IS NULL AND kind <> 'done'"
    session.execute(text(_PRODUCTS.format(table="stage_sides", condition=without)))
    session.execute(text(_SIDE_OWNERS))
    session.execute(text(_EXTRAS))


def days(session: Session) -> None:
    """Make ``stage_days``: the one word about each day that counts. After the pauses within are written."""
    for statement in (_WORDS, _DAYS, _SIDE_FATES):
        session.execute(text(statement))
