-- A message is written once. While it waits, its fate is written; one that was sent may be told as delivered, and one
-- that failed may wait again. Who took it by an id of its own may tell later that it could not be delivered, or after
-- that that it was. The text of a secret one is forgotten when it no longer waits, whoever says so.
-- refuses tr_outbox_messages_stand: illegal_transition
CREATE FUNCTION outbox_messages_stand() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER tr_outbox_messages_stand BEFORE UPDATE ON outbox_messages
    FOR EACH ROW EXECUTE FUNCTION outbox_messages_stand();
