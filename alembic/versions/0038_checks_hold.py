"""What 0037 brought holds for the rows that were there before, too; the index of who was merged into whom.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read or indexed: nobody waits.
Undo: drops the index.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
INDEXES = (
    "SET client_min_messages = warning;",
    "DROP INDEX CONCURRENTLY IF EXISTS ix_customers_merged_into;",
    "CREATE INDEX CONCURRENTLY ix_customers_merged_into ON customers (merged_into) WHERE merged_into IS NOT NULL;",
    "RESET client_min_messages;",
)

VALIDATE = """
ALTER TABLE customers VALIDATE CONSTRAINT fk_customers_merged_into;
ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_merged_whole;
ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_not_merged_into_itself;
ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_merged_is_left;
ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_merge_reason_length;
ALTER TABLE invoices VALIDATE CONSTRAINT fk_invoices_issued_to;
ALTER TABLE invoices VALIDATE CONSTRAINT ck_invoices_issued_to_another;
ALTER TABLE credit_notes VALIDATE CONSTRAINT fk_credit_notes_issued_to;
ALTER TABLE credit_notes VALIDATE CONSTRAINT ck_credit_notes_issued_to_another;
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            run(statement)
    run(VALIDATE)


def downgrade() -> None:
    run("DROP INDEX ix_customers_merged_into;")
