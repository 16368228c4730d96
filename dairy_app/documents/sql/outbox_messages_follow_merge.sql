-- A message goes to another customer only when its own was merged into that one.
-- refuses tr_outbox_messages_follow_merge: illegal_transition
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
