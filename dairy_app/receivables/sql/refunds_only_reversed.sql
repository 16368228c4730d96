-- What a refund may still learn: that it was reversed, or with which settlement its cash was set off (not both: nobody
-- would owe that cash), and that its customer was merged into another.
-- refuses tr_money_frozen: illegal_transition
CREATE FUNCTION refunds_only_reversed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := '{status,reversed_on,reversal_reason,reversed_by,cash_settlement_id,updated_at}';
BEGIN
    IF NEW.customer_id <> OLD.customer_id AND follows_merge(OLD.customer_id, NEW.customer_id) THEN
        may_change := may_change || '{customer_id}';
    END IF;
    IF to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change
        OR (OLD.status = 'reversed' AND (NEW.status, NEW.reversed_on, NEW.reversal_reason, NEW.reversed_by)
            IS DISTINCT FROM (OLD.status, OLD.reversed_on, OLD.reversal_reason, OLD.reversed_by))
        OR (OLD.cash_settlement_id IS NOT NULL AND NEW.cash_settlement_id IS DISTINCT FROM OLD.cash_settlement_id)
        OR (NEW.status = 'reversed' AND NEW.cash_settlement_id IS NOT NULL
            AND (NEW.status, NEW.cash_settlement_id) IS DISTINCT FROM (OLD.status, OLD.cash_settlement_id)) THEN
        RAISE EXCEPTION 'refund % can only be reversed', OLD.voucher_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_refunds_only_reversed BEFORE UPDATE ON refunds
    FOR EACH ROW EXECUTE FUNCTION refunds_only_reversed();
