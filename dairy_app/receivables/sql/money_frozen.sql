-- Rows of money are written once. A write-off goes to the customer that its customer was merged into.
-- refuses tr_money_frozen: illegal_transition
CREATE FUNCTION money_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'write_offs' AND TG_OP = 'UPDATE' THEN
        IF follows_merge(OLD.customer_id, NEW.customer_id)
            AND to_jsonb(NEW) - '{customer_id,updated_at}'::text[]
              = to_jsonb(OLD) - '{customer_id,updated_at}'::text[] THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
END $$;
CREATE TRIGGER tr_money_frozen BEFORE DELETE ON payments FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE DELETE ON payment_allocations FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE DELETE ON refunds FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE UPDATE OR DELETE ON write_offs FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE UPDATE OR DELETE ON cash_settlements
    FOR EACH ROW EXECUTE FUNCTION money_frozen();
