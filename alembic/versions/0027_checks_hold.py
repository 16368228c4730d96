"""What 0026 brought holds for the rows that were there before, too; the index of the search.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read or indexed: nobody waits.
Undo: brings back the index of how a name begins.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
INDEXES = (
    "SET client_min_messages = warning;",
    "DROP INDEX CONCURRENTLY IF EXISTS ix_customers_search;",
    "CREATE INDEX CONCURRENTLY ix_customers_search ON customers USING gin"
    " (search_text(name, code, address_line1, address_line2, city, pincode) gin_trgm_ops);",
    "DROP INDEX CONCURRENTLY IF EXISTS ix_customers_name;",
    "RESET client_min_messages;",
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            run(statement)
    run("ALTER TABLE outbox_messages VALIDATE CONSTRAINT ck_outbox_messages_status_known;")


def downgrade() -> None:
    run("""
DROP INDEX ix_customers_search;
CREATE INDEX ix_customers_name ON customers (lower(name) text_pattern_ops);
""")
