"""Messages that wait can be taken back; customers are found by any word of their name, code and address.

Why: what was queued by mistake could only be sent or given up by a sender, and a search knew only how a name begins.
Locks: ACCESS EXCLUSIVE on outbox_messages for a moment: 0027 validates. It also builds the index.
Undo: refuses while a message is withdrawn, unless told; it is then one that failed. The extension
    stays: somebody else may use it.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(r"""
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE FUNCTION search_text(VARIADIC parts text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ' ' || lower(regexp_replace(array_to_string(parts, ' '), '[-[:space:]/,.;:#()&+]+', ' ', 'g'));
-- A wider one takes its place at once.
-- squawk-ignore ban-drop-constraint
ALTER TABLE outbox_messages DROP CONSTRAINT ck_outbox_messages_status_known;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_status_known
    CHECK (status IN ('queued', 'sent', 'failed', 'withdrawn')) NOT VALID;
""")


def downgrade() -> None:
    refuse_data_loss("SELECT FROM outbox_messages WHERE status = 'withdrawn'", "which messages were taken back")
    run("""
ALTER TABLE outbox_messages DISABLE TRIGGER tr_outbox_messages_stand;
UPDATE outbox_messages SET status = 'failed', error = 'withdrawn' WHERE status = 'withdrawn';
ALTER TABLE outbox_messages ENABLE TRIGGER tr_outbox_messages_stand;
ALTER TABLE outbox_messages DROP CONSTRAINT ck_outbox_messages_status_known;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_status_known
    CHECK (status IN ('queued', 'sent', 'failed'));
DROP FUNCTION search_text(text[]);
""")
