"""What 0050 asks of invoice lines holds for those that were there before, too; the index of their rules.

Why: see 0013. A rule by which a bill was made is not deleted, which is asked of the lines.
Locks: SHARE UPDATE EXCLUSIVE on invoice_lines while they are read and indexed: nobody waits.
Undo: drops the index.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
INDEXES = (
    "SET client_min_messages = warning;",
    "DROP INDEX CONCURRENTLY IF EXISTS ix_invoice_lines_charge_rule;",
    "CREATE INDEX CONCURRENTLY ix_invoice_lines_charge_rule"
    " ON invoice_lines (charge_rule_id) WHERE charge_rule_id IS NOT NULL;",
    "RESET client_min_messages;",
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            run(statement)
    run("ALTER TABLE invoice_lines VALIDATE CONSTRAINT fk_invoice_lines_charge_rule_id;")
    run("ALTER TABLE invoice_lines VALIDATE CONSTRAINT ck_invoice_lines_source_known;")
    run("ALTER TABLE invoice_lines VALIDATE CONSTRAINT ck_invoice_lines_charge_has_rule;")
    run("ALTER TABLE invoice_lines VALIDATE CONSTRAINT ck_invoice_lines_charged_by_rule;")


def downgrade() -> None:
    run("DROP INDEX ix_invoice_lines_charge_rule;")
