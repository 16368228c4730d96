"""What 0022 brought holds for the rows that were there before, too; one reference is one payment.

Why: see 0013. A payment's reference is unique for every method, read without its wrapping.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read or indexed: nobody waits.
Undo: brings back the index that knew only transfers.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

VALIDATE = """
ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_returns_filed_through_finite;
ALTER TABLE settings VALIDATE CONSTRAINT fk_settings_default_adjustment_class;
ALTER TABLE invoices VALIDATE CONSTRAINT ck_invoices_only_void_after_return;
ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_area_id;
"""

#: Two that were taken before stop the upgrade here, before anything of it is done, and are named.
REFUSE_DOUBLES = """
DO $$
DECLARE
    found text;
BEGIN
    SELECT string_agg(twice.receipts, '; ') INTO found FROM (
        SELECT string_agg(receipt_no, ', ' ORDER BY receipt_no) AS receipts FROM payments
        WHERE status = 'received' AND method <> 'cash' AND reference IS NOT NULL
        GROUP BY CASE WHEN method = 'cheque' THEN customer_id END, bare_reference(reference)
        HAVING count(*) > 1 ORDER BY 1 LIMIT 20) twice;
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'one reference on several payments: %', found
            USING HINT = 'Reverse those that were entered twice (POST /payments/{id}/reverse), then upgrade again.';
    END IF;
END $$;
"""

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
INDEXES = (
    "SET client_min_messages = warning;",
    "DROP INDEX CONCURRENTLY IF EXISTS uq_payments_cheque;",
    "DROP INDEX CONCURRENTLY IF EXISTS uq_payments_bare_reference;",
    "CREATE UNIQUE INDEX CONCURRENTLY uq_payments_cheque ON payments (customer_id, bare_reference(reference))"
    " WHERE status = 'received' AND method = 'cheque';",
    "CREATE UNIQUE INDEX CONCURRENTLY uq_payments_bare_reference ON payments (bare_reference(reference))"
    " WHERE status = 'received' AND method <> 'cash' AND method <> 'cheque';",
    "DROP INDEX CONCURRENTLY IF EXISTS uq_payments_reference;",
    "RESET client_min_messages;",
)


def upgrade() -> None:
    run(REFUSE_DOUBLES)
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            run(statement)
    run("""
-- Its name is that of the rule, which clients know by its code only.
-- squawk-ignore renaming-object
ALTER INDEX uq_payments_bare_reference RENAME TO uq_payments_reference;
""")
    run(VALIDATE)


def downgrade() -> None:
    run("""
DROP INDEX uq_payments_cheque;
DROP INDEX uq_payments_reference;
CREATE UNIQUE INDEX uq_payments_reference ON payments (upper(reference))
    WHERE status = 'received' AND method IN ('upi', 'qr', 'bank_transfer');
""")
