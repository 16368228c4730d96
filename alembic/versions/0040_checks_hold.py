"""What 0039 brought holds for the rows that were there before, too; its indexes.

Why: see 0013. Reopening a day looks for the orders that its closing cancelled.
Locks: SHARE UPDATE EXCLUSIVE on orders and subscription_pauses while they are read and indexed: nobody waits.
Undo: drops the indexes.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
INDEXES = (
    "SET client_min_messages = warning;",
    "DROP INDEX CONCURRENTLY IF EXISTS ix_orders_closed_day;",
    "CREATE INDEX CONCURRENTLY ix_orders_closed_day ON orders (closed_day_id) WHERE closed_day_id IS NOT NULL;",
    "DROP INDEX CONCURRENTLY IF EXISTS uq_subscription_pauses_household;",
    "CREATE UNIQUE INDEX CONCURRENTLY uq_subscription_pauses_household"
    " ON subscription_pauses (household_pause_id, subscription_id) WHERE household_pause_id IS NOT NULL;",
    "RESET client_min_messages;",
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            run(statement)
    run("ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_closed_day_id;")
    run("ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_closed_day_fits;")


def downgrade() -> None:
    run("""
DROP INDEX uq_subscription_pauses_household;
DROP INDEX ix_orders_closed_day;
""")
