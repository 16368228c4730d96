"""What 0055 asks of messages holds for those that were there before, too; what is due is found by index.

Why: see 0013. A bill and a reminder of it may wait side by side, so the key of what waits holds the kind.
Locks: SHARE UPDATE EXCLUSIVE on outbox_messages while it is read or indexed: nobody waits.
Undo: the former key again; a reminder that waits beside its bill is deleted by the undoing of 0055, so here the newest
    of several stays queued and the others are withdrawn.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

CHECKS = (
    "channel_known",
    "status_known",
    "recipient_fits_channel",
    "sent_iff_sent_at",
    "kind_known",
    "to_customer_or_login",
    "invoice_has_customer",
    "dedupe_key_length",
    "leased_while_queued",
    "expires_after_it_may_be_sent",
    "secret_expires",
    "secret_is_forgotten",
)
INDEXES = {
    "uq_outbox_messages_dedupe_key": "UNIQUE|(dedupe_key) WHERE dedupe_key IS NOT NULL",
    "uq_outbox_messages_waiting": "UNIQUE|(invoice_id, channel, kind)"
    " WHERE status = 'queued' AND invoice_id IS NOT NULL",
    "ix_outbox_messages_due": "|(not_before, id) WHERE status = 'queued'",
    "ix_outbox_messages_user": "|(user_id) WHERE user_id IS NOT NULL",
}


def upgrade() -> None:
    run("ALTER TABLE outbox_messages VALIDATE CONSTRAINT fk_outbox_messages_user_id;")
    for name in CHECKS:
        run(f"ALTER TABLE outbox_messages VALIDATE CONSTRAINT ck_outbox_messages_{name};")
    with op.get_context().autocommit_block():
        run("SET client_min_messages = warning;")  # not a word when there is nothing of an attempt that was cut short
        for name, of in INDEXES.items():
            unique, _, what = of.partition("|")
            run(f"DROP INDEX CONCURRENTLY IF EXISTS {name};")
            run(f"CREATE {unique} INDEX CONCURRENTLY {name} ON outbox_messages {what};")
        run("DROP INDEX CONCURRENTLY IF EXISTS uq_outbox_messages_queued;")
        run("RESET client_min_messages;")


def downgrade() -> None:
    run("""
    UPDATE outbox_messages m SET status = 'withdrawn', leased_until = NULL
    WHERE status = 'queued' AND EXISTS (SELECT FROM outbox_messages n WHERE n.status = 'queued'
        AND n.invoice_id = m.invoice_id AND n.channel = m.channel AND n.id > m.id);
    CREATE UNIQUE INDEX uq_outbox_messages_queued ON outbox_messages (invoice_id, channel)
        WHERE status = 'queued' AND invoice_id IS NOT NULL;
    DROP INDEX ix_outbox_messages_user;
    DROP INDEX ix_outbox_messages_due;
    DROP INDEX uq_outbox_messages_waiting;
    DROP INDEX uq_outbox_messages_dedupe_key;
    """)
