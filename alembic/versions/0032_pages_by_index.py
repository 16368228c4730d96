"""What a page shows is found by an index, however long the dairy exists: filters, orders, payments of an invoice.

Why: these pages and look-ups read a whole table for what they showed: a login all users, a payment all allocations,
    a page of cancelled orders every order there ever was.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is indexed: nobody waits.
Undo: drops the indexes and builds the replaced ones again; orders take no writes meanwhile.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0032"
down_revision = "0030"
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


#: Planned for each call: for a few customers by index.
PLANNED_ANEW = ("open_items(uuid[], date)", "applications(uuid[], date)")


def upgrade() -> None:
    for function in PLANNED_ANEW:
        run(f"ALTER FUNCTION {function} SET plan_cache_mode = force_custom_plan;")
    with op.get_context().autocommit_block():
        run("SET client_min_messages = warning;")  # not a word when there is nothing of an attempt that was cut short
        for name, columns in INDEXES.items():
            run(f"DROP INDEX CONCURRENTLY IF EXISTS {name};")
            run(f"CREATE INDEX CONCURRENTLY {name} ON {columns};")
        for name in REPLACED:
            run(f"DROP INDEX CONCURRENTLY IF EXISTS {name};")
        run("RESET client_min_messages;")


def downgrade() -> None:
    for function in PLANNED_ANEW:
        run(f"ALTER FUNCTION {function} RESET plan_cache_mode;")
    run("\n".join(f"CREATE INDEX {name} ON {columns};" for name, columns in REPLACED.items()))
    run("\n".join(f"DROP INDEX {name};" for name in reversed(INDEXES)))
