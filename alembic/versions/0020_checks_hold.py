"""The CHECKs of 0019 hold for the rows that were there before, too; an IRN is one paper's.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read or indexed: nobody waits.
Undo: drops the index.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
INDEX = (
    "SET client_min_messages = warning;",
    "DROP INDEX CONCURRENTLY IF EXISTS uq_invoices_irn;",
    "CREATE UNIQUE INDEX CONCURRENTLY uq_invoices_irn ON invoices (irn) WHERE irn IS NOT NULL;",
    "RESET client_min_messages;",
)

VALIDATE = """
ALTER TABLE invoices VALIDATE CONSTRAINT ck_invoices_registered_whole;
ALTER TABLE invoices VALIDATE CONSTRAINT ck_invoices_registered_tax_invoice;
ALTER TABLE invoices VALIDATE CONSTRAINT ck_invoices_irn_format;
ALTER TABLE invoices VALIDATE CONSTRAINT ck_invoices_ack_no_format;
ALTER TABLE invoices VALIDATE CONSTRAINT ck_invoices_signed_qr_format;
ALTER TABLE tax_classes VALIDATE CONSTRAINT ck_tax_classes_code_format;
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in INDEX:
            run(statement)
    run(VALIDATE)


def downgrade() -> None:
    run("DROP INDEX uq_invoices_irn;")
