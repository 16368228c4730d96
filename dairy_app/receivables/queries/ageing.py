"""How old what is open is, by customer."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from dairy_app.customers.queries import AREAS_WITHIN

_BUCKETS = {
    "not_due": "o.due_date >= :as_of",
    "days_1_30": "o.due_date < :as_of AND o.due_date >= CAST(:as_of AS date) - 30",
    "days_31_60": "o.due_date < CAST(:as_of AS date) - 30 AND o.due_date >= CAST(:as_of AS date) - 60",
    "days_61_90": "o.due_date < CAST(:as_of AS date) - 60 AND o.due_date >= CAST(:as_of AS date) - 90",
    "days_over_90": "o.due_date < CAST(:as_of AS date) - 90",
}
AGEING_COLUMNS = (*_BUCKETS, "unapplied_credit", "net")
_SUMS = ", ".join(f"coalesce(sum(o.open) FILTER (WHERE {when}), 0) AS {name}" for name, when in _BUCKETS.items())
_TOTALS = ", ".join(f"coalesce(sum({name}), 0) AS total_{name}" for name in AGEING_COLUMNS)
_WITHIN = f"(CAST(:areas AS uuid[]) IS NULL OR c.area_id IN ({AREAS_WITHIN}))"

_LISTED = f"""
WITH owing AS MATERIALIZED (
    SELECT o.customer_id, {_SUMS}, coalesce(-sum(o.open) FILTER (WHERE o.kind = 'credit'), 0) AS unapplied_credit,
        sum(o.open) AS net
    FROM open_items(CAST(:customers AS uuid[]), :as_of) o WHERE o.open <> 0 GROUP BY 1
), listed AS MATERIALIZED (
    SELECT c.code AS customer_code, c.name, c.status, c.phone, w.* FROM owing w JOIN customers c ON c.id = w.customer_id
    WHERE {_WITHIN}
)"""

# Whoever has something open or a credit, whatever the status: who stopped with a balance still owes it.
_FIRST_PAGE = text(f"""{_LISTED}, page AS (
    SELECT * FROM listed ORDER BY customer_code LIMIT :limit
)
SELECT p.*, t.* FROM (SELECT count(*) AS total_customers, {_TOTALS} FROM listed) t
LEFT JOIN page p ON true ORDER BY p.customer_code""")
# Nobody has both something open and a credit: who is listed has a balance, and that is found customer by customer.
_NEXT_CUSTOMERS = text(f"""
SELECT c.id FROM customers c CROSS JOIN LATERAL (
    SELECT sum(l.debit - l.credit) AS balance FROM customer_ledger l
    WHERE l.customer_id = c.id AND l.entry_date <= :as_of) l
WHERE c.code > :after AND l.balance <> 0 AND {_WITHIN} ORDER BY c.code LIMIT :limit""")
_NEXT_PAGE = text(f"{_LISTED} SELECT * FROM listed ORDER BY customer_code")


def ageing_page(
    session: Session, as_of: date, *, area_id: UUID | None, after: str | None, limit: int
) -> tuple[dict[str, Any] | None, Sequence[RowMapping]]:
    """Who owes what for how long, by customer code; with the first page (``after`` None) the totals of all.

    One statement over everybody for the first page; the next ones read no more than they show.
    """
    given: dict[str, Any] = {
        "as_of": as_of,
        "areas": None if area_id is None else [area_id],
        "limit": limit,
        "customers": None,
    }
    if after is None:
        rows = session.execute(_FIRST_PAGE, given).mappings().all()
        totals = {name: rows[0][f"total_{name}"] for name in ("customers", *AGEING_COLUMNS)}
        return totals, [row for row in rows if row["customer_code"] is not None]
    given["customers"] = list(session.scalars(_NEXT_CUSTOMERS, given | {"after": after}))
    return None, session.execute(_NEXT_PAGE, given).mappings().all()
