"""What a page shows is found by an index, however long the dairy exists: filters, orders, payments of an invoice.

Why: these pages and look-ups read a whole table for what they showed: a login all users, a payment all allocations,
    a page of cancelled orders every order there ever was.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is indexed: nobody waits.
Undo: drops the indexes.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_payment_allocations_payment": "payment_allocations (payment_id)",
    "ix_users_role": "users (role, id)",
    "ix_users_inactive": "users (id) WHERE NOT is_active",
    "ix_users_old_hash": "users (id) WHERE left(password_hash, 2) = '$2'",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        run("SET client_min_messages = warning;")  # not a word when there is nothing of an attempt that was cut short
        for name, columns in INDEXES.items():
            run(f"DROP INDEX CONCURRENTLY IF EXISTS {name};")
            run(f"CREATE INDEX CONCURRENTLY {name} ON {columns};")
        run("RESET client_min_messages;")


def downgrade() -> None:
    run("\n".join(f"DROP INDEX {name};" for name in reversed(INDEXES)))
