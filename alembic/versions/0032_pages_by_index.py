"""What a page shows is found by an index, however long the dairy exists: filters, orders, what one customer owes.

Why: these pages and look-ups read a whole table for what they showed: a login all users, a payment all allocations,
    a page of cancelled orders every order there ever was. What one customer owes was read from all invoices: before
    PostgreSQL 18 always, from then on in every session that was asked for all a few times.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is indexed: nobody waits. None for the two functions.
Undo: drops the indexes and builds the replaced one again, orders take no writes meanwhile; gives the functions of
    before back.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_payment_allocations_payment": "payment_allocations (payment_id)",
    "ix_orders_open": "orders (delivery_date, id) WHERE status IN ('PENDING', 'OUT_FOR_DELIVERY')",
    "ix_orders_exceptions": "orders (delivery_date, id)"
    " WHERE status IN ('CANCELLED', 'NOT_DELIVERED', 'PARTIALLY_DELIVERED')",
    "ix_delivery_statuses_exceptions": "delivery_statuses (delivery_date, id) WHERE status <> 'delivered'",
    "ix_delivery_statuses_method": "delivery_statuses (confirmation_method, delivery_date, id)"
    " WHERE confirmation_method <> 'delivery_boy'",
    "ix_payments_amount": "payments (amount, id)",
    "ix_payments_method": "payments (method, received_on, id)",
    "ix_payments_collector": "payments (collected_by, received_on, id) WHERE collected_by IS NOT NULL",
    "ix_payments_reversed": "payments (received_on, id) WHERE status = 'reversed'",
    "ix_payments_reference": "payments (bare_reference(reference)) WHERE reference IS NOT NULL",
    "ix_customers_name": "customers (lower(name), code)",
    "ix_customers_name_as_written": "customers (name)",
    "ix_customers_created": "customers (created_at, code)",
    "ix_invoices_status": "invoices (status, period_start, id)",
    "ix_invoices_by_date": "invoices (coalesce(invoice_date, period_end), id)",
    "ix_invoices_by_due_date": "invoices (coalesce(due_date, period_end), id)",
    "ix_invoices_by_total": "invoices (coalesce(total, 0), id)",
    "ix_invoices_issued": "invoices (issued_at) WHERE issued_at IS NOT NULL",
    "ix_outbox_messages_unsent": "outbox_messages (id) WHERE status IN ('failed', 'withdrawn')",
    "ix_outbox_messages_channel": "outbox_messages (channel, id)",
    "ix_subscriptions_status": "subscriptions (status, id)",
    "ix_subscriptions_mode": "subscriptions (mode, id)",
    "ix_subscriptions_shift": "subscriptions (shift, id)",
    "ix_users_role": "users (role, id)",
    "ix_users_inactive": "users (id) WHERE NOT is_active",
    "ix_users_old_hash": "users (id) WHERE left(password_hash, 2) = '$2'",
}
#: What one of the new ones does too.
REPLACED = {
    "ix_orders_open_by_date": "orders (delivery_date) WHERE status IN ('PENDING', 'OUT_FOR_DELIVERY')",
}
#: The common expressions of both functions.
AS_OF = """
own AS (
    SELECT n.invoice_id, 'credit_note' AS kind, n.id, n.total AS amount FROM credit_notes n
    WHERE n.note_date <= p_as_of AND (p_customers IS NULL OR n.customer_id = ANY (p_customers))
    UNION ALL
    SELECT w.invoice_id, 'write_off', w.id, w.amount FROM write_offs w
    WHERE w.invoice_id IS NOT NULL AND w.written_off_on <= p_as_of
        AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
), debits AS (
    SELECT b.customer_id, 'opening' AS kind, b.id, NULL::text AS document, b.as_of AS day, b.as_of AS due_day,
        b.amount, b.amount AS net
    FROM opening_balances b
    WHERE b.amount > 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT i.customer_id, 'invoice', i.id, i.number, i.invoice_date, i.due_date, i.total,
        i.total - coalesce(o.amount, 0)
    FROM invoices i LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM own GROUP BY 1) o ON o.invoice_id = i.id
    WHERE i.status = 'issued' AND i.invoice_date <= p_as_of
        AND (p_customers IS NULL OR i.customer_id = ANY (p_customers))
), received AS (
    SELECT p.customer_id, 'payment' AS kind, p.id, p.received_on AS day, p.amount FROM payments p
    WHERE p.received_on <= p_as_of AND (p.reversed_on IS NULL OR p.reversed_on > p_as_of)
        AND (p_customers IS NULL OR p.customer_id = ANY (p_customers))
    UNION ALL
    SELECT b.customer_id, 'opening', b.id, b.as_of, -b.amount FROM opening_balances b
    WHERE b.amount < 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT w.customer_id, 'write_off', w.id, w.written_off_on, w.amount FROM write_offs w
    WHERE w.invoice_id IS NULL AND w.written_off_on <= p_as_of
        AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
), chosen AS (
    SELECT c.payment_id, c.invoice_id, greatest(least(c.upto, d.net) - (c.upto - c.amount), 0) AS amount
    FROM (
        SELECT a.payment_id, a.invoice_id, a.amount,
            sum(a.amount) OVER (PARTITION BY a.invoice_id ORDER BY a.allocated_on, a.id) AS upto
        FROM payment_allocations a JOIN received p ON p.kind = 'payment' AND p.id = a.payment_id
        WHERE a.allocated_on <= p_as_of AND (a.released_on IS NULL OR a.released_on > p_as_of)
            AND (p_customers IS NULL OR a.customer_id = ANY (p_customers))
    ) c JOIN debits d ON d.kind = 'invoice' AND d.id = c.invoice_id
), owed AS (
    SELECT d.*, d.net - coalesce(c.amount, 0) AS rest,
        sum(d.net - coalesce(c.amount, 0))
            OVER (PARTITION BY d.customer_id ORDER BY d.day, d.kind DESC, d.document, d.id) AS upto
    FROM debits d
    LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.invoice_id = d.id
), free AS (
    SELECT r.*, r.amount - coalesce(c.amount, 0) AS rest,
        sum(r.amount - coalesce(c.amount, 0)) OVER (PARTITION BY r.customer_id ORDER BY r.day, r.kind, r.id) AS upto
    FROM received r
    LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.payment_id = r.id
)"""
OPEN_ITEMS = """
CREATE OR REPLACE FUNCTION open_items(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, kind text, document_id uuid, document text, document_date date, due_date date, amount numeric,
    open numeric)"""
OPEN = """, pools AS (
    SELECT f.customer_id, sum(f.rest) AS amount FROM free f GROUP BY 1
)
SELECT o.customer_id, o.kind, o.id, o.document, o.day, o.due_day, o.amount,
    least(greatest(o.upto - coalesce(p.amount, 0), 0), o.rest)
FROM owed o LEFT JOIN pools p ON p.customer_id = o.customer_id
UNION ALL
SELECT p.customer_id, 'credit', NULL, NULL, NULL, NULL, 0, coalesce(w.amount, 0) - p.amount
FROM pools p LEFT JOIN (SELECT o.customer_id, sum(o.rest) AS amount FROM owed o GROUP BY 1) w
    ON w.customer_id = p.customer_id
WHERE p.amount > coalesce(w.amount, 0)"""
APPLICATIONS = """
CREATE OR REPLACE FUNCTION applications(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, credit_kind text, credit_id uuid, debit_kind text, debit_id uuid, amount numeric,
    is_chosen boolean)"""
APPLIED = """
SELECT d.customer_id, o.kind, o.id, 'invoice', d.id, o.amount, true
FROM own o JOIN debits d ON d.kind = 'invoice' AND d.id = o.invoice_id
UNION ALL
SELECT d.customer_id, 'payment', c.payment_id, 'invoice', d.id, c.amount, true
FROM chosen c JOIN debits d ON d.kind = 'invoice' AND d.id = c.invoice_id WHERE c.amount > 0
UNION ALL
SELECT f.customer_id, f.kind, f.id, o.kind, o.id,
    least(f.upto, o.upto) - greatest(f.upto - f.rest, o.upto - o.rest), false
FROM free f JOIN owed o ON o.customer_id = f.customer_id
    AND f.upto > o.upto - o.rest AND o.upto > f.upto - f.rest
WHERE f.rest > 0 AND o.rest > 0"""
#: Planned for each call: for a few customers by index, for all without. An SQL function has one plan for both, before
#: PostgreSQL 18 always, from then on after a few calls.
PLANNED_ANEW = """
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY WITH"""
PLANNED_ONCE = """
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH"""


def upgrade() -> None:
    run(f"{OPEN_ITEMS}{PLANNED_ANEW}{AS_OF}{OPEN};\nEND $$;")
    run(f"{APPLICATIONS}{PLANNED_ANEW}{AS_OF}{APPLIED};\nEND $$;")
    with op.get_context().autocommit_block():
        run("SET client_min_messages = warning;")  # not a word when there is nothing of an attempt that was cut short
        for name, columns in INDEXES.items():
            run(f"DROP INDEX CONCURRENTLY IF EXISTS {name};")
            run(f"CREATE INDEX CONCURRENTLY {name} ON {columns};")
        for name in REPLACED:
            run(f"DROP INDEX CONCURRENTLY IF EXISTS {name};")
        run("RESET client_min_messages;")


def downgrade() -> None:
    run(f"{OPEN_ITEMS}{PLANNED_ONCE}{AS_OF}{OPEN}\n$$;")
    run(f"{APPLICATIONS}{PLANNED_ONCE}{AS_OF}{APPLIED}\n$$;")
    run("\n".join(f"CREATE INDEX {name} ON {columns};" for name, columns in REPLACED.items()))
    run("\n".join(f"DROP INDEX {name};" for name in reversed(INDEXES)))
