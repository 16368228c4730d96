"""Bill records, payments and opening balances: written, and proven to be the same before and after."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

# What a record says is shown beside its order; what it does not fit is remarked.
_JUDGE_BILLS = """
UPDATE stage_bills s SET order_id = o.id FROM orders o WHERE o.legacy_id = s.order_key AND s.fate IS NULL;
UPDATE stage_bills s SET detail = s.order_key, reason = CASE
    WHEN EXISTS (SELECT FROM stage_orders o WHERE o.key = s.order_key) THEN 'order_quarantined' ELSE 'order_missing' END
WHERE s.fate IS NULL AND s.reason IS NULL AND s.order_id IS NULL;
UPDATE stage_bills s SET remarks = s.remarks || CASE
    WHEN p.status = 'external' AND s.amount <> a.amount THEN ARRAY['bill_amount_differs']
    WHEN s.is_paid AND p.status IS DISTINCT FROM 'external' THEN ARRAY['paid_but_not_billed']
    ELSE '{}'::text[] END
FROM orders o LEFT JOIN invoices p ON p.id = o.invoice_id
CROSS JOIN LATERAL (SELECT coalesce(sum(round(i.delivered_quantity * i.unit_price, 2)), 0) AS amount
    FROM order_items i WHERE i.order_id = o.id) a
WHERE o.id = s.order_id AND s.fate IS NULL AND s.reason IS NULL
"""
_INSERT_BILLS = """
INSERT INTO imported_bills (id, order_id, amount, billed_month, is_paid, legacy_id, created_at)
SELECT id, order_id, amount, billed_month, is_paid, key, coalesce(created_at, now())
FROM stage_bills WHERE fate = 'written' ORDER BY line
"""

# The customers first, by id: whoever reckons with one of them waits or is waited for.
_LOCK_CUSTOMERS = """
SELECT count(*) FROM (SELECT FROM customers WHERE id IN (
    SELECT customer_id FROM stage_payments WHERE fate = 'written' UNION SELECT customer_id FROM stage_openings)
    ORDER BY id FOR NO KEY UPDATE) locked
"""

_PAYMENTS = """
WITH numbered AS (
    SELECT s.*, row_number() OVER (ORDER BY s.received_on, s.line) AS place FROM stage_payments s
    WHERE s.fate = 'written'
), taken AS (  -- as many numbers as rows, at once: one by one each would wait for all before it
    INSERT INTO receipt_series AS r (series, next_no) SELECT 'R', count(*) + 1 FROM numbered HAVING count(*) > 0
    ON CONFLICT (series) DO UPDATE SET next_no = r.next_no + excluded.next_no - 1
    RETURNING r.next_no - (SELECT count(*) FROM numbered) AS first_no
)
INSERT INTO payments (id, receipt_no, customer_id, amount, method, received_on, notes, recorded_by, legacy_id,
    created_at)
SELECT s.id, 'R' || lpad((t.first_no + s.place - 1)::text, 7, '0'), s.customer_id, s.amount, s.method, s.received_on,
    s.notes, l.user_id, s.key, coalesce(s.created_at, now())
FROM numbered s CROSS JOIN taken t LEFT JOIN stage_logins l ON l.ref = s.recorded_by_key
ORDER BY s.place
"""

# One a customer: what it owed before, less what is in its wallets. Who has an opening balance, from an earlier
# import or from somebody since, keeps it.
_OPENINGS = """
CREATE TEMPORARY TABLE stage_openings ON COMMIT DROP AS
SELECT c.id AS customer_id, c.legacy_id AS key, sum(b.amount) AS amount
FROM customers c
JOIN (SELECT id AS customer_id, previous_balance AS amount FROM stage_customers
        WHERE fate IN ('written', 'present') AND previous_balance <> 0
      UNION ALL
      SELECT customer_id, -balance FROM stage_wallets WHERE fate = 'merged' AND reason IS NULL) b
    ON b.customer_id = c.id
WHERE c.merged_into IS NULL AND NOT EXISTS (SELECT FROM opening_balances o WHERE o.customer_id = c.id)
GROUP BY c.id, c.legacy_id HAVING sum(b.amount) <> 0
"""
_INSERT_OPENINGS = """
INSERT INTO opening_balances (customer_id, as_of, amount, legacy_id)
SELECT customer_id, :as_of, amount, 'opening\\:' || key FROM stage_openings ORDER BY key
"""

# As of the day before anything of the dump happened, so that nothing stands before it.
_BEFORE = """
SELECT least(:since, (SELECT min(received_on) FROM stage_payments WHERE fate = 'written')) - 1
"""

_WALLETS = """
UPDATE stage_wallets SET fate = 'merged' WHERE fate IS NULL AND reason IS NULL
"""

_MONEY = """
WITH before AS (
    SELECT customer_id, 'payments' AS kind, count(*) AS entries, sum(amount) AS amount
    FROM stage_payments WHERE fate = 'written' GROUP BY 1
    UNION ALL SELECT customer_id, 'opening balance', 1, amount FROM stage_openings
), after AS (
    SELECT p.customer_id, 'payments' AS kind, count(*) AS entries, sum(p.amount) AS amount
    FROM stage_payments s JOIN payments p ON p.id = s.id WHERE s.fate = 'written' GROUP BY 1
    UNION ALL
    SELECT o.customer_id, 'opening balance', 1, o.amount
    FROM stage_openings s JOIN opening_balances o ON o.customer_id = s.customer_id
)
SELECT coalesce(c.legacy_id, c.id::text), kind, coalesce(b.entries, 0), coalesce(a.entries, 0),
    coalesce(b.amount, 0), coalesce(a.amount, 0)
FROM before b FULL JOIN after a USING (customer_id, kind) JOIN customers c ON c.id = customer_id
ORDER BY 2, 1
"""


class Receipt(NamedTuple):
    """Rupees of one customer, paid or owed at the beginning, in the dump and in our tables."""

    customer: str
    kind: str
    entries_before: int
    entries_after: int
    before: Decimal
    after: Decimal


def judge_bills(session: Session) -> None:
    """Which imported order each bill record is about."""
    session.execute(text(_JUDGE_BILLS))


def insert_bills(session: Session) -> None:
    """Keep the bill records beside their orders."""
    session.execute(text(_INSERT_BILLS))


def settle_wallets(session: Session) -> None:
    """A wallet whose customer is known is part of that customer's opening balance."""
    session.execute(text(_WALLETS))


def insert(session: Session, since: date) -> None:
    """Payments and opening balances. ``since``: the first delivery of the dump."""
    session.execute(text(_OPENINGS))
    session.execute(text(_LOCK_CUSTOMERS))
    session.execute(text(_PAYMENTS))
    as_of = session.scalar(text(_BEFORE), {"since": since})
    session.execute(text(_INSERT_OPENINGS), {"as_of": as_of})


def receipts(session: Session) -> Iterator[Receipt]:
    """What this import wrote of money, per customer."""
    for row in session.execute(text(_MONEY), execution_options={"yield_per": 1000}):
        yield Receipt(*row)
