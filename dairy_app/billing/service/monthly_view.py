"""The month as a grid: customer × product × day of delivered quantities, as the earlier system's sheet had it.

Weeks are those of the month: W1 1–7, W2 8–14, W3 15–21, W4 22–28, W5 the rest. Quantities of different units are
never added up.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from dairy_app.billing.queries.drafts import drafts_with_totals
from dairy_app.invoices.rules import month_bounds
from dairy_app.receivables.rules import month_status

_PAGE = """
chosen AS MATERIALIZED (
    SELECT c.id, c.code, c.name, c.phone, a.name AS area
    FROM customers c LEFT JOIN areas a ON a.id = c.area_id
    WHERE c.code > :after
        AND (CAST(:area_id AS uuid) IS NULL OR c.area_id = :area_id)
        AND (CAST(:customer_id AS uuid) IS NULL OR c.id = :customer_id)
        AND (CAST(:delivery_boy_id AS uuid) IS NULL OR c.delivery_boy_id = :delivery_boy_id)
        AND (CAST(:marketing_staff_id AS uuid) IS NULL OR c.marketing_staff_id = :marketing_staff_id)
        AND (CAST(:product_id AS uuid) IS NULL OR EXISTS (
            SELECT FROM orders o JOIN order_items i ON i.order_id = o.id AND i.product_id = :product_id
            WHERE o.customer_id = c.id AND i.delivered_quantity > 0 AND o.delivered_on BETWEEN :first_day AND :last_day
                AND o.delivery_date BETWEEN CAST(:first_day AS date) - 31 AND CAST(:last_day AS date) + 31))
        AND (EXISTS (SELECT FROM invoices i WHERE i.customer_id = c.id AND i.status IN ('draft', 'issued')
                AND i.period_end <= :last_day)
            OR EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id AND o.delivered_on IS NOT NULL
                AND o.delivery_date BETWEEN CAST(:first_day AS date) - 31 AND CAST(:last_day AS date) + 31
                AND o.delivered_on BETWEEN :first_day AND :last_day)
            OR EXISTS (SELECT FROM opening_balances b WHERE b.customer_id = c.id AND b.as_of <= :last_day)
            OR EXISTS (SELECT FROM payments p WHERE p.customer_id = c.id AND p.received_on <= :last_day))
    ORDER BY c.code LIMIT :limit
)"""


_GRID = f"""
WITH {_PAGE}, days AS (
    SELECT o.customer_id, i.product_id, i.unit_price, o.delivered_on, sum(i.delivered_quantity) AS quantity
    FROM chosen c JOIN orders o ON o.customer_id = c.id JOIN order_items i ON i.order_id = o.id
    WHERE o.delivery_date BETWEEN CAST(:first_day AS date) - 31 AND CAST(:last_day AS date) + 31
        AND o.delivered_on BETWEEN :first_day AND :last_day AND i.delivered_quantity > 0
        AND (CAST(:product_id AS uuid) IS NULL OR i.product_id = :product_id)
    GROUP BY 1, 2, 3, 4
), weeks AS (
    SELECT customer_id, product_id, unit_price, 'W' || ((extract(day FROM delivered_on)::integer - 1) / 7 + 1) AS week,
        sum(quantity) AS quantity
    FROM days GROUP BY 1, 2, 3, 4
), products_of AS (
    SELECT d.customer_id, d.product_id, d.unit_price, g.name, g.unit,
        jsonb_object_agg(d.delivered_on, d.quantity) AS daily_quantities,
        (SELECT jsonb_object_agg(w.week, w.quantity) FROM weeks w WHERE w.customer_id = d.customer_id
            AND w.product_id = d.product_id AND w.unit_price = d.unit_price) AS week_totals,
        sum(d.quantity) AS total_quantity, round(sum(d.quantity) * d.unit_price, 2) AS total_amount
    FROM days d JOIN products g ON g.id = d.product_id
    GROUP BY d.customer_id, d.product_id, d.unit_price, g.name, g.unit
)
SELECT c.id AS customer_id, c.code, c.name, c.phone, c.area,
    coalesce(jsonb_agg(to_jsonb(p) - 'customer_id' ORDER BY p.name, p.unit_price)
        FILTER (WHERE p.product_id IS NOT NULL), '[]') AS products,
    (SELECT coalesce(sum(i.total), 0) FROM invoices i WHERE i.customer_id = c.id AND i.status = 'issued'
        AND i.period_end BETWEEN :first_day AND :last_day)::numeric(24,2) AS issued,
    (SELECT coalesce(sum(i.total), 0) FROM invoices i WHERE i.customer_id = c.id AND i.status = 'issued'
        AND i.period_end < :first_day)::numeric(24,2) AS issued_before
FROM chosen c LEFT JOIN products_of p ON p.customer_id = c.id
GROUP BY c.id, c.code, c.name, c.phone, c.area ORDER BY c.code"""


_DRAFTS = f"""
{
    drafts_with_totals(
        "d.customer_id = ANY(:customers) AND d.period_end BETWEEN CAST(:first_day AS date) AND CAST(:last_day AS date)"
    )
}
SELECT customer_id, sum(total)::numeric(24,2) AS total FROM totals GROUP BY customer_id"""


# Papers count for the month of their period, whatever their date; everything else for the month of its own date.
_MONEY = """
SELECT l.customer_id, coalesce(sum(l.debit - l.credit) FILTER (WHERE l.entry_date < :first_day), 0) AS before,
    coalesce(sum(l.credit - l.debit) FILTER (WHERE l.entry_date >= :first_day
        AND l.kind IN ('payment', 'reversal')), 0) AS paid,
    coalesce(sum(l.debit - l.credit) FILTER (WHERE l.entry_date >= :first_day
        AND l.kind NOT IN ('payment', 'reversal')), 0) AS other_entries
FROM customer_ledger l
WHERE l.customer_id = ANY(CAST(:customers AS uuid[])) AND l.entry_date <= :last_day
    AND l.kind NOT IN ('invoice', 'void')
GROUP BY 1"""


_OVERDUE = """
SELECT DISTINCT o.customer_id FROM open_items(CAST(:customers AS uuid[]), :as_of) o
WHERE o.open > 0 AND o.due_date < :as_of"""


#: What marketing staff do not get.
PAYMENT_FIELDS = frozenset({"paid", "other_entries", "payment_status"})


def month_days(period: str) -> list[date]:
    """Every day of a month."""
    first, last = month_bounds(period)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def monthly_view(
    session: Session,
    period: str,
    *,
    today: date,
    after: str,
    limit: int,
    area_id: UUID | None = None,
    customer_id: UUID | None = None,
    delivery_boy_id: UUID | None = None,
    marketing_staff_id: UUID | None = None,
    product_id: UUID | None = None,
) -> Sequence[dict[str, Any]]:
    """One row per customer by code, four statements whatever the page; amounts in rupees.

    ``product_id`` shows who got that product, and only it; the money is that of the whole customer.
    ``bill`` is what is issued for the month plus what its drafts would come to. Balances and status are those of
    the month's last day, or of today while it runs: previous_balance + bill + other_entries − paid =
    current_balance.
    """
    first, last = month_bounds(period)
    bounds = {"first_day": first, "last_day": last}
    whose = {"area_id": area_id, "customer_id": customer_id, "delivery_boy_id": delivery_boy_id}
    filters = {**whose, "marketing_staff_id": marketing_staff_id, "product_id": product_id}
    rows = session.execute(text(_GRID), {**bounds, **filters, "after": after, "limit": limit}).mappings().all()
    ids = [row["customer_id"] for row in rows]
    drafts = session.execute(text(_DRAFTS), {"customers": ids, "today": today, **bounds}).all()
    totals = {draft.customer_id: draft.total for draft in drafts}
    money = session.execute(text(_MONEY), {"customers": ids, **bounds}).mappings()
    moved = {row["customer_id"]: row for row in money}
    overdue = set(session.scalars(text(_OVERDUE), {"customers": ids, "as_of": min(last, today)}))
    return [_with_balances(row, totals, moved, overdue) for row in rows]


def _with_balances(
    row: RowMapping, drafts: dict[UUID, Decimal], moved: dict[UUID, RowMapping], overdue: set[UUID]
) -> dict[str, Any]:
    customer = row["customer_id"]
    before, paid, other = (
        moved[customer][name] if customer in moved else Decimal(0) for name in ("before", "paid", "other_entries")
    )
    bill = row["issued"] + drafts.get(customer, Decimal(0))
    previous = row["issued_before"] + before
    balance = previous + bill + other - paid
    status = month_status(balance, paid, overdue=customer in overdue)
    sums = {"bill": bill, "paid": paid, "other_entries": other, "previous_balance": previous}
    return {**row, **sums, "current_balance": balance, "payment_status": status}
