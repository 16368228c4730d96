-- A decided request is final: what was approved has been applied already. It goes to the customer that its customer was
-- merged into.
-- refuses tr_change_requests_stand: illegal_transition
CREATE FUNCTION change_requests_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF follows_merge(OLD.customer_id, NEW.customer_id)
        AND to_jsonb(NEW) - '{customer_id,updated_at}'::text[] = to_jsonb(OLD) - '{customer_id,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'change request % is already %', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_change_requests_stand';
END $$;
CREATE TRIGGER tr_change_requests_stand BEFORE UPDATE ON change_requests
    FOR EACH ROW WHEN (OLD.status <> 'pending') EXECUTE FUNCTION change_requests_stand();
