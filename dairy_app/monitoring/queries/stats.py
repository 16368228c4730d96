"""The figures of STEP 37: is the round under way, is everything delivered going to be billed."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.clock import now
from dairy_app.monitoring.queries.server import archiving

#: How far back the figures that are not of today look: a billing run falls into it, whatever the cycle.
DAYS = 31

# By index, and only the last days and what is on drafts: the cost follows the unbilled orders, not the history. About
# 6 µs each: 60,000 of them (2,000 customers at a month's end) are a third of a second.
_STATEMENT = text("""
WITH drafts AS (
    SELECT count(DISTINCT d.id) AS papers, count(DISTINCT o.id) AS orders, min(o.delivered_on) AS oldest,
        coalesce(sum(round(i.delivered_quantity * i.unit_price, 2)), 0)::numeric(12,2) AS value
    FROM invoices d JOIN orders o ON o.invoice_id = d.id JOIN order_items i ON i.order_id = o.id
    WHERE d.status = 'draft'
), orders_today AS (
    SELECT coalesce(jsonb_object_agg(lower(status), n), '{}') AS by_status FROM (
        SELECT status, count(*) AS n FROM orders WHERE delivery_date = :today GROUP BY 1) s
), confirmed AS (
    SELECT (confirmed_at AT TIME ZONE :zone)::date AS day, (delivered_at AT TIME ZONE :zone)::date AS delivered
    FROM delivery_statuses
    WHERE delivery_date BETWEEN CAST(:today AS date) - :days AND CAST(:today AS date) + :days
        AND confirmation_method <> 'import'
), one_time AS (
    SELECT count(DISTINCT i.id) AS papers, coalesce(sum(l.line_total), 0)::numeric(12,2) AS amount
    FROM invoices i JOIN invoice_lines l ON l.invoice_id = i.id
    WHERE i.status = 'issued' AND l.source = 'one_time' AND i.issued_at > :since
)
SELECT orders_today.by_status,
    (SELECT count(*) FROM confirmed WHERE day = :today) AS confirmations_today,
    (SELECT count(*) FROM confirmed WHERE day > delivered AND day > CAST(:today AS date) - :days)
        AS late_confirmations,
    drafts.papers AS drafts, drafts.orders AS draft_orders, drafts.value AS drafts_value,
    CAST(:today AS date) - drafts.oldest AS unbilled_oldest_days,
    one_time.papers AS one_time_papers, one_time.amount AS one_time_amount,
    (SELECT count(*) FROM orders WHERE status IN ('DELIVERED', 'PARTIALLY_DELIVERED') AND invoice_id IS NULL
            AND delivery_date > CAST(:today AS date) - :days)
        + (SELECT count(*) FROM delivery_statuses d WHERE delivery_date > CAST(:today AS date) - :days
            AND NOT EXISTS (SELECT FROM orders o WHERE o.id = d.order_id))
        + (SELECT count(*) FROM unlinked_delivery_statuses) AS orphans,
    (SELECT count(*) FROM orders WHERE status IN ('PENDING', 'OUT_FOR_DELIVERY')
        AND delivery_date < CAST(:today AS date) - 7) AS orders_pending_long,
    (SELECT count(*) FROM login_attempts WHERE at > :hour_ago AND kind IN ('login', 'password'))
        AS failed_logins_last_hour
FROM drafts, orders_today, one_time
""")

#: Name of the Prometheus series → (its figure, what it means). All are gauges.
_METRICS = {
    "dairy_confirmations_today": ("confirmations_today", "Deliveries confirmed today."),
    "dairy_late_confirmations": ("late_confirmations", f"Confirmed after the day of delivery, in {DAYS} days."),
    "dairy_drafts": ("drafts", "Drafts with orders on them."),
    "dairy_drafts_value_rupees": ("drafts_value", "Delivered value on drafts, before tax that is added."),
    "dairy_unbilled_oldest_days": ("unbilled_oldest_days", "Age of the oldest delivery on a draft."),
    "dairy_one_time_billed_rupees": ("one_time_amount", f"One-time revenue issued in {DAYS} days."),
    "dairy_orphans": ("orphans", "Delivered orders on no invoice and delivery statuses without an order."),
    "dairy_orders_pending_long": ("orders_pending_long", "Orders still open seven days after their day."),
    "dairy_failed_logins_last_hour": ("failed_logins_last_hour", "Refused logins remembered of the last hour."),
    "dairy_archiving_fails": ("archiving_fails", "1: the server could not archive its WAL, or is not told how."),
    "dairy_wal_segments_waiting": ("wal_segments_waiting", "Complete segments of WAL that are not archived."),
}


def read(session: Session) -> dict[str, Any]:
    """The figures as of now. A constant number of statements."""
    day, instant = today(session), now()
    row = session.execute(
        _STATEMENT,
        {
            "today": day,
            "zone": business_settings(session).time_zone,
            "days": DAYS,
            "since": instant - timedelta(days=DAYS),
            "hour_ago": instant - timedelta(hours=1),
        },
    ).one()
    figures = dict(row._mapping)
    by_status = figures.pop("by_status")
    archive = archiving(session)
    figures["archiving_fails"] = None if archive is None else archive.fails or not archive.is_set_up
    figures["wal_segments_waiting"] = None if archive is None else archive.waiting
    return {"date": day, "orders_today": sum(by_status.values()), "orders_today_by_status": by_status, **figures}


def exposition(figures: dict[str, Any]) -> str:
    """The figures in Prometheus' text format; one without a value (no draft, no age) is left out."""
    lines = ["# HELP dairy_orders_today Orders for today, by status.", "# TYPE dairy_orders_today gauge"]
    for status, count in sorted(figures["orders_today_by_status"].items()):
        lines.append(f'dairy_orders_today{{status="{status}"}} {count}')
    for name, (figure, means) in _METRICS.items():
        value = figures[figure]
        if value is not None:
            said = int(value) if isinstance(value, bool) else value
            lines += [f"# HELP {name} {means}", f"# TYPE {name} gauge", f"{name} {said}"]
    return "\n".join(lines) + "\n"
