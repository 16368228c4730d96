-- A balance is written by the movements only; one that is nothing may go (a merge).
-- refuses tr_container_balances_are_sums: illegal_transition
CREATE FUNCTION container_balances_are_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.balance = 0 THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a balance of containers is the sum of their movements'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_container_balances_are_sums';
END $$;
CREATE TRIGGER tr_container_balances_are_sums BEFORE INSERT OR UPDATE OR DELETE ON container_balances
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION container_balances_are_sums();
