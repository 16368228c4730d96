"""Messages go by WhatsApp, as templates that it approved, and its receipts say what became of them.

Why: whoever begins a conversation there may do so only in words that WhatsApp approved, under a name and in a language.
    A message keeps what fills them, and the id by which the receipts name it.
Locks: ACCESS EXCLUSIVE on outbox_messages and message_templates for a moment: no row is written, the CHECKs are
    NOT VALID. 0070 validates them and builds the index.
Undo: drops the columns; refused while a template has a name at WhatsApp or a receipt is expected, unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE outbox_messages ADD COLUMN told jsonb;
ALTER TABLE outbox_messages ADD COLUMN provider_id text;
COMMENT ON COLUMN outbox_messages.told IS
    'What the names of its kind stand for, where whoever sends it fills words of its own; NULL: nobody can.';
COMMENT ON COLUMN outbox_messages.provider_id IS
    'What the server that took it last knows it by; NULL: it does not say, or nobody took it.';
ALTER TABLE message_templates ADD COLUMN whatsapp_name text;
ALTER TABLE message_templates ADD COLUMN whatsapp_language text;
ALTER TABLE message_templates ADD COLUMN whatsapp_numbered boolean DEFAULT false NOT NULL;
ALTER TABLE message_templates ADD COLUMN whatsapp_document boolean DEFAULT false NOT NULL;
COMMENT ON COLUMN message_templates.whatsapp_name IS
    'The name of the template in which WhatsApp approved these words; NULL: in none.';
COMMENT ON COLUMN message_templates.whatsapp_language IS 'The language of that template, as WhatsApp has it.';
COMMENT ON COLUMN message_templates.whatsapp_numbered IS
    'Whether that template has numbers where these words have names, in the order in which they come first.';
COMMENT ON COLUMN message_templates.whatsapp_document IS
    'Whether the bill goes with it, in a header for documents.';
"""

CHECKS = """
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_told_is_open
    CHECK (told IS NULL OR jsonb_typeof(told) = 'object' AND NOT secret) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_provider_id_length
    CHECK (length(provider_id) BETWEEN 1 AND 200) NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_approved_by_whatsapp
    CHECK (whatsapp_name IS NULL OR channel IS NOT DISTINCT FROM 'whatsapp') NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_whatsapp_name_format
    CHECK (whatsapp_name ~ '^[a-z0-9_]+$' AND length(whatsapp_name) <= 512) NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_whatsapp_language_format
    CHECK (whatsapp_language ~ '^[a-z]{2,3}(_[A-Z]{2})?$') NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_whatsapp_name_has_language
    CHECK ((whatsapp_name IS NULL) = (whatsapp_language IS NULL)) NOT VALID;
ALTER TABLE message_templates ADD CONSTRAINT ck_message_templates_whatsapp_options_of_name
    CHECK (whatsapp_name IS NOT NULL OR NOT (whatsapp_numbered OR whatsapp_document)) NOT VALID;
"""

STAND = """
CREATE OR REPLACE FUNCTION outbox_messages_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate constant text[] :=
        '{status,attempts,last_error,sent_at,not_before,leased_until,provider_id,customer_id,updated_at}';
    v_moved constant text[] := '{customer_id,updated_at}';
BEGIN
    IF to_jsonb(NEW) - v_fate <> to_jsonb(OLD) - v_fate
        OR to_jsonb(NEW) - v_moved <> to_jsonb(OLD) - v_moved AND OLD.status <> 'queued'
            AND (OLD.status, NEW.status) NOT IN (('sent', 'delivered'), ('failed', 'queued'))
            AND (NEW.provider_id IS NULL OR (OLD.status, NEW.status) NOT IN
                (('sent', 'failed'), ('sent', 'queued'), ('failed', 'delivered'))) THEN
        RAISE EXCEPTION 'outbox message % is % and stays as it is', OLD.id, OLD.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_outbox_messages_stand';
    END IF;
    IF NEW.secret AND NEW.status <> 'queued' THEN
        NEW.body := NULL;
    END IF;
    RETURN NEW;
END $$;
"""
STAND_BEFORE = """
CREATE OR REPLACE FUNCTION outbox_messages_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate constant text[] :=
        '{status,attempts,last_error,sent_at,not_before,leased_until,customer_id,updated_at}';
    v_moved constant text[] := '{customer_id,updated_at}';
BEGIN
    IF to_jsonb(NEW) - v_fate <> to_jsonb(OLD) - v_fate
        OR to_jsonb(NEW) - v_moved <> to_jsonb(OLD) - v_moved AND OLD.status <> 'queued'
            AND (OLD.status, NEW.status) NOT IN (('sent', 'delivered'), ('failed', 'queued')) THEN
        RAISE EXCEPTION 'outbox message % is % and stays as it is', OLD.id, OLD.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_outbox_messages_stand';
    END IF;
    IF NEW.secret AND NEW.status <> 'queued' THEN
        NEW.body := NULL;
    END IF;
    RETURN NEW;
END $$;
"""


def upgrade() -> None:
    run(COLUMNS)
    run(CHECKS)
    run(STAND)


def downgrade() -> None:
    refuse_data_loss(
        "SELECT FROM message_templates WHERE whatsapp_name IS NOT NULL"
        " UNION ALL SELECT FROM outbox_messages WHERE provider_id IS NOT NULL",
        "names of templates at WhatsApp, or ids of messages there",
    )
    run(STAND_BEFORE)
    run("""
    ALTER TABLE message_templates DROP COLUMN whatsapp_document;
    ALTER TABLE message_templates DROP COLUMN whatsapp_numbered;
    ALTER TABLE message_templates DROP COLUMN whatsapp_language;
    ALTER TABLE message_templates DROP COLUMN whatsapp_name;
    ALTER TABLE outbox_messages DROP COLUMN provider_id;
    ALTER TABLE outbox_messages DROP COLUMN told;
    """)
