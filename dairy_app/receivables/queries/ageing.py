"""How old what is open is, by customer."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from dairy_app.customers.queries import AREAS_WITHIN
from dairy_app.database.statements import room_to_sum

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

#: Document by document, for these customers; NULL: for all.
_BY_DOCUMENT = f"""
    SELECT o.customer_id, {_SUMS}, coalesce(-sum(o.open) FILTER (WHERE o.kind = 'credit'), 0) AS unapplied_credit,
        sum(o.open) AS net
    FROM open_items(CAST(:customers AS uuid[]), :as_of) o WHERE o.open <> 0 GROUP BY 1"""

#: The days on which another bucket begins: what was due before is at least so old.
_BEGINS = ["CAST(:as_of AS date)", *(f"CAST(:as_of AS date) - {days}" for days in (30, 60, 90))]
_FROM = ", ".join(
    f"coalesce(sum(amount) FILTER (WHERE due < {day}), 0) AS from_{n}" for n, day in enumerate(_BEGINS, 1)
)
_IS_MIXED = " OR ".join(
    f"max(day) FILTER (WHERE due < {day}) >= min(day) FILTER (WHERE due >= {day})" for day in _BEGINS
)

# The same from a few sums a customer, without putting a year of bills in order: money pays the oldest bill first, so
# what is open of all bills that are at least so old is their sum less the money. That holds where older bills are also
# due earlier, or where the money pays all or nothing; who is left, who owes although something was paid back to him,
# and in whose matters somebody chose what is paid (:customers), is taken document by document.
_BY_SUMS = f"""
debits AS (
    SELECT * FROM (
        SELECT i.customer_id, i.invoice_date AS day, i.due_date AS due, i.total AS amount FROM invoices i
        WHERE i.status = 'issued'
        UNION ALL
        SELECT b.customer_id, b.as_of, b.as_of, b.amount FROM opening_balances b WHERE b.amount > 0
        UNION ALL
        SELECT n.customer_id, n.note_date, n.due_date, n.total FROM debit_notes n
    ) d WHERE d.day <= :as_of
), owed AS (
    SELECT customer_id, sum(amount) AS amount, {_FROM}, {_IS_MIXED} AS is_mixed
    FROM debits GROUP BY 1
), pools AS (
    SELECT r.customer_id, sum(r.amount) AS amount, bool_or(r.is_refund) AS has_refund FROM (
        SELECT p.customer_id, p.amount, p.received_on AS day, false AS is_refund FROM payments p
        WHERE p.reversed_on IS NULL OR p.reversed_on > :as_of
        UNION ALL SELECT b.customer_id, -b.amount, b.as_of, false FROM opening_balances b WHERE b.amount < 0
        UNION ALL SELECT w.customer_id, w.amount, w.written_off_on, false FROM write_offs w WHERE w.invoice_id IS NULL
        UNION ALL SELECT g.customer_id, -g.amount, g.paid_on, true FROM refunds g
        WHERE g.reversed_on IS NULL OR g.reversed_on > :as_of
    ) r WHERE r.day <= :as_of GROUP BY 1
), sums AS MATERIALIZED (
    SELECT customer_id, coalesce(o.amount, 0) AS owed, coalesce(p.amount, 0) AS pool, o.from_1, o.from_2, o.from_3,
        o.from_4, (coalesce(o.is_mixed, false) OR p.has_refund) AND p.amount < coalesce(o.amount, 0) AS is_uneven
    FROM owed o FULL JOIN pools p USING (customer_id) WHERE customer_id <> ALL (CAST(:customers AS uuid[]))
), opened AS (
    SELECT customer_id, owed, pool, greatest(owed - pool, 0) AS open_0, greatest(from_1 - pool, 0) AS open_1,
        greatest(from_2 - pool, 0) AS open_2, greatest(from_3 - pool, 0) AS open_3, greatest(from_4 - pool, 0) AS open_4
    FROM sums WHERE owed <> pool
), by_sums AS (
    SELECT customer_id, open_0 - open_1 AS not_due, open_1 - open_2 AS days_1_30, open_2 - open_3 AS days_31_60,
        open_3 - open_4 AS days_61_90, open_4 AS days_over_90, greatest(pool - owed, 0) AS unapplied_credit,
        owed - pool AS net
    FROM opened
),"""


def _first_page(before: str, owing: str, uneven: str) -> str:
    return f"""
WITH {before} owing AS MATERIALIZED ({owing}
), listed AS MATERIALIZED (
    SELECT c.code AS customer_code, c.name, c.status, c.phone, w.* FROM owing w JOIN customers c ON c.id = w.customer_id
    WHERE {_WITHIN}
), page AS (
    SELECT * FROM listed ORDER BY customer_code LIMIT :limit
)
SELECT p.*, t.*, {uneven} AS uneven FROM (SELECT count(*) AS total_customers, {_TOTALS} FROM listed) t
LEFT JOIN page p ON true ORDER BY p.customer_code"""


# Whoever has something open or a credit, whatever the status: who stopped with a balance still owes it.
_FIRST_PAGE = text(_first_page("", _BY_DOCUMENT, "NULL"))
_FIRST_PAGE_BY_SUMS = text(
    _first_page(
        _BY_SUMS,
        f"SELECT * FROM by_sums UNION ALL {_BY_DOCUMENT}",
        "(SELECT array_agg(s.customer_id) FROM sums s WHERE s.is_uneven)",
    )
)
#: With more customers than this the documents of all are put in order: one by one they would take longer.
_MOST = 1000
_CHOSEN_FOR = text("""
SELECT a.customer_id FROM payment_allocations a UNION SELECT n.customer_id FROM credit_notes n
UNION SELECT w.customer_id FROM write_offs w WHERE w.invoice_id IS NOT NULL LIMIT :most""")
# Nobody has both something open and a credit: who is listed has a balance, and that is found customer by customer.
_NEXT_CUSTOMERS = text(f"""
SELECT c.id FROM customers c CROSS JOIN LATERAL (
    SELECT sum(l.debit - l.credit) AS balance FROM customer_ledger l
    WHERE l.customer_id = c.id AND l.entry_date <= :as_of) l
WHERE c.code > :after AND l.balance <> 0 AND {_WITHIN} ORDER BY c.code LIMIT :limit""")
_NEXT_PAGE = text(f"""
SELECT c.code AS customer_code, c.name, c.status, c.phone, w.* FROM ({_BY_DOCUMENT}) w
JOIN customers c ON c.id = w.customer_id ORDER BY c.code""")


def ageing_page(
    session: Session, as_of: date, *, area_id: UUID | None, after: str | None, limit: int
) -> tuple[dict[str, Any] | None, Sequence[RowMapping]]:
    """Who owes what for how long, by customer code; with the first page (``after`` None) the totals of all.

    The first page asks over everybody, the next ones read no more than they show.
    """
    given: dict[str, Any] = {"as_of": as_of, "areas": None if area_id is None else [area_id], "limit": limit}
    if after is not None:
        customers = list(session.scalars(_NEXT_CUSTOMERS, given | {"after": after}))
        return None, session.execute(_NEXT_PAGE, given | {"customers": customers}).mappings().all()
    rows = _over_everybody(session, given)
    totals = {name: rows[0][f"total_{name}"] for name in ("customers", *AGEING_COLUMNS)}
    return totals, [row for row in rows if row["customer_code"] is not None]


def _over_everybody(session: Session, given: dict[str, Any]) -> Sequence[RowMapping]:
    room_to_sum(session)
    by_document = set(session.scalars(_CHOSEN_FOR, {"most": _MOST + 1}))
    while len(by_document) <= _MOST:
        rows = session.execute(_FIRST_PAGE_BY_SUMS, given | {"customers": list(by_document)}).mappings().all()
        if not rows[0]["uneven"]:
            return rows
        by_document.update(rows[0]["uneven"])
    return session.execute(_FIRST_PAGE, given | {"customers": None}).mappings().all()
