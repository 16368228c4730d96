"""What the sample dairy holds: open orders while it is filled, sums for the table at the end."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, RowMapping, text
from sqlalchemy.orm import Session

# By stop, then order: the place of an order in its day is the same whenever this is asked on a whole day.
_OPEN_ORDERS = text("""
SELECT o.id, c.delivery_boy_id, c.id AS customer_id,
    jsonb_agg(jsonb_build_array(i.product_id, i.quantity::text, p.unit) ORDER BY i.line_no) AS items,
    (SELECT jsonb_agg(jsonb_build_array(b.container_id, b.balance)) FROM container_balances b
        WHERE b.customer_id = c.id AND b.balance > 0) AS bottles
FROM orders o
JOIN customers c ON c.id = o.customer_id
JOIN order_items i ON i.order_id = o.id
JOIN products p ON p.id = i.product_id
WHERE o.delivery_date = :day AND o.status IN ('PENDING', 'OUT_FOR_DELIVERY')
GROUP BY o.id, c.id
ORDER BY c.stop_sequence, o.order_type, min(p.sku), min(i.quantity), o.id
""")

_SUMMARY = text("""
SELECT (SELECT count(*) FROM customers) AS customers,
    count(*) AS orders,
    count(*) FILTER (WHERE order_type = 'one_time') AS one_time_orders,
    count(*) FILTER (WHERE status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) AS delivered,
    count(*) FILTER (WHERE status = 'PARTIALLY_DELIVERED') AS partial,
    count(*) FILTER (WHERE status = 'NOT_DELIVERED') AS not_delivered,
    count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled,
    count(*) FILTER (WHERE status = 'PENDING') AS pending,
    (SELECT coalesce(sum(l.line_total), 0) FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id
        WHERE i.status = 'issued' AND l.source = 'one_time') AS one_time_amount,
    (SELECT count(*) FROM invoices WHERE status = 'issued') AS invoices,
    (SELECT coalesce(sum(total), 0) FROM invoices WHERE status = 'issued') AS total,
    (SELECT coalesce(sum(amount), 0) FROM payments WHERE status = 'received') AS paid,
    (SELECT coalesce(sum(debit - credit), 0) FROM customer_ledger) AS open
FROM orders
""")


def open_days(session: Session, before: date) -> list[date]:
    """The days before ``before`` that still have open orders."""
    query = "SELECT DISTINCT delivery_date FROM orders WHERE status IN ('PENDING', 'OUT_FOR_DELIVERY') ORDER BY 1"
    return [day for (day,) in session.execute(text(query)) if day < before]


def open_orders(session: Session, day: date) -> Sequence[Row[Any]]:
    """The open orders of a day: id, delivery boy, customer, items as (product, quantity, unit), bottles at its door."""
    return session.execute(_OPEN_ORDERS, {"day": day}).all()


def summary(session: Session) -> RowMapping:
    """Counts and rupees for the table at the end."""
    return session.execute(_SUMMARY).mappings().one()


def open_bill(session: Session, day: date) -> UUID:
    """An invoice with something to pay, with taxed and exempt goods if there is one."""
    query = """
        SELECT i.id FROM open_items(NULL, :day) o JOIN invoices i ON i.id = o.document_id WHERE o.open > 0
        ORDER BY i.document_type = 'invoice_cum_bill_of_supply' DESC, i.number DESC LIMIT 1"""
    found: UUID = session.scalars(text(query), {"day": day}).one()
    return found


def households(session: Session) -> list[UUID]:
    """The customers in the order of the sample."""
    return list(session.scalars(text("SELECT id FROM customers ORDER BY code")))


def bills_to_correct(session: Session, first: date, last: date) -> Sequence[Row[Any]]:
    """Three bills of these days that stand alone, first those of customers who paid nothing: id, customer_id."""
    query = """
        SELECT i.id, i.customer_id FROM invoices i
        WHERE i.status = 'issued' AND i.invoice_date BETWEEN :first AND :last AND i.companion_of IS NULL
            AND NOT EXISTS (SELECT FROM invoices c WHERE c.companion_of = i.id)
        ORDER BY EXISTS (SELECT FROM payments p WHERE p.customer_id = i.customer_id), i.number LIMIT 3"""
    return session.execute(text(query), {"first": first, "last": last}).all()


def is_eventful(session: Session) -> bool:
    """Whether what a dairy's days bring beside deliveries is there."""
    return bool(session.scalar(text("SELECT EXISTS (SELECT FROM adjustments)")))


def standing_order_of(session: Session, customer_id: UUID) -> UUID:
    """A customer's first standing order."""
    query = "SELECT id FROM subscriptions WHERE customer_id = :customer ORDER BY id LIMIT 1"
    return UUID(str(session.scalars(text(query), {"customer": customer_id}).one()))


def cash_at_doors(session: Session) -> Sequence[Row[Any]]:
    """Who has how much cash that is not handed over: staff_id, amount."""
    query = """
        SELECT collected_by AS staff_id, sum(amount) AS amount FROM payments
        WHERE collected_by IS NOT NULL AND cash_settlement_id IS NULL AND status = 'received'
        GROUP BY 1 ORDER BY 2, 1"""
    return session.execute(text(query)).all()


def time_zone(session: Session) -> str:
    """The dairy's time zone."""
    return str(session.scalar(text("SELECT time_zone FROM settings")))


def first_day_of(day: date) -> date:
    """The sample begins two months before the month of ``day``, so that two whole months have ended."""
    month_before = day.replace(day=1) - timedelta(days=1)
    return (month_before.replace(day=1) - timedelta(days=1)).replace(day=1)
