"""What a merge would move, and what stands in its way."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from dairy_app.billing.queries.runs import RUN_IS_HELD
from dairy_app.containers.models import MOST_OF_A_KIND
from dairy_app.merging.rules import Refusal
from dairy_app.web.schemas import MAX_MONEY

#: What is counted, by the name that clients see → which rows of the customer.
_MOVING = {
    "orders": "all_orders WHERE customer_id = :was",
    "subscriptions": "subscriptions WHERE customer_id = :was",
    "drafts": "invoices WHERE customer_id = :was AND status = 'draft'",
    "invoices": "invoices WHERE customer_id = :was AND status <> 'draft'",
    "credit_notes": "credit_notes WHERE customer_id = :was",
    "debit_notes": "debit_notes WHERE customer_id = :was",
    "adjustments": "adjustments WHERE customer_id = :was",
    "payments": "payments WHERE customer_id = :was",
    "opening_balances": "opening_balances WHERE customer_id = :was",
    "write_offs": "write_offs WHERE customer_id = :was",
    "refunds": "refunds WHERE customer_id = :was",
    "payment_links": "payment_links WHERE customer_id = :was",
    "prices": "customer_prices WHERE customer_id = :was",
    "charge_rules": "charge_rules WHERE customer_id = :was",
    "container_movements": "container_movements WHERE customer_id = :was",
    "change_requests": "change_requests WHERE customer_id = :was",
    "messages": "outbox_messages WHERE customer_id = :was",
}
MOVING = tuple(_MOVING)
_COUNT = text("SELECT " + ", ".join(f"(SELECT count(*) FROM {rows}) AS {name}" for name, rows in _MOVING.items()))

_OVERLAP = "daterange(a.period_start, a.period_end, '[]') && daterange(b.period_start, b.period_end, '[]')"

#: From which day on a customer is brought what it has standing orders for; infinity: from none, as it is now.
_RECEIVES_FROM = """CASE {0}.status WHEN 'active' THEN date '-infinity'
    WHEN 'trial' THEN coalesce({0}.trial_start_date, date '-infinity') ELSE date 'infinity' END"""
#: The first day from today on for which the customer has a standing order, as far as that one says.
_NEXT_WANTED = """
SELECT min(greatest(s.start_date, CAST(:today AS date))) FROM subscriptions s
WHERE s.customer_id = :was AND s.status = 'active' AND s.auto_start
    AND coalesce(s.stop_date > greatest(s.start_date, CAST(:today AS date)), true)"""

#: One row for each reason, with what it is about.
_HINDRANCES = text(f"""
WITH receiving AS (
    SELECT b.status, greatest(n.day, {_RECEIVES_FROM.format("a")}) AS since,
        greatest(n.day, {_RECEIVES_FROM.format("b")}) AS other_since
    FROM customers a, customers b, ({_NEXT_WANTED}) AS n (day)
    WHERE a.id = :was AND b.id = :into AND b.status <> 'stopped' AND n.day IS NOT NULL
)
SELECT 'into_paused' AS code, NULL AS about FROM receiving WHERE status = 'paused' AND since < 'infinity'
UNION ALL
SELECT 'into_not_begun', other_since::text FROM receiving WHERE status = 'trial' AND since < other_since
UNION ALL
SELECT 'would_come', CASE WHEN since < 'infinity' THEN since::text END FROM receiving WHERE since > other_since
UNION ALL
SELECT 'into_stopped', NULL FROM customers b
WHERE b.id = :into AND b.status = 'stopped' AND b.merged_into IS NULL
    AND (EXISTS (SELECT FROM subscriptions WHERE customer_id = :was AND status IN ('draft', 'active', 'paused'))
        OR EXISTS (SELECT FROM orders WHERE customer_id = :was AND status = 'PENDING'))
UNION ALL
SELECT 'billed_otherwise', coalesce(pa.name, a.name) || ' – ' || coalesce(pb.name, b.name)
FROM customers a LEFT JOIN customers pa ON pa.id = a.billed_to,
    customers b LEFT JOIN customers pb ON pb.id = b.billed_to
WHERE a.id = :was AND b.id = :into AND a.billed_to IS DISTINCT FROM b.billed_to
    AND coalesce(a.billed_to <> b.id, true) AND coalesce(b.billed_to <> a.id, true)
UNION ALL
SELECT 'on_draft_of_another', string_agg(DISTINCT p.name, ', ') FROM orders o
JOIN invoices d ON d.id = o.invoice_id AND d.status = 'draft'
JOIN customers p ON p.id = o.payer_id
JOIN customers c ON c.id = o.customer_id
WHERE o.customer_id IN (:was, :into) AND o.payer_id <> o.customer_id AND o.payer_id NOT IN (:was, :into)
    AND o.payer_id IS DISTINCT FROM c.billed_to
HAVING count(*) > 0
UNION ALL
SELECT 'documents_overlap', string_agg(a.number || ' – ' || b.number, ', ' ORDER BY a.period_start)
FROM invoices a JOIN invoices b ON {_OVERLAP}
WHERE a.customer_id = :was AND b.customer_id = :into AND a.status = 'issued' AND b.status = 'issued'
    AND a.companion_of IS NULL AND b.companion_of IS NULL
HAVING count(*) > 0
UNION ALL
SELECT 'taxed_otherwise', NULL FROM settings s, customers a, customers b
WHERE a.id = :was AND b.id = :into AND s.gst_scheme = 'regular'
    AND (coalesce(a.state_code, s.state_code), a.gstin, a.gst_treatment)
        IS DISTINCT FROM (coalesce(b.state_code, s.state_code), b.gstin, b.gst_treatment)
    AND EXISTS (SELECT FROM invoices d WHERE d.customer_id = a.id AND d.status = 'draft'
        AND (EXISTS (SELECT FROM orders o WHERE o.invoice_id = d.id)
            OR EXISTS (SELECT FROM adjustments x WHERE x.invoice_id = d.id)))
UNION ALL
SELECT 'out_for_delivery', string_agg(DISTINCT delivery_date::text, ', ') FROM orders
WHERE customer_id = :was AND status = 'OUT_FOR_DELIVERY' HAVING count(*) > 0
UNION ALL
SELECT 'move_to_come', string_agg(moves_on::text, ', ' ORDER BY moves_on) FROM customer_moves
WHERE customer_id = :was AND applied_at IS NULL HAVING count(*) > 0
UNION ALL
SELECT 'same_transfer', string_agg(a.voucher_no || ' – ' || b.voucher_no, ', ' ORDER BY a.voucher_no)
FROM refunds a JOIN refunds b ON bare_reference(b.reference) = bare_reference(a.reference)
WHERE a.customer_id = :was AND b.customer_id = :into AND a.status = 'paid' AND b.status = 'paid'
    AND a.method <> 'cash' AND b.method <> 'cash'
HAVING count(*) > 0
UNION ALL
SELECT 'both_opening_balances', format('%s, %s', a.as_of, b.as_of)
FROM opening_balances a JOIN opening_balances b ON b.as_of <> a.as_of
WHERE a.customer_id = :was AND b.customer_id = :into
UNION ALL
SELECT 'opening_balances_too_large', (a.amount + b.amount)::text
FROM opening_balances a JOIN opening_balances b ON b.as_of = a.as_of
WHERE a.customer_id = :was AND b.customer_id = :into AND abs(a.amount + b.amount) > {MAX_MONEY}
UNION ALL
SELECT 'too_many_empties', string_agg(c.name, ', ' ORDER BY c.name)
FROM container_balances a JOIN container_balances b USING (container_id) JOIN containers c ON c.id = container_id
WHERE a.customer_id = :was AND b.customer_id = :into AND a.balance + b.balance > {MOST_OF_A_KIND}
HAVING count(*) > 0
UNION ALL
SELECT 'same_cheque', string_agg(a.receipt_no || ' – ' || b.receipt_no, ', ' ORDER BY a.receipt_no)
FROM payments a JOIN payments b ON bare_reference(b.reference) = bare_reference(a.reference)
WHERE a.customer_id = :was AND b.customer_id = :into AND a.status = 'received' AND b.status = 'received'
    AND a.method = 'cheque' AND b.method = 'cheque'
HAVING count(*) > 0
UNION ALL
SELECT 'same_request', string_agg(DISTINCT a.kind, ', ') FROM change_requests a
JOIN change_requests b ON b.kind = a.kind AND b.payload = a.payload
WHERE a.customer_id = :was AND b.customer_id = :into AND a.status = 'pending' AND b.status = 'pending'
    AND a.subscription_id IS NULL AND b.subscription_id IS NULL
HAVING count(*) > 0
UNION ALL
SELECT 'billing_running', min(r.period) FROM billing_runs r WHERE r.status = 'running' AND {RUN_IS_HELD}
HAVING count(*) > 0""")

#: Whatever is planned: a standing order that changes has a row for each of the schedules that are not over.
_DUPLICATES = text("""
WITH wanted AS (
    SELECT s.customer_id, n.product_id, n.shift, n.weekly_pattern, n.valid * daterange(n.first, s.stop_date) AS days
    FROM subscriptions s LEFT JOIN subscription_schedules c ON c.subscription_id = s.id
    CROSS JOIN LATERAL (SELECT greatest(s.start_date, CAST(:today AS date)) AS first,
        coalesce(c.valid, '(,)') AS valid, coalesce(c.product_id, s.product_id) AS product_id,
        coalesce(c.shift, s.shift) AS shift,
        CASE WHEN c.id IS NULL THEN s.weekly_pattern ELSE c.weekly_pattern END AS weekly_pattern) n
    WHERE s.customer_id IN (:was, :into) AND s.status <> 'stopped' AND coalesce(s.stop_date > n.first, true)
)
SELECT p.name AS product_name, a.shift FROM wanted a
JOIN wanted b ON b.product_id = a.product_id AND b.shift = a.shift AND b.days && a.days
    AND (b.weekly_pattern && a.weekly_pattern) IS NOT FALSE
JOIN products p ON p.id = a.product_id
WHERE a.customer_id = :was AND b.customer_id = :into
GROUP BY p.name, a.shift ORDER BY p.name, a.shift""")

_PRICES_THAT_YIELD = text("""
SELECT p.name AS product_name, a.price AS price, b.price AS price_of_other
FROM customer_prices a JOIN customer_prices b ON b.product_id = a.product_id AND b.valid && a.valid
JOIN products p ON p.id = a.product_id
WHERE a.customer_id = :was AND b.customer_id = :into AND a.price <> b.price
ORDER BY p.name, lower(a.valid), lower(b.valid)""")


def billed_to(session: Session, customer_id: UUID) -> Sequence[UUID]:
    """Whose deliveries are billed to the customer."""
    return session.scalars(text("SELECT id FROM customers WHERE billed_to = :payer"), {"payer": customer_id}).all()


def customers_of(session: Session, *customer_ids: UUID) -> dict[UUID, dict[str, Any]]:
    """The customers of these ids, all that is known of them; unknown ones are left out."""
    rows = session.execute(text("SELECT * FROM customers WHERE id = ANY (:ids)"), {"ids": list(customer_ids)})
    return {row["id"]: dict(row) for row in rows.mappings()}


def moving(session: Session, customer_id: UUID) -> dict[str, int]:
    """How many rows of each kind hang on the customer."""
    return dict(session.execute(_COUNT, {"was": customer_id}).mappings().one())


def hindrances(session: Session, customer_id: UUID, into: UUID, today: date) -> list[Refusal]:
    """What stands in the way of merging the first into the second."""
    rows = session.execute(_HINDRANCES, {"was": customer_id, "into": into, "today": today})
    return [Refusal(row.code, row.about) for row in rows]


def duplicates(session: Session, customer_id: UUID, into: UUID, today: date) -> Sequence[RowMapping]:
    """What both get regularly in the same shift, from today on or some day later: it comes twice then."""
    return session.execute(_DUPLICATES, {"was": customer_id, "into": into, "today": today}).mappings().all()


def prices_that_yield(session: Session, customer_id: UUID, into: UUID) -> Sequence[RowMapping]:
    """Where both have agreed a price for the same days: that of the second stands."""
    return session.execute(_PRICES_THAT_YIELD, {"was": customer_id, "into": into}).mappings().all()
