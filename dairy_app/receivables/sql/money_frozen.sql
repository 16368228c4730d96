-- Rows of money are written once.
-- refuses tr_money_frozen: illegal_transition
CREATE FUNCTION money_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
END $$;
CREATE TRIGGER tr_money_frozen BEFORE DELETE ON payments FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE DELETE ON payment_allocations FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE DELETE ON refunds FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE UPDATE OR DELETE ON write_offs FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE UPDATE OR DELETE ON cash_settlements
    FOR EACH ROW EXECUTE FUNCTION money_frozen();
