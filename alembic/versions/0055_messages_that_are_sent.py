"""Messages are leased, sent and marked by this program; some go to a login, and some are secret.

Why: the outbox was emptied by programs of others, and nothing kept two of them from sending the same message. A
    message now says what it is about, from when on it may be sent, until when, and who has it in hand. The text of a
    secret one is forgotten when it no longer waits. What a void invoice or a revoked link takes back is withdrawn: it
    did not fail, and nobody is to try it again.
Locks: ACCESS EXCLUSIVE on outbox_messages for a moment: the new columns have constant defaults, so no row is written,
    and the CHECKs and the key are NOT VALID. 0056 validates them and builds the indexes. A column gets another name: a
    server of the earlier version goes on queuing, but cannot show the outbox until its program is replaced.
Undo: refuses while there are messages of a new kind, to logins or by the new channel, or told as delivered, unless
    told: they are deleted then, and delivered is sent.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

PHONE = "recipient ~ '^[+][1-9][0-9]{7,14}$'"
EMAIL = "(recipient ~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$' AND length(recipient) <= 254)"

COLUMNS = """
-- A server of the earlier version cannot show the outbox until its program is replaced, too.
-- squawk-ignore renaming-column
ALTER TABLE outbox_messages RENAME COLUMN error TO last_error;
ALTER TABLE outbox_messages ADD COLUMN user_id uuid;
ALTER TABLE outbox_messages ADD COLUMN kind text DEFAULT 'bill' NOT NULL;
ALTER TABLE outbox_messages ADD COLUMN dedupe_key text;
ALTER TABLE outbox_messages ADD COLUMN not_before timestamp with time zone DEFAULT now() NOT NULL;
ALTER TABLE outbox_messages ADD COLUMN expires_at timestamp with time zone;
ALTER TABLE outbox_messages ADD COLUMN leased_until timestamp with time zone;
ALTER TABLE outbox_messages ADD COLUMN secret boolean DEFAULT false NOT NULL;
-- squawk-ignore ban-drop-not-null
ALTER TABLE outbox_messages ALTER COLUMN customer_id DROP NOT NULL;
-- squawk-ignore ban-drop-not-null
ALTER TABLE outbox_messages ALTER COLUMN body DROP NOT NULL;
COMMENT ON TABLE outbox_messages IS
    'One message to one customer, or to one login, written as it shall be sent. A sender leases it, sends it, says so.';
COMMENT ON COLUMN outbox_messages.body IS 'NULL: it was secret and no longer waits.';
COMMENT ON COLUMN outbox_messages.attempts IS 'How often a sender tried, since it was queued or last put back.';
COMMENT ON COLUMN outbox_messages.last_error IS 'What the last try failed with, or why it was withdrawn.';
COMMENT ON COLUMN outbox_messages.user_id IS 'The login that it goes to; NULL: it goes to a customer.';
COMMENT ON COLUMN outbox_messages.kind IS 'What it is about.';
COMMENT ON COLUMN outbox_messages.dedupe_key IS
    'Says what must be told once: a second message with the same key is not queued.';
COMMENT ON COLUMN outbox_messages.not_before IS 'No sender takes it earlier.';
COMMENT ON COLUMN outbox_messages.expires_at IS 'No sender takes it from then on; it has failed.';
COMMENT ON COLUMN outbox_messages.leased_until IS
    'Until then it is one sender''s; the instant is also what that sender is known by.';
COMMENT ON COLUMN outbox_messages.secret IS 'Whether its text is shown to nobody but the recipient.';
"""

KNOWN = f"""
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_channel_known
    CHECK (channel IN ('whatsapp', 'sms', 'email', 'webhook')) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_status_known
    CHECK (status IN ('queued', 'sent', 'delivered', 'failed', 'withdrawn')) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_recipient_fits_channel
    CHECK (CASE channel WHEN 'email' THEN {EMAIL} WHEN 'webhook' THEN {PHONE} OR {EMAIL} ELSE {PHONE} END) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_sent_iff_sent_at
    CHECK ((status IN ('sent', 'delivered')) = (sent_at IS NOT NULL)) NOT VALID;
"""
KNOWN_BEFORE = f"""
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_channel_known
    CHECK (channel IN ('whatsapp', 'sms', 'email'));
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_status_known
    CHECK (status IN ('queued', 'sent', 'failed', 'withdrawn'));
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_recipient_fits_channel
    CHECK (CASE channel WHEN 'email' THEN {EMAIL[1:-1]} ELSE {PHONE} END);
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_sent_iff_sent_at
    CHECK ((status = 'sent') = (sent_at IS NOT NULL));
"""
DROP_KNOWN = """
-- Others take their places at once.
-- squawk-ignore ban-drop-constraint
ALTER TABLE outbox_messages DROP CONSTRAINT ck_outbox_messages_channel_known;
-- squawk-ignore ban-drop-constraint
ALTER TABLE outbox_messages DROP CONSTRAINT ck_outbox_messages_status_known;
-- squawk-ignore ban-drop-constraint
ALTER TABLE outbox_messages DROP CONSTRAINT ck_outbox_messages_recipient_fits_channel;
-- squawk-ignore ban-drop-constraint
ALTER TABLE outbox_messages DROP CONSTRAINT ck_outbox_messages_sent_iff_sent_at;
"""

CHECKS = """
ALTER TABLE outbox_messages ADD CONSTRAINT fk_outbox_messages_user_id
    FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_kind_known
    CHECK (kind IN ('bill', 'payment_received', 'reminder', 'low_balance', 'pause_confirmed', 'change_confirmed',
        'not_delivered', 'login_code')) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_to_customer_or_login
    CHECK (num_nonnulls(customer_id, user_id) = 1) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_invoice_has_customer
    CHECK (invoice_id IS NULL OR customer_id IS NOT NULL) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_dedupe_key_length
    CHECK (length(dedupe_key) BETWEEN 1 AND 200) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_leased_while_queued
    CHECK (leased_until IS NULL OR status = 'queued') NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_expires_after_it_may_be_sent
    CHECK (expires_at > not_before) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_secret_expires
    CHECK (NOT secret OR expires_at IS NOT NULL) NOT VALID;
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_secret_is_forgotten
    CHECK ((body IS NULL) = (secret AND status <> 'queued')) NOT VALID;
"""

FUNCTIONS = """
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
CREATE FUNCTION outbox_messages_follow_merge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT follows_merge(OLD.customer_id, NEW.customer_id) THEN
        RAISE EXCEPTION 'outbox message % stays with its customer', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_outbox_messages_follow_merge';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_outbox_messages_follow_merge BEFORE UPDATE OF customer_id ON outbox_messages
    FOR EACH ROW WHEN (NEW.customer_id IS DISTINCT FROM OLD.customer_id)
    EXECUTE FUNCTION outbox_messages_follow_merge();
CREATE OR REPLACE FUNCTION outbox_messages_of_void_papers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE outbox_messages SET status = 'withdrawn', last_error = 'the invoice is void', updated_at = now()
    WHERE invoice_id = NEW.id AND status = 'queued' AND leased_until IS NULL;
    RETURN NULL;
END $$;
"""

FUNCTIONS_BEFORE = """
CREATE OR REPLACE FUNCTION outbox_messages_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'queued' AND to_jsonb(NEW) - '{status,attempts,error,sent_at,updated_at}'::text[]
        = to_jsonb(OLD) - '{status,attempts,error,sent_at,updated_at}'::text[] THEN
        RETURN NEW;
    ELSIF follows_merge(OLD.customer_id, NEW.customer_id)
        AND to_jsonb(NEW) - '{customer_id,updated_at}'::text[] = to_jsonb(OLD) - '{customer_id,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'outbox message % is % and stays as it is', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_outbox_messages_stand';
END $$;
DROP TRIGGER tr_outbox_messages_follow_merge ON outbox_messages;
DROP FUNCTION outbox_messages_follow_merge();
CREATE OR REPLACE FUNCTION outbox_messages_of_void_papers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE outbox_messages SET status = 'failed', error = 'the invoice is void', updated_at = now()
    WHERE invoice_id = NEW.id AND status = 'queued';
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    run(COLUMNS)
    run(DROP_KNOWN)
    run(KNOWN)
    run(CHECKS)
    run(FUNCTIONS)


def downgrade() -> None:
    refuse_data_loss(
        "SELECT FROM outbox_messages WHERE kind <> 'bill' OR channel = 'webhook' OR status = 'delivered'"
        " OR user_id IS NOT NULL",
        "messages that are not bills, go to logins or were delivered",
    )
    run("""
    DELETE FROM outbox_messages WHERE kind <> 'bill' OR channel = 'webhook' OR user_id IS NOT NULL;
    ALTER TABLE outbox_messages DISABLE TRIGGER tr_outbox_messages_stand;
    UPDATE outbox_messages SET status = CASE status WHEN 'delivered' THEN 'sent' ELSE status END,
        body = coalesce(body, '-')
    WHERE status = 'delivered' OR body IS NULL;
    ALTER TABLE outbox_messages ENABLE TRIGGER tr_outbox_messages_stand;
    """)
    run(DROP_KNOWN)
    run("""
    ALTER TABLE outbox_messages DROP CONSTRAINT ck_outbox_messages_invoice_has_customer;
    ALTER TABLE outbox_messages DROP COLUMN secret;
    ALTER TABLE outbox_messages DROP COLUMN leased_until;
    ALTER TABLE outbox_messages DROP COLUMN expires_at;
    ALTER TABLE outbox_messages DROP COLUMN not_before;
    ALTER TABLE outbox_messages DROP COLUMN dedupe_key;
    ALTER TABLE outbox_messages DROP COLUMN kind;
    ALTER TABLE outbox_messages DROP COLUMN user_id;
    ALTER TABLE outbox_messages ALTER COLUMN customer_id SET NOT NULL;
    ALTER TABLE outbox_messages ALTER COLUMN body SET NOT NULL;
    ALTER TABLE outbox_messages RENAME COLUMN last_error TO error;
    COMMENT ON COLUMN outbox_messages.body IS NULL;
    COMMENT ON COLUMN outbox_messages.attempts IS 'How often a sender tried.';
    COMMENT ON COLUMN outbox_messages.error IS 'What the last try failed with.';
    COMMENT ON TABLE outbox_messages IS
        'One message to one customer, written as it shall be sent. Nothing here sends: a sender takes it from here.';
    """)
    run(KNOWN_BEFORE)
    run(FUNCTIONS_BEFORE)
