"""Orders, invoices and payments that changed since a moment are found by an index.

Why: other programs ask for them every few minutes (updated_since); without an index they would read all that ever was.
Locks: SHARE UPDATE EXCLUSIVE on each table while its index is built: nobody waits.
Undo: drops the indexes.
"""

from dairy_app.common.revisions import in_steps, run

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

INDEXES = {"ix_orders_updated": "orders", "ix_invoices_updated": "invoices", "ix_payments_updated": "payments"}


def upgrade() -> None:
    steps = ["SET client_min_messages = warning;"]  # not a word when there is nothing of an attempt that was cut short
    for name, table in INDEXES.items():
        steps += [
            f"DROP INDEX CONCURRENTLY IF EXISTS {name};",
            f"CREATE INDEX CONCURRENTLY {name} ON {table} (updated_at);",
        ]
    in_steps([*steps, "RESET client_min_messages;"])


def downgrade() -> None:
    for name in INDEXES:
        run(f"DROP INDEX {name};")
