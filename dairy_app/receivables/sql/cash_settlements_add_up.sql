-- Deferred: a settlement and its payments and refunds are several rows.
-- refuses tr_cash_settlements_add_up: validation_failed
CREATE FUNCTION cash_settlements_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    settlement cash_settlements;
BEGIN
    IF TG_TABLE_NAME = 'cash_settlements' THEN
        settlement := NEW;
    ELSE
        SELECT * INTO settlement FROM cash_settlements WHERE id = NEW.cash_settlement_id;
    END IF;
    IF settlement.expected <> (SELECT coalesce(sum(amount), 0) FROM payments WHERE cash_settlement_id = settlement.id)
            - (SELECT coalesce(sum(amount), 0) FROM refunds WHERE cash_settlement_id = settlement.id)
        OR EXISTS (SELECT FROM payments WHERE cash_settlement_id = settlement.id
            AND (collected_by <> settlement.staff_id OR received_on > settlement.settled_for))
        OR EXISTS (SELECT FROM refunds WHERE cash_settlement_id = settlement.id
            AND (paid_by <> settlement.staff_id OR paid_on > settlement.settled_for)) THEN
        RAISE EXCEPTION 'a settlement expects what its payments come to, less its refunds'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_cash_settlements_add_up';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_cash_settlements_add_up AFTER INSERT ON cash_settlements
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cash_settlements_add_up();
CREATE CONSTRAINT TRIGGER tr_cash_settlements_add_up AFTER INSERT OR UPDATE OF cash_settlement_id ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.cash_settlement_id IS NOT NULL)
    EXECUTE FUNCTION cash_settlements_add_up();
CREATE CONSTRAINT TRIGGER tr_cash_settlements_add_up AFTER INSERT OR UPDATE OF cash_settlement_id ON refunds
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.cash_settlement_id IS NOT NULL)
    EXECUTE FUNCTION cash_settlements_add_up();
