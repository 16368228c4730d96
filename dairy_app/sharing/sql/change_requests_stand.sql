-- A decided request is final: what was approved has been applied already.
-- refuses tr_change_requests_stand: illegal_transition
CREATE FUNCTION change_requests_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'change request % is already %', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_change_requests_stand';
END $$;
CREATE TRIGGER tr_change_requests_stand BEFORE UPDATE ON change_requests
    FOR EACH ROW WHEN (OLD.status <> 'pending') EXECUTE FUNCTION change_requests_stand();
