"""What is unbilled, and what one-time orders brought."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session


def unbilled(session: Session, as_of: date) -> Sequence[RowMapping]:
    """Delivered value that is on drafts, by month delivered and source: what a backfill would recover.

    ``oldest_days``: age in days, on ``as_of``, of the oldest delivery.
    """
    return (
        session.execute(
            text("""
            SELECT to_char(o.delivered_on, 'YYYY-MM') AS month, o.order_type AS source,
                count(DISTINCT o.id) AS orders, count(DISTINCT o.customer_id) AS customers,
                sum(round(i.delivered_quantity * i.unit_price, 2))::numeric(24,2) AS amount,
                CAST(:as_of AS date) - min(o.delivered_on) AS oldest_days
            FROM invoices d JOIN orders o ON o.invoice_id = d.id JOIN order_items i ON i.order_id = o.id
            WHERE d.status = 'draft' AND o.delivered_on <= :as_of
            GROUP BY 1, 2 ORDER BY 1, 2"""),
            {"as_of": as_of},
        )
        .mappings()
        .all()
    )


def recovery(session: Session, first: date, last: date) -> Sequence[RowMapping]:
    """One-time revenue on issued invoices against all of it, by month of the invoice's date."""
    return (
        session.execute(
            text("""
            SELECT to_char(i.invoice_date, 'YYYY-MM') AS month,
                coalesce(sum(l.line_total) FILTER (WHERE l.source = 'one_time'), 0)::numeric(12,2) AS one_time_amount,
                coalesce(sum(l.line_total) FILTER (WHERE l.source = 'one_time' AND l.prior_period), 0)::numeric(12,2)
                    AS prior_period_amount,
                sum(l.line_total)::numeric(12,2) AS total_amount
            FROM invoices i JOIN invoice_lines l ON l.invoice_id = i.id
            WHERE i.status = 'issued' AND i.invoice_date BETWEEN :first AND :last
            GROUP BY 1 ORDER BY 1"""),
            {"first": first, "last": last},
        )
        .mappings()
        .all()
    )
