-- A reversed payment and a void invoice hold no allocation, a void invoice no write-off.
-- refuses tr_gone_papers_hold_no_money: in_use
CREATE FUNCTION gone_papers_hold_no_money() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'payments' THEN
        IF EXISTS (SELECT FROM payment_allocations WHERE payment_id = NEW.id AND released_on IS NULL) THEN
            RAISE EXCEPTION 'reversed payment % is still allocated', NEW.receipt_no
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_gone_papers_hold_no_money';
        END IF;
    ELSIF EXISTS (SELECT FROM payment_allocations WHERE invoice_id = NEW.id AND released_on IS NULL)
        OR EXISTS (SELECT FROM write_offs WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'money stands on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_gone_papers_hold_no_money';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_gone_papers_hold_no_money AFTER UPDATE OF status ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'reversed')
    EXECUTE FUNCTION gone_papers_hold_no_money();
CREATE CONSTRAINT TRIGGER tr_gone_papers_hold_no_money AFTER UPDATE OF status ON invoices
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'void')
    EXECUTE FUNCTION gone_papers_hold_no_money();
