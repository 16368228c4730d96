"""Who is on the sheet of a month, what was issued for it, and what its drafts would total."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.orm import Session

from dairy_app.billing.queries.charges import has_rules
from dairy_app.billing.queries.drafts import drafts_with_totals
from dairy_app.deliveries.queries import DELIVERED_BETWEEN

_PAGE = f"""
WITH chosen AS MATERIALIZED (
    SELECT c.id, c.code, c.name, c.phone, a.name AS area
    FROM customers c LEFT JOIN areas a ON a.id = c.area_id
    WHERE c.code > :after
        AND (CAST(:area_id AS uuid) IS NULL OR c.area_id = :area_id)
        AND (CAST(:customer_id AS uuid) IS NULL OR c.id = :customer_id)
        AND (CAST(:delivery_boy_id AS uuid) IS NULL OR c.delivery_boy_id = :delivery_boy_id)
        AND (CAST(:marketing_staff_id AS uuid) IS NULL OR c.marketing_staff_id = :marketing_staff_id)
        {{of_product}}
        AND coalesce(  -- for each customer of the page by index: of EXISTS one OR the other, whole tables would be read
            (SELECT true FROM invoices i WHERE i.customer_id = c.id AND i.status IN ('draft', 'issued')
                AND i.period_end <= :last_day LIMIT 1),
            (SELECT true FROM all_orders o WHERE o.customer_id = c.id AND {DELIVERED_BETWEEN} LIMIT 1),
            (SELECT true FROM opening_balances b WHERE b.customer_id = c.id AND b.as_of <= :last_day LIMIT 1),
            (SELECT true FROM payments p WHERE p.customer_id = c.id AND p.received_on <= :last_day LIMIT 1))
    ORDER BY c.code LIMIT :limit
)
SELECT c.id AS customer_id, c.code, c.name, c.phone, c.area,
    (SELECT coalesce(sum(i.total), 0) FROM invoices i WHERE i.customer_id = c.id AND i.status = 'issued'
        AND i.period_end BETWEEN :first_day AND :last_day)::numeric(24,2) AS issued,
    (SELECT coalesce(sum(i.total), 0) FROM invoices i WHERE i.customer_id = c.id AND i.status = 'issued'
        AND i.period_end < :first_day)::numeric(24,2) AS issued_before
FROM chosen c ORDER BY c.code"""

#: Only where a product is asked for: with OR before it, all orders of the month would be read for each page.
_OF_PRODUCT = f"""AND EXISTS (
            SELECT FROM all_orders o JOIN all_order_items i ON i.order_id = o.id AND i.product_id = :product_id
            WHERE o.customer_id = c.id AND i.delivered_quantity > 0 AND {DELIVERED_BETWEEN})"""

_DRAFT_OF_MONTH = (
    "d.customer_id = ANY(:customers) AND d.period_end BETWEEN CAST(:first_day AS date) AND CAST(:last_day AS date)"
)


@cache
def _drafts(*, charged: bool) -> TextClause:
    return text(f"""
        {drafts_with_totals(_DRAFT_OF_MONTH, charged=charged)}
        SELECT customer_id, sum(total)::numeric(24,2) AS total FROM totals GROUP BY customer_id""")


def customers_of_month(
    session: Session, first: date, last: date, filters: dict[str, Any], *, after: str, limit: int
) -> Sequence[RowMapping]:
    """The customers on the sheet of a month, by code, with what was issued for it and before it, in rupees.

    On it is who got something, has an invoice or a draft up to its end, owed something then, or had paid.
    ``filters``: area_id, customer_id, delivery_boy_id, marketing_staff_id, product_id; None is everybody.
    """
    given = {"first_day": first, "last_day": last, "after": after, "limit": limit, **filters}
    page = _PAGE.format(of_product="" if filters["product_id"] is None else _OF_PRODUCT)
    return session.execute(text(page), given).mappings().all()


def drafts_of_month(
    session: Session, customer_ids: Sequence[UUID], first: date, last: date, today: date
) -> dict[UUID, Decimal]:
    """What the drafts of a month would total if they were issued today, in rupees, by customer."""
    given = {"customers": list(customer_ids), "first_day": first, "last_day": last, "today": today}
    drafts = session.execute(_drafts(charged=has_rules(session)), given)
    return {row.customer_id: row.total for row in drafts}
