"""The outbox of messages to customers, and what the papers ask of the settings.

Why: invoices went to customers by hand. What is to be sent waits in a table for a sender of one's own; links to
    invoices carry a version, so that all links ever given out can be ended.
Locks: ACCESS EXCLUSIVE on settings for a moment (its CHECKs are added NOT VALID; 0018 validates them). The foreign keys
    of the new table, and a trigger, take SHARE ROW EXCLUSIVE on customers and invoices for a moment.
Undo: drops them; refuses while there is a message, or links were ended (they would come back), unless told. The
    settings are forgotten.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SETTINGS = """
ALTER TABLE settings ADD COLUMN second_language text DEFAULT 'hi';
ALTER TABLE settings ADD COLUMN invoice_footer text;
ALTER TABLE settings ADD COLUMN invoice_link_version integer DEFAULT 1 NOT NULL;
ALTER TABLE settings ADD CONSTRAINT ck_settings_second_language_format
    CHECK (second_language ~ '^[a-z]{2,3}$') NOT VALID;
ALTER TABLE settings ADD CONSTRAINT ck_settings_invoice_footer_length
    CHECK (length(invoice_footer) <= 500) NOT VALID;
ALTER TABLE settings ADD CONSTRAINT ck_settings_invoice_link_version_range
    CHECK (invoice_link_version > 0) NOT VALID;
"""

OUTBOX = """
CREATE TABLE outbox_messages (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    invoice_id uuid,
    channel text NOT NULL,
    recipient text NOT NULL,
    language text NOT NULL,
    subject text,
    body text NOT NULL,
    status text DEFAULT 'queued' NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    error text,
    sent_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_outbox_messages PRIMARY KEY (id),
    CONSTRAINT fk_outbox_messages_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_outbox_messages_invoice_of_customer FOREIGN KEY(invoice_id, customer_id) REFERENCES invoices (id,
        customer_id),
    CONSTRAINT ck_outbox_messages_channel_known CHECK (channel IN ('whatsapp', 'sms', 'email')),
    CONSTRAINT ck_outbox_messages_status_known CHECK (status IN ('queued', 'sent', 'failed')),
    CONSTRAINT ck_outbox_messages_recipient_fits_channel CHECK (CASE channel WHEN 'email' THEN recipient ~
        '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$' AND length(recipient) <= 254 ELSE recipient ~
        '^[+][1-9][0-9]{7,14}$' END),
    CONSTRAINT ck_outbox_messages_subject_of_email CHECK (subject IS NULL OR channel = 'email'),
    CONSTRAINT ck_outbox_messages_sent_iff_sent_at CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT ck_outbox_messages_failed_has_error CHECK (status <> 'failed' OR error IS NOT NULL),
    CONSTRAINT ck_outbox_messages_attempts_not_negative CHECK (attempts >= 0),
    CONSTRAINT ck_outbox_messages_language_format CHECK (language ~ '^[a-z]{2,3}$'),
    CONSTRAINT ck_outbox_messages_text_lengths CHECK (length(subject) <= 200 AND length(error) <= 500 AND
        length(body) BETWEEN 1 AND 4000)
);
CREATE UNIQUE INDEX uq_outbox_messages_queued ON outbox_messages (invoice_id, channel)
    WHERE status = 'queued' AND invoice_id IS NOT NULL;
CREATE INDEX ix_outbox_messages_queued ON outbox_messages (id) WHERE status = 'queued';
CREATE INDEX ix_outbox_messages_invoice ON outbox_messages (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX ix_outbox_messages_customer ON outbox_messages (customer_id);
CREATE FUNCTION outbox_messages_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'queued' AND to_jsonb(NEW) - '{status,attempts,error,sent_at,updated_at}'::text[]
        = to_jsonb(OLD) - '{status,attempts,error,sent_at,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'outbox message % is % and stays as it is', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_outbox_messages_stand';
END $$;
CREATE TRIGGER tr_outbox_messages_stand BEFORE UPDATE ON outbox_messages
    FOR EACH ROW EXECUTE FUNCTION outbox_messages_stand();
CREATE FUNCTION outbox_messages_of_void_papers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE outbox_messages SET status = 'failed', error = 'the invoice is void', updated_at = now()
    WHERE invoice_id = NEW.id AND status = 'queued';
    RETURN NULL;
END $$;
CREATE TRIGGER tr_outbox_messages_of_void_papers AFTER UPDATE OF status ON invoices
    FOR EACH ROW WHEN (NEW.status = 'void') EXECUTE FUNCTION outbox_messages_of_void_papers();
"""


def upgrade() -> None:
    run(SETTINGS)
    run(OUTBOX)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM outbox_messages", "messages to customers")
    refuse_data_loss("SELECT FROM settings WHERE invoice_link_version > 1", "that links to bills were ended")
    run("""
DROP TRIGGER tr_outbox_messages_of_void_papers ON invoices;
DROP FUNCTION outbox_messages_of_void_papers();
DROP TABLE outbox_messages;
DROP FUNCTION outbox_messages_stand();
ALTER TABLE settings DROP COLUMN second_language;
ALTER TABLE settings DROP COLUMN invoice_footer;
ALTER TABLE settings DROP COLUMN invoice_link_version;
""")
