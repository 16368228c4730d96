"""A message is written once, what was sent stays sent, and nobody is asked to pay a paper that was made void."""

from dairy_app.database.ddl import after_tables

OUTBOX_STANDS = """
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

after_tables(OUTBOX_STANDS, {"tr_outbox_messages_stand": "illegal_transition"})
