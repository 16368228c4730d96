"""What 0071 asks holds for what was there before, too; a receipt finds its message by index.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on the tables while they are read or indexed: nobody waits.
Undo: drops the index. That a constraint is validated cannot be taken back, and need not be: 0071 takes it back.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

CHECKS = {
    "outbox_messages": ("told_is_open", "provider_id_length"),
    "message_templates": (
        "approved_by_whatsapp",
        "whatsapp_name_format",
        "whatsapp_language_format",
        "whatsapp_name_has_language",
        "whatsapp_options_of_name",
        "whatsapp_document_of_bill",
        "kind_known",
    ),
}


def upgrade() -> None:
    for table, names in CHECKS.items():
        for name in names:
            run(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_{name};")
    with op.get_context().autocommit_block():
        run("SET client_min_messages = warning;")  # not a word when there is nothing of an attempt that was cut short
        run("DROP INDEX CONCURRENTLY IF EXISTS ix_outbox_messages_provider;")
        run(
            "CREATE INDEX CONCURRENTLY ix_outbox_messages_provider ON outbox_messages (provider_id)"
            " WHERE provider_id IS NOT NULL;"
        )
        run("RESET client_min_messages;")


def downgrade() -> None:
    run("DROP INDEX ix_outbox_messages_provider;")
