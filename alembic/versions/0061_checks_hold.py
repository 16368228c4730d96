"""What 0060 asks of customers and messages holds for those that were there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read: nobody waits.
Undo: nothing to undo.
"""

from dairy_app.common.revisions import run

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
    ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_channel_known;
    ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_messages_off_known;
    ALTER TABLE outbox_messages VALIDATE CONSTRAINT ck_outbox_messages_quiet_is_a_span;
    """)


def downgrade() -> None:
    """The CHECKs go with their columns, in 0060."""
