"""What 0043 brought holds for the rows that were there before, too; a phone's key is found by index.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read or indexed: nobody waits.
Undo: drops the index.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

VALIDATE = """
ALTER TABLE payments VALIDATE CONSTRAINT fk_payments_shared_link_id;
ALTER TABLE payments VALIDATE CONSTRAINT ck_payments_links_take_cash;
ALTER TABLE shared_link_events VALIDATE CONSTRAINT ck_shared_link_events_action_known;
"""


def upgrade() -> None:
    run(VALIDATE)
    with op.get_context().autocommit_block():
        run("SET client_min_messages = warning;")  # not a word when there is nothing of an attempt that was cut short
        run("DROP INDEX CONCURRENTLY IF EXISTS uq_payments_client_event;")
        run(
            "CREATE UNIQUE INDEX CONCURRENTLY uq_payments_client_event ON payments (client_event_id)"
            " WHERE client_event_id IS NOT NULL;"
        )
        run("RESET client_min_messages;")


def downgrade() -> None:
    run("DROP INDEX uq_payments_client_event;")
