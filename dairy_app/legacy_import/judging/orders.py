"""What was ordered, what of it was delivered, and which status an order therefore has here.

Delivered and confirmed: on a draft. Billed by the earlier system: on an external document, confirmed or not,
because it must not be billed again. Delivered, but neither: OUT_FOR_DELIVERY, for somebody to review.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

_PAPERS = """
UPDATE stage_orders SET stands_on = CASE WHEN is_billed THEN 'external' WHEN is_confirmed THEN 'draft' END
WHERE fate IS NULL AND reason IS NULL AND status IN ('delivered', 'partially_delivered')
"""

# An order that is no one-time order belongs to a standing order, on a day that has no other order.
_SUBSCRIPTIONS = """
UPDATE stage_orders o SET subscription_id = s.id FROM subscriptions s
WHERE s.legacy_id = o.subscription_key AND o.fate IS NULL AND o.reason IS NULL AND NOT o.is_one_time;
UPDATE stage_orders o SET detail = coalesce(o.subscription_key, 'no subscription'), reason = CASE
    WHEN o.subscription_id IS NULL THEN 'subscription_missing' ELSE 'customer_contradictory' END
WHERE o.fate IS NULL AND o.reason IS NULL AND NOT o.is_one_time AND NOT EXISTS (SELECT FROM subscriptions s
    WHERE s.id = o.subscription_id AND s.customer_id = o.customer_id);
UPDATE stage_orders o SET reason = 'day_taken', detail = format('%s on %s', o.subscription_key, o.delivery_date)
WHERE o.fate IS NULL AND o.reason IS NULL AND o.subscription_id IS NOT NULL AND (
    EXISTS (SELECT FROM orders x WHERE x.subscription_id = o.subscription_id AND x.delivery_date = o.delivery_date)
    OR EXISTS (SELECT FROM stage_orders f WHERE f.subscription_id = o.subscription_id
        AND f.delivery_date = o.delivery_date AND f.line < o.line AND f.fate IS NULL AND f.reason IS NULL))
"""

_PRODUCT_MISSING = """
UPDATE stage_orders o SET reason = 'product_missing', detail = m.detail
FROM (
    SELECT i.order_line, string_agg(coalesce(i.product_key, i.product_name, 'no product'), ', ') AS detail
    FROM stage_items i LEFT JOIN products p ON p.legacy_id = i.product_key
    WHERE p.id IS NULL GROUP BY i.order_line
) m
WHERE m.order_line = o.line AND o.fate IS NULL AND o.reason IS NULL
"""

# One line per order and product: the same product twice at one price is one line of the sum.
_LINES = """
CREATE TEMPORARY TABLE stage_lines ON COMMIT DROP AS
SELECT i.order_line, p.id AS product_id, min(i.line_no) AS line_no,
    sum(round(i.quantity, 3)) AS quantity, round(max(i.price), 2) AS unit_price, max(i.price) AS raw_price,
    count(DISTINCT i.price) AS prices, sum(round(i.quantity * i.price, 2)) AS raw_amount,
    array_agg(i.product_key) AS keys, array_agg(lower(trim(i.product_name))) AS names,
    coalesce(min(i.unit), p.unit) AS unit, coalesce(bool_or(i.unit <> p.unit), false) AS ordered_in_another_unit,
    NULL::numeric AS delivered, false AS by_packets, false AS in_another_unit
FROM stage_items i
JOIN stage_orders o ON o.line = i.order_line AND o.fate IS NULL AND o.reason IS NULL
JOIN products p ON p.legacy_id = i.product_key
GROUP BY i.order_line, p.id;
CREATE INDEX ON stage_lines (order_line);
ANALYZE stage_lines
"""

_LINE_REASONS = """
UPDATE stage_orders o SET reason = b.reason, detail = b.detail
FROM (
    SELECT l.order_line, min(r.reason) AS reason, min(l.names[1]) AS detail
    FROM stage_lines l CROSS JOIN LATERAL (SELECT CASE
        WHEN l.prices > 1 THEN 'product_at_two_prices'
        WHEN l.quantity > 9999999.999 OR l.raw_amount > 9999999999.99 THEN 'amount_implausible' END AS reason) r
    WHERE r.reason IS NOT NULL GROUP BY l.order_line
) b
WHERE b.order_line = o.line AND o.fate IS NULL AND o.reason IS NULL
"""

# Of a partial delivery the order keeps only names. The quantities stand beside it: by product id in the rows of
# the delivery boys, by name in those of the shared links; the row written last wins. Where the row takes the order's
# litres for so many packets, it counts packets: so many of them are that share of the litres.
_DELIVERED = """
UPDATE stage_lines l SET delivered = l.quantity
FROM stage_orders o
WHERE o.line = l.order_line AND o.fate IS NULL AND o.reason IS NULL
    AND o.stands_on IS NOT NULL AND o.status = 'delivered';
UPDATE stage_lines l SET by_packets = f.by_packets,
    in_another_unit = NOT f.by_packets AND f.unit IS NOT NULL AND f.unit <> l.unit,
    delivered = CASE WHEN f.by_packets THEN round(f.quantity * l.quantity / f.packets, 3) ELSE f.quantity END
FROM (
    SELECT DISTINCT ON (l.order_line, l.product_id) l.order_line, l.product_id, e.quantity, e.packets, e.unit,
        l.unit <> 'packet' AND e.packets IS NOT NULL AND e.packets > 0 AND e.packets <> l.quantity AS by_packets
    FROM stage_orders o
    JOIN stage_lines l ON l.order_line = o.line
    JOIN stage_delivered e ON e.order_key = o.key AND e.quantity IS NOT NULL
        AND (e.product_key = ANY (l.keys) OR lower(trim(e.product_name)) = ANY (l.names))
    JOIN stage_deliveries d ON d.line = e.delivery_line AND d.reason IS NULL AND d.fate IS DISTINCT FROM 'copy'
    WHERE o.fate IS NULL AND o.reason IS NULL AND o.stands_on IS NOT NULL AND o.status = 'partially_delivered'
    ORDER BY l.order_line, l.product_id, d.collection = 'delivery_statuses' DESC,
        d.written_at DESC NULLS LAST, d.line DESC
) f
WHERE f.order_line = l.order_line AND f.product_id = l.product_id
"""

_DELIVERED_REASONS = """
UPDATE stage_orders o SET reason = b.reason, detail = b.detail
FROM (
    SELECT l.order_line, min(r.reason) AS reason, min(l.names[1]) AS detail
    FROM stage_lines l
    JOIN stage_orders o ON o.line = l.order_line AND o.stands_on IS NOT NULL
    CROSS JOIN LATERAL (SELECT CASE
        WHEN l.delivered IS NULL THEN 'delivered_quantities_unknown'
        WHEN l.in_another_unit THEN 'delivered_in_another_unit'
        WHEN l.delivered < 0 THEN 'delivered_quantity_negative'
        WHEN l.delivered > l.quantity THEN 'delivered_more_than_ordered'
        WHEN round(l.delivered * l.unit_price, 2) <> CASE o.status WHEN 'delivered' THEN l.raw_amount
            ELSE round(l.delivered * l.raw_price, 2) END THEN 'amount_not_in_paise' END AS reason) r
    WHERE r.reason IS NOT NULL GROUP BY l.order_line
) b
WHERE b.order_line = o.line AND o.fate IS NULL AND o.reason IS NULL
"""

# Delivered in full is what was ordered, whatever number a row notes beside it: maybe packets, maybe less.
_ROWS_DIFFER = """
UPDATE stage_orders o SET remarks = array_append(o.remarks, 'delivery_row_differs')
FROM (
    SELECT DISTINCT l.order_line
    FROM stage_orders x JOIN stage_lines l ON l.order_line = x.line
    JOIN stage_delivered e ON e.order_key = x.key AND e.quantity <> l.quantity
        AND (e.product_key = ANY (l.keys) OR lower(trim(e.product_name)) = ANY (l.names))
    WHERE x.status = 'delivered' AND x.stands_on IS NOT NULL
) d
WHERE d.order_line = o.line AND o.fate IS NULL AND o.reason IS NULL
"""

_STATUSES = """
UPDATE stage_orders o SET
    final_status = CASE
        WHEN o.stands_on IS NULL AND o.status IN ('delivered', 'partially_delivered') THEN 'OUT_FOR_DELIVERY'
        WHEN o.stands_on IS NULL THEN upper(o.status)
        WHEN s.delivered = 0 THEN 'NOT_DELIVERED'
        WHEN s.is_full THEN 'DELIVERED'
        ELSE 'PARTIALLY_DELIVERED' END,
    stands_on = CASE WHEN s.delivered > 0 THEN o.stands_on END,
    remarks = o.remarks || array_remove(ARRAY[
        CASE WHEN o.stands_on IS NULL AND o.status IN ('delivered', 'partially_delivered')
            THEN 'delivered_not_confirmed' END,
        CASE WHEN o.stands_on IS NOT NULL AND s.delivered = 0 THEN 'nothing_delivered' END,
        CASE WHEN o.is_billed AND o.stands_on IS NULL THEN 'billed_not_delivered' END,
        CASE WHEN o.stands_on = 'external' AND NOT o.is_confirmed THEN 'billed_not_confirmed' END,
        CASE WHEN o.stands_on = 'external' AND o.billed_month <> to_char(o.delivered_on, 'YYYY-MM')
            THEN 'billed_month_differs' END,
        CASE WHEN o.stands_on IS NOT NULL AND o.delivered_on > :today THEN 'delivered_in_future' END,
        CASE WHEN s.has_free THEN 'price_zero' END,
        CASE WHEN s.by_packets THEN 'packets_converted' END,
        CASE WHEN s.ordered_in_another_unit THEN 'ordered_in_another_unit' END], NULL)
FROM (
    SELECT order_line, coalesce(sum(delivered), 0) AS delivered, bool_and(delivered = quantity) AS is_full,
        bool_or(unit_price = 0) AS has_free, bool_or(by_packets) AS by_packets,
        bool_or(ordered_in_another_unit) AS ordered_in_another_unit
    FROM stage_lines GROUP BY order_line
) s
WHERE s.order_line = o.line AND o.fate IS NULL AND o.reason IS NULL
"""

# The earlier system wrote a failed visit beside the order and left the order pending.
_FAILED_VISITS = """
UPDATE stage_orders o SET
    final_status = CASE WHEN v.status = 'not_delivered' AND o.status IN ('pending', 'out_for_delivery')
        THEN 'NOT_DELIVERED' ELSE o.final_status END,
    remarks = o.remarks || CASE
        WHEN v.status = 'not_delivered' AND o.status IN ('pending', 'out_for_delivery')
            THEN ARRAY['status_from_delivery_row']
        WHEN v.status IN ('delivered', 'partially_delivered') AND o.status NOT IN ('delivered', 'partially_delivered')
            THEN ARRAY['delivery_row_unconfirmed']
        ELSE '{}'::text[] END
FROM (
    SELECT DISTINCT ON (order_key) order_key, status FROM stage_deliveries
    WHERE order_key IS NOT NULL AND reason IS NULL AND fate IS DISTINCT FROM 'copy'
    ORDER BY order_key, written_at DESC NULLS LAST, line DESC
) v
WHERE v.order_key = o.key AND o.fate IS NULL AND o.reason IS NULL AND o.stands_on IS NULL
    AND NOT 'nothing_delivered' = ANY (o.remarks)
"""

# After the orders are written: which delivery row becomes the one row of its order.
_DELIVERY_ORDERS = """
UPDATE stage_deliveries SET fate = 'no_home' WHERE fate IS NULL AND reason IS NULL AND order_key IS NULL;
UPDATE stage_deliveries d SET detail = d.order_key, reason = CASE
    WHEN EXISTS (SELECT FROM stage_orders o WHERE o.key = d.order_key) THEN 'order_quarantined'
    ELSE 'order_missing' END
WHERE d.fate IS NULL AND d.reason IS NULL
    AND NOT EXISTS (SELECT FROM orders x WHERE x.legacy_id = d.order_key);
UPDATE stage_deliveries d SET reason = 'customer_contradictory',
    detail = format('order %s belongs to another customer than %s', d.order_key, d.customer_ref)
FROM orders x WHERE x.legacy_id = d.order_key AND x.customer_id <> d.customer_id
    AND d.fate IS NULL AND d.reason IS NULL;
UPDATE stage_deliveries d SET fate = CASE WHEN EXISTS (SELECT FROM delivery_statuses s WHERE s.order_id = x.id)
    THEN 'merged' ELSE 'review' END
FROM orders x WHERE x.legacy_id = d.order_key AND d.fate IS NULL AND d.reason IS NULL
    AND (EXISTS (SELECT FROM delivery_statuses s WHERE s.order_id = x.id)
        OR NOT (x.status IN ('DELIVERED', 'PARTIALLY_DELIVERED')
            OR (x.status = 'NOT_DELIVERED' AND d.status IN ('not_delivered', 'partially_delivered'))));
UPDATE stage_deliveries d SET fate = 'merged'
FROM (
    SELECT line, row_number() OVER (PARTITION BY order_key ORDER BY written_at DESC NULLS LAST, line DESC) AS place
    FROM stage_deliveries WHERE fate IS NULL AND reason IS NULL
) r
WHERE r.line = d.line AND r.place > 1
"""


def papers(session: Session) -> None:
    """Which orders were delivered, and on what kind of document they stand."""
    session.execute(text(_PAPERS))


def subscriptions(session: Session) -> None:
    """Which standing order each order belongs to. After these are written."""
    session.execute(text(_SUBSCRIPTIONS))


def lines(session: Session) -> None:
    """Make ``stage_lines``: product, quantity, price and delivered quantity of every order to be written."""
    for statement in (_PRODUCT_MISSING, _LINES, _LINE_REASONS, _DELIVERED, _DELIVERED_REASONS, _ROWS_DIFFER):
        session.execute(text(statement))


def statuses(session: Session, today: object) -> None:
    """The status each order gets, and what somebody should look at. ``today``: the dairy's date."""
    session.execute(text(_STATUSES), {"today": today})
    session.execute(text(_FAILED_VISITS))


def delivery_orders(session: Session) -> None:
    """Which delivery row each order gets; the others are part of it, left for review, or in quarantine."""
    session.execute(text(_DELIVERY_ORDERS))
