"""Who takes something regularly: who is new, came back, pauses and was lost in a month, and why.

Standing orders are what is known of this: a customer's own status has no date and no reason. A customer is regular in a
month on a day of which one of its standing orders, draft ones left out, had begun and not stopped. So whoever stops one
and begins another within the month after has never been away, and for every month: regular = regular before − lost
before + new + returned.

It reads the standing orders and pauses of all customers, a few rows each, and no delivery.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from dairy_app.subscriptions.rules.standing_orders import CHANGES

#: ``stretches``: months without a gap in which a customer was regular; ``changes``: what happened on which day, with
#: the reason that somebody gave. Where only a status says "stopped", of the standing order (as imports may bring) or of
#: the customer, the last delivery was the end, and why is not known. A customer with several that pause is one who
#: pauses. ``{first}`` and ``{last}`` are days.
REGULARS = """WITH ended AS (
    SELECT s.customer_id, s.start_date AS began, CASE WHEN s.stop_date IS NOT NULL THEN s.change_reason END AS reason,
        CASE WHEN s.stop_date IS NOT NULL THEN s.stop_date
            WHEN 'stopped' IN (s.status, c.status) THEN coalesce(s.last_delivery_date + 1, s.start_date) END AS stopped
    FROM subscriptions s JOIN customers c ON c.id = s.customer_id WHERE s.status <> 'draft'
), stretched AS (
    SELECT e.customer_id, range_agg(daterange(date_trunc('month', e.began::timestamp)::date,
        (date_trunc('month', (e.stopped - 1)::timestamp) + interval '1 month')::date)) AS months
    FROM ended e WHERE e.stopped IS NULL OR e.stopped > e.began GROUP BY 1
), stretches AS (
    SELECT s.customer_id, m.months, m.number = 1 AS is_first
    FROM stretched s CROSS JOIN LATERAL unnest(s.months) WITH ORDINALITY AS m (months, number)
), changes AS (
    SELECT s.customer_id, CASE WHEN s.is_first THEN 'new' ELSE 'returned' END AS change, min(e.began) AS day,
        NULL AS reason
    FROM stretches s JOIN ended e ON e.customer_id = s.customer_id AND s.months @> e.began
    WHERE lower(s.months) BETWEEN {first} AND {last} AND (e.stopped IS NULL OR e.stopped > e.began)
    GROUP BY 1, 2
    UNION ALL
    SELECT s.customer_id, 'lost', max(e.stopped) - 1, (array_agg(e.reason ORDER BY e.stopped DESC, e.began)
        FILTER (WHERE e.reason IS NOT NULL))[1]
    FROM stretches s JOIN ended e ON e.customer_id = s.customer_id AND s.months @> e.stopped - 1
    WHERE upper(s.months) - 1 BETWEEN {first} AND {last} AND e.stopped > e.began
    GROUP BY 1, s.months
    UNION ALL
    SELECT u.customer_id, 'paused', min(lower(p.period)), (array_agg(p.reason ORDER BY lower(p.period))
        FILTER (WHERE p.reason IS NOT NULL))[1]
    FROM subscription_pauses p JOIN subscriptions u ON u.id = p.subscription_id
    WHERE lower(p.period) BETWEEN {first} AND {last}
    GROUP BY 1, date_trunc('month', lower(p.period)::timestamp)
)"""
_ASKED = REGULARS.format(first="CAST(:first AS date)", last="CAST(:last AS date)")


def regulars_by_month(session: Session, first: date, last: date) -> Sequence[RowMapping]:
    """For each month how many customers were regular, and how many were new, returned, paused and lost."""
    counts = ", ".join(f"count(*) FILTER (WHERE c.change = '{change}') AS {change}" for change in CHANGES)
    months = text(f"""{_ASKED}
        SELECT to_char(m.month, 'YYYY-MM') AS period,
            (SELECT count(*) FROM stretches s WHERE s.months @> m.month::date) AS regular, n.*
        FROM generate_series(CAST(:first AS timestamp), :last, interval '1 month') AS m (month)
        CROSS JOIN LATERAL (SELECT {counts} FROM changes c
            WHERE c.day >= m.month AND c.day < m.month + interval '1 month') n
        ORDER BY 1""")
    return session.execute(months, {"first": first, "last": last}).mappings().all()


def reasons_of_changes(session: Session, first: date, last: date, limit: int) -> Sequence[RowMapping]:
    """Why customers paused or were lost, the most frequent first; None for those of whom nobody wrote why."""
    reasons = text(f"""{_ASKED}
        SELECT c.change, min(btrim(c.reason)) AS reason, count(*) AS customers
        FROM changes c WHERE c.change IN ('paused', 'lost')
        GROUP BY c.change, lower(btrim(c.reason)) ORDER BY 3 DESC, 1, 2 LIMIT :limit""")
    return session.execute(reasons, {"first": first, "last": last, "limit": limit}).mappings().all()


def changes_page(
    session: Session, first: date, last: date, change: str | None, *, after: Sequence[Any] | None, limit: int
) -> Sequence[RowMapping]:
    """Who was new, returned, paused or was lost, the earliest day first; ``after``: day, code and change."""
    day, code, kind = after or (None, None, None)
    page = text(f"""{_ASKED}
        SELECT c.day AS date, c.change, c.reason, c.customer_id, u.code AS customer_code, u.name AS customer_name
        FROM changes c JOIN customers u ON u.id = c.customer_id
        WHERE (CAST(:change AS text) IS NULL OR c.change = :change)
            AND (CAST(:day AS date) IS NULL OR (c.day, u.code, c.change) > (:day, :code, :kind))
        ORDER BY c.day, u.code, c.change LIMIT :limit""")
    given = {"first": first, "last": last, "change": change, "day": day, "code": code, "kind": kind, "limit": limit}
    return session.execute(page, given).mappings().all()
