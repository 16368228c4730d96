"""What 0052 asks of settings and customers holds for those that were there before, too; who has a limit is indexed.

Why: see 0013. A dairy without limits learns from an empty index that nobody has one.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read or indexed: nobody waits.
Undo: drops the index.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
    ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_minimum_order_amount_not_negative;
    ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_on_credit_limit_known;
    ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_payment_terms_known;
    ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_credit_limit_not_negative;
    """)
    with op.get_context().autocommit_block():
        run("SET client_min_messages = warning;")  # not a word when there is nothing of an attempt that was cut short
        run("DROP INDEX CONCURRENTLY IF EXISTS ix_customers_limited;")
        run(
            "CREATE INDEX CONCURRENTLY ix_customers_limited ON customers (id)"
            " WHERE credit_limit IS NOT NULL OR payment_terms = 'prepaid';"
        )
        run("RESET client_min_messages;")


def downgrade() -> None:
    run("DROP INDEX ix_customers_limited;")
