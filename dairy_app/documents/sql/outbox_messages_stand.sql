-- A message is written once, and one that was sent stays sent. It goes to the customer that its customer was merged
-- into.
-- refuses tr_outbox_messages_stand: illegal_transition
CREATE FUNCTION outbox_messages_stand() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER tr_outbox_messages_stand BEFORE UPDATE ON outbox_messages
    FOR EACH ROW EXECUTE FUNCTION outbox_messages_stand();
