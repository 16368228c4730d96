"""Shared links as history, and the wishes that somebody still has to decide, or has declined."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

# Who made it, else the first administrator there is: a link and a decision must have somebody.
_SOMEBODY = "(SELECT id FROM users WHERE role = 'admin' ORDER BY created_at, id LIMIT 1)"

# A link of everybody is none here: a link reaches one delivery boy or one area.
_LINKS = f"""
UPDATE stage_links s SET maker_id = coalesce((SELECT user_id FROM stage_logins l WHERE l.ref = s.created_by_key),
        {_SOMEBODY}),
    boy_id = (SELECT user_id FROM stage_logins l WHERE l.ref = s.delivery_boy_key AND l.role = 'delivery_boy'),
    area_id = (SELECT id FROM areas a WHERE lower(a.name) = lower(s.area))
WHERE s.fate IS NULL AND s.reason IS NULL;
UPDATE stage_links SET fate = 'no_home'
WHERE fate IS NULL AND reason IS NULL AND (maker_id IS NULL OR coalesce(boy_id, area_id) IS NULL)
"""
# The token's hash is of nothing that anybody knows.
_INSERT_LINKS = """
INSERT INTO shared_links (id, token_hash, name, delivery_boy_id, area_id, link_date, is_rolling, shift, expires_at,
    revoked_at, revoked_by, created_by, use_count, last_used_at, created_at)
SELECT s.id, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), s.name, s.boy_id,
    CASE WHEN s.boy_id IS NULL THEN s.area_id END, s.link_date, s.link_date IS NULL, s.shift,
    CASE WHEN s.expires_at > m.made_at THEN least(s.expires_at, m.made_at + interval '720 hours')
        ELSE m.made_at + interval '720 hours' END,
    :now, s.maker_id, s.maker_id, s.use_count, s.last_used_at, m.made_at
FROM stage_links s CROSS JOIN LATERAL (SELECT least(coalesce(s.made_at, :now), :now) AS made_at) m
WHERE s.fate = 'written' ORDER BY s.line
"""

# What was approved was carried out, so it is in the standing orders and the orders.
_REQUESTS = f"""
UPDATE stage_requests SET fate = 'merged' WHERE fate IS NULL AND reason IS NULL AND status = 'approved';
UPDATE stage_requests s SET product_id = p.id FROM products p WHERE p.legacy_id = s.product_key AND s.fate IS NULL;
UPDATE stage_requests SET reason = 'product_missing', detail = product_key
WHERE fate IS NULL AND reason IS NULL AND kind IN ('extra_item', 'quantity') AND product_id IS NULL;
UPDATE stage_requests s SET subscription_id = x.id
FROM (SELECT customer_id, product_id, (array_agg(id))[1] AS id FROM subscriptions
      WHERE status <> 'stopped' AND legacy_id NOT LIKE '%\\:evening' GROUP BY 1, 2 HAVING count(*) = 1) x
WHERE x.customer_id = s.customer_id AND x.product_id = s.product_id AND s.kind IN ('quantity', 'pause', 'stop')
    AND s.fate IS NULL AND s.reason IS NULL;
UPDATE stage_requests SET reason = 'subscription_missing', detail = product_key
WHERE fate IS NULL AND reason IS NULL AND kind = 'quantity' AND subscription_id IS NULL;
UPDATE stage_requests s SET link_row = x.id
FROM stage_links k JOIN shared_links x ON x.id = k.id WHERE k.link_key = s.link_key AND s.fate IS NULL;
UPDATE stage_requests s SET asker_id = coalesce((SELECT user_id FROM stage_logins l WHERE l.ref = s.asked_by_key),
        {_SOMEBODY}),
    decider_id = coalesce((SELECT user_id FROM stage_logins l WHERE l.ref = s.decided_by_key), {_SOMEBODY}),
    payload = CASE s.kind
        WHEN 'pause' THEN jsonb_build_object('from', s.day, 'to', CASE WHEN s.until >= s.day THEN s.until END)
        WHEN 'stop' THEN jsonb_build_object('stop_date', s.day)
        WHEN 'quantity' THEN jsonb_build_object('date', s.day, 'quantity', round(s.quantity, 3)::text)
        WHEN 'extra_item' THEN jsonb_build_object('delivery_date', s.day, 'shift', s.shift, 'items',
            jsonb_build_array(jsonb_build_object('product_id', s.product_id, 'quantity', round(s.quantity, 3)::text)))
        END
WHERE s.fate IS NULL AND s.reason IS NULL;
UPDATE stage_requests SET fate = 'no_home'
WHERE fate IS NULL AND reason IS NULL AND (coalesce(link_row, asker_id) IS NULL OR decider_id IS NULL);
UPDATE stage_requests s SET fate = 'merged'
WHERE s.fate IS NULL AND s.reason IS NULL AND s.status = 'pending' AND (
    EXISTS (SELECT FROM change_requests x WHERE x.status = 'pending' AND x.customer_id = s.customer_id
        AND x.kind = s.kind AND x.subscription_id IS NOT DISTINCT FROM s.subscription_id AND x.payload = s.payload)
    OR EXISTS (SELECT FROM stage_requests f WHERE f.status = 'pending' AND f.fate IS NULL AND f.reason IS NULL
        AND f.customer_id = s.customer_id AND f.kind = s.kind AND f.line < s.line AND f.payload = s.payload
        AND f.subscription_id IS NOT DISTINCT FROM s.subscription_id))
"""
_INSERT_REQUESTS = """
INSERT INTO change_requests (id, kind, customer_id, subscription_id, payload, note, status, asked_by_link_id,
    asked_by_user_id, decided_by, decided_at, decision_reason, created_at)
SELECT id, kind, customer_id, subscription_id, payload, note, status, link_row,
    CASE WHEN link_row IS NULL THEN asker_id END, CASE WHEN status = 'rejected' THEN decider_id END,
    CASE WHEN status = 'rejected' THEN coalesce(decided_at, :now) END,
    CASE WHEN status = 'rejected' THEN coalesce(decision_reason, 'Declined in the earlier system') END,
    coalesce(asked_at, :now)
FROM stage_requests WHERE fate = 'written' ORDER BY line
"""

#: Where these documents went: the tables keep no legacy_id, the ids are derived from the keys.
LINK_TARGET = "(SELECT DISTINCT x.id, s.key AS legacy_id FROM shared_links x JOIN stage_links s ON s.id = x.id)"
REQUEST_TARGET = (
    "(SELECT DISTINCT x.id, s.key AS legacy_id FROM change_requests x JOIN stage_requests s ON s.id = x.id)"
)


def links(session: Session) -> None:
    """Which links have a place here."""
    session.execute(text(_LINKS))


def insert_links(session: Session, now: datetime) -> None:
    """Links, every one of them revoked."""
    session.execute(text(_INSERT_LINKS), {"now": now})


def without_kind(session: Session) -> None:
    """What is asked for nowhere here, whoever asked."""
    session.execute(text("UPDATE stage_requests SET fate = 'no_home' WHERE fate IS NULL AND kind IS NULL"))


def requests(session: Session) -> None:
    """Which wishes are still to be decided, or were declined, and by whom. After the links are written."""
    session.execute(text(_REQUESTS))


def insert_requests(session: Session, now: datetime) -> None:
    """The wishes as they stood."""
    session.execute(text(_INSERT_REQUESTS), {"now": now})
