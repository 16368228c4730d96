"""What becomes of each staged document, decided set by set from all documents together.

A document without ``reason`` and without ``fate`` is still to be written. ``settle`` closes a table: what has a
reason is quarantined, the rest was written. Statements are plain SQL on the temporary tables of ``staging``.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.legacy_import.writing.staging import Stage

# The first document of a key counts; an exact copy except for its object id is harmless, anything else is not.
# One customer in both generations of customers is one customer: the newer one counts.
_REPEATED = """
UPDATE {table} s SET
    fate = CASE WHEN r.same THEN 'copy' WHEN r.collection <> s.collection THEN 'merged' END,
    reason = CASE WHEN NOT r.same AND r.collection = s.collection THEN 'duplicate_id' END
FROM (
    SELECT n.line, f.collection, d.document::jsonb - '_id' = f.document::jsonb - '_id' AS same
    FROM (SELECT line, first_value(line) OVER (PARTITION BY id ORDER BY line) AS first_line FROM {table}) n
    JOIN {table} d ON d.line = n.line
    JOIN {table} f ON f.line = n.first_line
    WHERE n.line <> n.first_line
) r WHERE r.line = s.line
"""

_PRESENT = """
UPDATE {table} s SET fate = 'present' FROM {target} x
WHERE x.id = s.id AND s.fate IS NULL AND s.reason IS DISTINCT FROM 'duplicate_id'
"""

_SETTLE = """
UPDATE {table} SET fate = CASE WHEN reason IS NULL THEN 'written' ELSE 'quarantined' END WHERE fate IS NULL
"""

# Two users cannot share an address or a number. The first keeps it.
_LOGIN = """
UPDATE stage_users u SET login_{name} = u.{name}
WHERE u.fate IS NULL AND u.reason IS NULL
    AND NOT EXISTS (SELECT FROM users x WHERE x.{name} = u.{name})
    AND NOT EXISTS (SELECT FROM stage_users s
        WHERE s.{name} = u.{name} AND s.line < u.line AND s.fate IS NULL AND s.reason IS NULL);
UPDATE stage_users SET remarks = array_append(remarks, '{name}_taken')
WHERE fate IS NULL AND reason IS NULL AND {name} IS NOT NULL AND login_{name} IS NULL
"""
_NO_LOGIN = """
UPDATE stage_users SET reason = 'email_and_phone_taken'
WHERE fate IS NULL AND reason IS NULL AND login_email IS NULL AND login_phone IS NULL
"""

# Every way a document names a login: by its id or by its object id.
_LOGINS = """
CREATE TEMPORARY TABLE stage_logins ON COMMIT DROP AS
SELECT DISTINCT ON (r.ref) r.ref, u.id AS user_id, u.role
FROM (SELECT legacy_id AS ref, legacy_id, 1 AS rank FROM users WHERE legacy_id IS NOT NULL
      UNION ALL
      SELECT object_id, key, 2 FROM stage_users WHERE object_id IS NOT NULL AND fate IN ('written', 'present')) r
JOIN users u ON u.legacy_id = r.legacy_id
ORDER BY r.ref, r.rank;
CREATE INDEX ON stage_logins (ref);
ANALYZE stage_logins
"""

# An area is known by its name: the second of one name, and one that already exists, are part of the first.
_AREA_NAMES = """
UPDATE stage_areas s SET fate = 'merged'
WHERE s.fate IS NULL AND s.reason IS NULL AND (EXISTS (SELECT FROM areas a WHERE lower(a.name) = lower(s.name))
    OR EXISTS (SELECT FROM stage_areas f WHERE lower(f.name) = lower(s.name) AND f.line < s.line
        AND f.fate IS NULL AND f.reason IS NULL))
"""

# A customer's login: the one it names, else the one of the same id, else the one that names the customer.
# A login that two customers claim equally is given to neither.
_CUSTOMER_LOGINS = """
WITH claims AS (
    SELECT c.line, l.user_id, min(claim.rank) AS rank
    FROM (
        SELECT line, user_key AS ref, 1 AS rank FROM stage_customers WHERE user_key IS NOT NULL
        UNION ALL
        SELECT line, key, 2 FROM stage_customers
        UNION ALL
        SELECT c.line, u.key, 3 FROM stage_customers c JOIN stage_users u ON u.customer_key = c.key
    ) claim
    JOIN stage_customers c ON c.line = claim.line AND c.fate IS NULL AND c.reason IS NULL
    JOIN stage_logins l ON l.ref = claim.ref AND l.role = 'customer'
    WHERE NOT EXISTS (SELECT FROM customers x WHERE x.user_id = l.user_id)
    GROUP BY c.line, l.user_id
), chosen AS (
    SELECT line, min(rank) AS rank, (array_agg(user_id ORDER BY rank))[1] AS user_id
    FROM (SELECT *, rank() OVER (PARTITION BY line ORDER BY rank) AS place FROM claims) c
    WHERE place = 1 GROUP BY line HAVING count(*) = 1
), settled AS (
    SELECT user_id, (array_agg(line))[1] AS line
    FROM (SELECT *, rank() OVER (PARTITION BY user_id ORDER BY rank) AS place FROM chosen) c
    WHERE place = 1 GROUP BY user_id HAVING count(*) = 1
)
UPDATE stage_customers c SET user_id = s.user_id FROM settled s WHERE s.line = c.line;
UPDATE stage_customers SET remarks = array_append(remarks, 'login_not_linked')
WHERE fate IS NULL AND reason IS NULL AND user_key IS NOT NULL AND user_id IS NULL;
UPDATE stage_customers c SET remarks = array_append(remarks, 'delivery_boy_without_login')
WHERE fate IS NULL AND reason IS NULL AND delivery_boy_key IS NOT NULL
    AND NOT EXISTS (SELECT FROM stage_logins l
        WHERE l.ref = c.delivery_boy_key AND l.role IN ('delivery_boy', 'admin'));
UPDATE stage_customers c SET remarks = array_append(remarks, 'phone_of_several_customers')
WHERE fate IS NULL AND reason IS NULL AND phone IN (SELECT phone FROM stage_customers
    WHERE fate IS NULL AND reason IS NULL GROUP BY phone HAVING count(*) > 1)
"""

# Orders and deliveries name a customer by its id, its login's id, its login's object id … The first way
# that leads to exactly one customer counts (order of the earlier system's own links, then of certainty).
# A customer found by its login's phone alone (6) is not named, so it contradicts nobody.
_REFERENCES = """
CREATE TEMPORARY TABLE stage_references ON COMMIT DROP AS
WITH refs AS (
    SELECT customer_ref AS ref FROM stage_orders WHERE customer_ref IS NOT NULL
    UNION SELECT user_ref FROM stage_orders WHERE user_ref IS NOT NULL
    UNION SELECT customer_ref FROM stage_deliveries WHERE customer_ref IS NOT NULL
    UNION SELECT customer_ref FROM stage_subscriptions WHERE customer_ref IS NOT NULL
    UNION SELECT customer_ref FROM stage_addresses WHERE customer_ref IS NOT NULL
    UNION SELECT customer_ref FROM stage_sides WHERE customer_ref IS NOT NULL
    UNION SELECT customer_ref FROM stage_requests WHERE customer_ref IS NOT NULL
    UNION SELECT customer_ref FROM stage_payments WHERE customer_ref IS NOT NULL
    UNION SELECT customer_ref FROM stage_wallets WHERE customer_ref IS NOT NULL
), known AS (
    SELECT * FROM stage_customers WHERE fate IN ('written', 'present')
), newer AS (
    SELECT * FROM known WHERE collection = 'customers_v2'
), by_user AS (
    SELECT user_key, min(key) AS key FROM newer WHERE user_key IS NOT NULL GROUP BY user_key HAVING count(*) = 1
), by_phone AS (
    SELECT phone, min(key) AS key FROM newer WHERE phone IS NOT NULL GROUP BY phone HAVING count(*) = 1
), login AS (
    SELECT r.ref, u.* FROM refs r JOIN stage_users u ON u.key = r.ref
    WHERE u.fate <> 'copy' AND u.reason IS DISTINCT FROM 'duplicate_id'
    UNION ALL
    SELECT r.ref, u.* FROM refs r JOIN stage_users u ON u.object_id = r.ref AND u.key <> r.ref
    WHERE u.fate <> 'copy' AND u.reason IS DISTINCT FROM 'duplicate_id'
), candidate AS (
    SELECT r.ref, k.key, 1 AS rank FROM refs r JOIN newer k ON k.key = r.ref
    UNION ALL SELECT r.ref, b.key, 2 FROM refs r JOIN by_user b ON b.user_key = r.ref
    UNION ALL SELECT l.ref, k.key, 3 FROM login l JOIN newer k ON k.key = l.customer_key
    UNION ALL SELECT l.ref, b.key, 4 FROM login l JOIN by_user b ON b.user_key = l.key
    UNION ALL SELECT l.ref, b.key, 4 FROM login l JOIN by_user b ON b.user_key = l.object_id
    UNION ALL SELECT l.ref, k.key, 5 FROM login l JOIN newer k ON k.key = l.key
    UNION ALL SELECT l.ref, p.key, 6 FROM login l JOIN by_phone p ON p.phone = l.phone
    UNION ALL SELECT r.ref, k.key, 7 FROM refs r JOIN known k ON k.key = r.ref
), found AS (
    SELECT a.ref, a.rank, coalesce(c.merged_into, c.id) AS id FROM candidate a JOIN customers c ON c.legacy_id = a.key
    UNION ALL SELECT r.ref, 8, coalesce(c.merged_into, c.id) FROM refs r JOIN customers c ON c.legacy_id = r.ref
    UNION ALL SELECT r.ref, 9, c.id FROM refs r JOIN users u ON u.legacy_id = r.ref JOIN customers c ON c.user_id = u.id
)
SELECT DISTINCT ON (ref) ref, id AS customer_id, rank <> 6 AS is_named FROM found ORDER BY ref, rank, id;
CREATE INDEX ON stage_references (ref);
ANALYZE stage_references
"""

_ORDER_CUSTOMERS = """
UPDATE stage_orders o SET
    customer_id = f.customer_id,
    detail = CASE WHEN o.reason IS NULL AND f.reason IS NOT NULL
        THEN format('customer_id %s, user_id %s', o.customer_ref, o.user_ref) ELSE o.detail END,
    reason = coalesce(o.reason, f.reason)
FROM (
    SELECT s.line, coalesce(c.customer_id, u.customer_id) AS customer_id,
        CASE WHEN c.customer_id IS NULL AND u.customer_id IS NULL THEN 'customer_unresolved'
            WHEN c.customer_id <> u.customer_id AND c.is_named AND u.is_named
                THEN 'customer_contradictory' END AS reason
    FROM stage_orders s
    LEFT JOIN stage_references c ON c.ref = s.customer_ref
    LEFT JOIN stage_references u ON u.ref = s.user_ref
) f
WHERE f.line = o.line AND o.fate IS NULL
"""

_DELIVERY_CUSTOMERS = """
UPDATE stage_deliveries d SET customer_id = r.customer_id
FROM stage_references r WHERE r.ref = d.customer_ref AND d.fate IS NULL;
UPDATE stage_deliveries SET reason = 'customer_unresolved', detail = customer_ref
WHERE fate IS NULL AND reason IS DISTINCT FROM 'duplicate_id' AND customer_id IS NULL
"""

_CUSTOMERS_OF = """
UPDATE {table} s SET customer_id = r.customer_id
FROM stage_references r WHERE r.ref = s.customer_ref AND s.fate IS NULL;
UPDATE {table} SET reason = 'customer_unresolved', detail = coalesce(customer_ref, 'no customer')
WHERE fate IS NULL AND reason IS NULL AND customer_id IS NULL
"""


def repeated(session: Session, stage: Stage) -> None:
    """Copies and duplicates of one key."""
    session.execute(text(_REPEATED.format(table=stage.table)))


def present(session: Session, stage: Stage, target: str) -> None:
    """What an earlier import wrote; such a row is never touched again."""
    session.execute(text(_PRESENT.format(table=stage.table, target=target)))


def settle(session: Session, stage: Stage) -> None:
    """Everything still open is quarantined or goes on to be written. The planner is told how much that is."""
    session.execute(text(_SETTLE.format(table=stage.table)))
    session.execute(text(f"ANALYZE {stage.table}"))


def user_logins(session: Session) -> None:
    """Which address and which number each new user gets."""
    for name in ("email", "phone"):
        session.execute(text(_LOGIN.format(name=name)))
    session.execute(text(_NO_LOGIN))


def logins(session: Session) -> None:
    """Make ``stage_logins``: reference → user. After the users are written."""
    session.execute(text(_LOGINS))


def area_names(session: Session) -> None:
    """Which areas are new."""
    session.execute(text(_AREA_NAMES))


def customer_logins(session: Session) -> None:
    """Which login each new customer gets."""
    session.execute(text(_CUSTOMER_LOGINS))


def references(session: Session) -> None:
    """Make ``stage_references``: reference → customer. After the customers are written."""
    session.execute(text(_REFERENCES))


def order_customers(session: Session) -> None:
    """Whose each order is."""
    session.execute(text(_ORDER_CUSTOMERS))


def customers_of(session: Session, stage: Stage) -> None:
    """Whose each document of a staging table is, by its ``customer_ref``."""
    session.execute(text(_CUSTOMERS_OF.format(table=stage.table)))


def delivery_customers(session: Session) -> None:
    """Whose each delivery row is."""
    session.execute(text(_DELIVERY_CUSTOMERS))
