-- Nobody gives back what was not brought. Deferred: a correction takes back what went out and what came back, in turn.
-- refuses tr_container_balances_not_negative: more_back_than_out
CREATE FUNCTION container_balances_not_negative() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM container_balances b
        WHERE b.customer_id = NEW.customer_id AND b.container_id = NEW.container_id AND b.balance < 0) THEN
        RAISE EXCEPTION 'more containers came back from customer % than went out', NEW.customer_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_container_balances_not_negative';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_container_balances_not_negative AFTER INSERT OR UPDATE ON container_balances
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.balance < 0)
    EXECUTE FUNCTION container_balances_not_negative();
