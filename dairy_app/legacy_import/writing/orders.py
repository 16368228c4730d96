"""Staged documents into our tables: one INSERT … SELECT per table, whatever the number of rows."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

_USERS = """
INSERT INTO users (id, name, email, phone, password_hash, role, is_active, legacy_id, created_at)
SELECT id, name, login_email, login_phone, password_hash, role, is_active, key, coalesce(created_at, now())
FROM stage_users WHERE fate = 'written' ORDER BY line
"""

# A stock keeping unit for people: the name in capitals; a second product of the name gets a suffix.
_SKU = """
CASE WHEN row_number() OVER (PARTITION BY n.base ORDER BY s.line) = 1
    AND NOT EXISTS (SELECT FROM products x WHERE x.sku = n.base)
    THEN n.base ELSE n.base || '-' || left(md5(s.key), 6) END
"""
_SKU_BASE = """
CROSS JOIN LATERAL (SELECT coalesce(nullif(trim('-' FROM
    left(upper(regexp_replace(s.name, '[^[:alnum:]]+', '-', 'g')), 50)), ''), 'PRODUCT') AS base) n
"""

_PRODUCTS = f"""
INSERT INTO products (id, sku, name, category, unit, packet_size, tax_class, is_active, legacy_id)
SELECT s.id, {_SKU}, s.name, s.category, s.unit, s.packet_size,
    (SELECT code FROM tax_classes ORDER BY is_default DESC, code LIMIT 1), s.is_active, s.key
FROM stage_products s {_SKU_BASE}
WHERE s.fate = 'written' ORDER BY s.line
"""

_PRODUCT_PRICES = """
INSERT INTO product_prices (product_id, price, valid)
SELECT id, price, daterange(:since, NULL) FROM stage_products WHERE fate = 'written' AND price IS NOT NULL
"""

# Delivered, but of a product that was deleted: its name, unit and price are in the order, so the money is
# not lost. The product comes back switched off. An open order of such a product goes to quarantine.
_LOST_PRODUCTS = f"""
WITH lost AS (
    SELECT i.product_key AS key, min(i.product_name) AS name, coalesce(min(i.unit), 'piece') AS unit,
        min(i.order_line) AS line
    FROM stage_items i
    JOIN stage_orders o ON o.line = i.order_line
    WHERE o.fate IS NULL AND o.reason IS NULL AND o.stands_on IS NOT NULL
        AND i.product_key IS NOT NULL AND i.product_name IS NOT NULL
        AND NOT EXISTS (SELECT FROM products p WHERE p.legacy_id = i.product_key)
    GROUP BY i.product_key
), written AS (
    INSERT INTO products (sku, name, unit, tax_class, is_active, legacy_id)
    SELECT {_SKU}, s.name, s.unit,
        (SELECT code FROM tax_classes ORDER BY is_default DESC, code LIMIT 1), false, s.key
    FROM lost s {_SKU_BASE}
    RETURNING legacy_id
)
UPDATE stage_orders o SET remarks = array_append(o.remarks, 'product_recreated')
WHERE o.line IN (SELECT i.order_line FROM stage_items i JOIN written w ON w.legacy_id = i.product_key)
"""

_AREAS = """
INSERT INTO areas (id, name, legacy_id) SELECT id, name, key FROM stage_areas WHERE fate = 'written' ORDER BY line;
INSERT INTO areas (name)
SELECT DISTINCT ON (lower(main_area)) main_area FROM stage_areas WHERE fate = 'written' AND main_area IS NOT NULL
ON CONFLICT (lower(name)) DO NOTHING;
UPDATE areas a SET parent_id = p.id
FROM stage_areas s JOIN areas p ON lower(p.name) = lower(s.main_area)
WHERE s.fate = 'written' AND a.id = s.id AND p.id <> a.id AND p.parent_id IS NULL
"""
# The area is a name in the earlier system: some stand only in a customer.
_CUSTOMER_AREAS = """
INSERT INTO areas (name)
SELECT DISTINCT ON (lower(area)) area FROM stage_customers WHERE fate = 'written' AND area IS NOT NULL
ON CONFLICT (lower(name)) DO NOTHING
"""

_CUSTOMERS = """
INSERT INTO customers (id, user_id, name, phone, email, address_line1, latitude, longitude, map_link, area_id,
    delivery_boy_id, marketing_staff_id, status, trial_start_date, notes, legacy_id, created_at)
SELECT s.id, s.user_id, s.name, s.phone, s.email, s.address, s.latitude, s.longitude, s.map_link, a.id,
    coalesce(boy.user_id, round.user_id), staff.user_id, s.status, s.trial_start_date, s.notes, s.key,
    coalesce(s.created_at, now())
FROM stage_customers s
LEFT JOIN areas a ON lower(a.name) = lower(s.area)
LEFT JOIN stage_logins boy ON boy.ref = s.delivery_boy_key AND boy.role IN ('delivery_boy', 'admin')
LEFT JOIN (SELECT lower(r.name) AS name, (array_agg(l.user_id))[1] AS user_id
    FROM stage_areas r JOIN stage_logins l ON l.ref = ANY (r.delivery_boy_keys) AND l.role = 'delivery_boy'
    GROUP BY 1 HAVING count(DISTINCT l.user_id) = 1) round ON round.name = lower(s.area) AND s.delivery_boy_key IS NULL
LEFT JOIN stage_logins staff ON staff.ref = s.marketing_staff_key AND staff.role IN ('marketing_staff', 'admin')
WHERE s.fate = 'written' ORDER BY s.line
"""

_CUSTOMER_PRICES = """
INSERT INTO customer_prices (customer_id, product_id, price, valid)
SELECT DISTINCT ON (s.id, p.id) s.id, p.id, c.price, daterange(:since, NULL)
FROM stage_customer_prices c
JOIN stage_customers s ON s.id = c.customer_id AND s.fate = 'written'
JOIN products p ON p.legacy_id = c.product_key
ORDER BY s.id, p.id, c.price
"""

# Billed by the earlier system: one document per customer and month of delivery, outside our numbers and ledger.
_EXTERNAL_PAPERS = """
INSERT INTO invoices (customer_id, period_start, period_end, status, legacy_id)
SELECT DISTINCT o.customer_id, m.first_day, (m.first_day + interval '1 month - 1 day')::date, 'external',
    'external:' || o.customer_id || ':' || to_char(m.first_day, 'YYYY-MM')
FROM stage_orders o
CROSS JOIN LATERAL (SELECT date_trunc('month', o.delivered_on::timestamp)::date AS first_day) m
WHERE o.fate = 'written' AND o.stands_on = 'external'
ON CONFLICT (legacy_id) DO NOTHING
"""

# The customers first, by id: whoever bills or confirms for one of them waits or is waited for.
_LOCK_CUSTOMERS = """
SELECT count(*) FROM (SELECT FROM customers
    WHERE id IN (SELECT p.id FROM (SELECT array_agg(DISTINCT customer_id) AS ids FROM stage_orders
        WHERE fate = 'written' AND stands_on IS NOT NULL) s, payers_of(s.ids) AS p (id))
    ORDER BY id FOR NO KEY UPDATE) locked
"""
_DRAFTS = """
SELECT open_drafts(array_agg(payer_for(d.customer_id, d.delivered_on)), array_agg(d.delivered_on))
FROM (SELECT DISTINCT customer_id, delivered_on FROM stage_orders
      WHERE fate = 'written' AND stands_on = 'draft') d
HAVING count(*) > 0
"""

_ORDERS = """
INSERT INTO orders (id, customer_id, order_type, subscription_id, delivery_date, shift, status, delivery_boy_id,
    placed_by, source, address, notes, delivered_on, delivered_at, delivery_confirmed, cancelled_at, cancel_reason,
    invoice_id, legacy_id, created_at)
SELECT o.id, o.customer_id, CASE WHEN o.subscription_id IS NULL THEN 'one_time' ELSE 'subscription' END,
    o.subscription_id, o.delivery_date, o.shift, o.final_status, boy.user_id, placer.user_id,
    'import', o.address::jsonb, o.notes, d.delivered_on, d.delivered_at, d.delivered_on IS NOT NULL,
    CASE WHEN o.final_status = 'CANCELLED' THEN coalesce(o.cancelled_at, o.delivered_at) END,
    CASE WHEN o.final_status = 'CANCELLED' THEN o.cancel_reason END,
    CASE o.stands_on WHEN 'draft' THEN draft_for(payer_for(o.customer_id, o.delivered_on),
        o.delivered_on) WHEN 'external' THEN i.id END,
    o.key, coalesce(o.created_at, now())
FROM stage_orders o
CROSS JOIN LATERAL (SELECT CASE WHEN o.stands_on IS NOT NULL THEN o.delivered_on END AS delivered_on,
    CASE WHEN o.stands_on IS NOT NULL THEN o.delivered_at END AS delivered_at) d
LEFT JOIN stage_logins boy ON boy.ref = o.delivery_boy_key
LEFT JOIN stage_logins placer ON placer.ref = o.user_ref
LEFT JOIN invoices i ON o.stands_on = 'external'
    AND i.legacy_id = 'external:' || o.customer_id || ':' || to_char(o.delivered_on, 'YYYY-MM')
WHERE o.fate = 'written' ORDER BY o.line
"""

_ORDER_ITEMS = """
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity)
SELECT o.id, row_number() OVER (PARTITION BY o.id ORDER BY l.line_no), l.product_id, l.quantity, l.unit_price,
    CASE WHEN l.unit_price = 0 THEN 'free' ELSE 'import' END,
    CASE WHEN o.final_status = 'NOT_DELIVERED' THEN 0 WHEN o.stands_on IS NOT NULL THEN l.delivered END
FROM stage_orders o JOIN stage_lines l ON l.order_line = o.line
WHERE o.fate = 'written'
"""

_DELIVERY_STATUSES = """
INSERT INTO delivery_statuses (id, order_id, customer_id, delivery_date, status, delivered_at, delivery_boy_id,
    confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method, device_info, notes, legacy_id)
SELECT d.id, x.id, x.customer_id, coalesce(x.delivered_on, d.delivery_date), lower(x.status), x.delivered_at,
    boy.user_id, confirmer.user_id, coalesce(u.name, d.confirmed_by_name),
    coalesce(d.confirmed_at, d.written_at, x.delivered_at, d.delivered_at,
        (d.delivery_date + time '12:00') AT TIME ZONE :zone),
    'import', d.device_info, d.notes, d.key
FROM stage_deliveries d
JOIN orders x ON x.legacy_id = d.order_key
LEFT JOIN stage_logins boy ON boy.ref = d.delivery_boy_key
LEFT JOIN stage_logins confirmer ON confirmer.ref = d.confirmed_by_key
LEFT JOIN users u ON u.id = confirmer.user_id
WHERE d.fate = 'written' ORDER BY d.line
"""

# An order whose row was overwritten by the next confirmation of the day was delivered all the same.
_LOST_DELIVERY_STATUSES = """
INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, delivered_at, delivery_boy_id,
    confirmed_at, confirmation_method)
SELECT x.id, x.customer_id, x.delivered_on, lower(x.status), x.delivered_at, x.delivery_boy_id, x.delivered_at,
    'import'
FROM stage_orders o JOIN orders x ON x.id = o.id
WHERE o.fate = 'written' AND x.invoice_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM delivery_statuses s WHERE s.order_id = x.id)
"""

# Only what the documents of customers written now leave empty; the default address counts, else the first.
_ADDRESSES = """
UPDATE customers c SET address_line1 = coalesce(c.address_line1, a.line1), address_line2 = a.line2, city = a.city,
    pincode = a.pincode, latitude = coalesce(c.latitude, a.latitude), longitude = coalesce(c.longitude, a.longitude)
FROM (SELECT DISTINCT ON (customer_id) * FROM stage_addresses WHERE fate IS NULL AND reason IS NULL
      ORDER BY customer_id, is_default DESC, line) a
JOIN stage_customers s ON s.id = a.customer_id AND s.fate = 'written'
WHERE c.id = a.customer_id;
UPDATE stage_addresses SET fate = 'merged' WHERE fate IS NULL AND reason IS NULL
"""

# Only what nobody has entered here; of several documents the last that says it.
_SETTINGS = """
UPDATE settings t SET business_name = coalesce(t.business_name, s.business_name), phone = coalesce(t.phone, s.phone),
    upi_id = coalesce(t.upi_id, s.upi_id), address = coalesce(t.address, s.address), updated_at = now()
FROM (
    SELECT (array_agg(business_name ORDER BY line DESC) FILTER (WHERE business_name IS NOT NULL))[1] AS business_name,
        (array_agg(phone ORDER BY line DESC) FILTER (WHERE phone IS NOT NULL))[1] AS phone,
        (array_agg(upi_id ORDER BY line DESC) FILTER (WHERE upi_id IS NOT NULL))[1] AS upi_id,
        (array_agg(address ORDER BY line DESC) FILTER (WHERE address IS NOT NULL))[1] AS address
    FROM stage_settings WHERE fate IS NULL AND reason IS NULL
) s
WHERE (t.business_name IS NULL AND s.business_name IS NOT NULL) OR (t.phone IS NULL AND s.phone IS NOT NULL)
    OR (t.upi_id IS NULL AND s.upi_id IS NOT NULL) OR (t.address IS NULL AND s.address IS NOT NULL);
UPDATE stage_settings SET fate = 'merged' WHERE fate IS NULL AND reason IS NULL
"""


def insert_users(session: Session) -> None:
    """The staged users, with the hashes of their passwords."""
    session.execute(text(_USERS))


def insert_products(session: Session, since: date) -> None:
    """Products with their list prices, in force from ``since``; their tax class is the default one."""
    session.execute(text(_PRODUCTS))
    session.execute(text(_PRODUCT_PRICES), {"since": since})


def insert_lost_products(session: Session) -> None:
    """Products that only delivered orders remember."""
    session.execute(text(_LOST_PRODUCTS))


def insert_areas(session: Session) -> None:
    """Areas within their main areas."""
    session.execute(text(_AREAS))


def insert_customers(session: Session, since: date) -> None:
    """Customers with their areas and their own prices, in force from ``since``."""
    session.execute(text(_CUSTOMER_AREAS))
    session.execute(text(_CUSTOMERS))
    session.execute(text(_CUSTOMER_PRICES), {"since": since})


def insert_orders(session: Session) -> None:
    """Orders with their items, on the drafts of their months or on external documents."""
    session.execute(text(_LOCK_CUSTOMERS))
    for statement in (_DRAFTS, _EXTERNAL_PAPERS, _ORDERS, _ORDER_ITEMS):
        session.execute(text(statement))


def insert_delivery_statuses(session: Session, zone: str) -> None:
    """The one delivery row of each order. ``zone``: the dairy's, for rows without any time."""
    session.execute(text(_DELIVERY_STATUSES), {"zone": zone})
    session.execute(text(_LOST_DELIVERY_STATUSES))


def fill_addresses(session: Session) -> None:
    """City, pincode and place of new customers."""
    session.execute(text(_ADDRESSES))


def fill_settings(session: Session) -> None:
    """The dairy's own name, number, address and UPI id, where none is entered."""
    session.execute(text(_SETTINGS))
