-- Deferred: the payment that is given back may be of the same transaction. Services hold the customer's row; the lock
-- here makes psql wait too. What makes a customer owe afterwards (a cheque that bounces) is not refused.
-- refuses tr_refunds_within_credit: refund_exceeds_credit
CREATE FUNCTION refunds_within_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.customer_id FOR NO KEY UPDATE;
    IF credit_since(NEW.customer_id, NEW.paid_on) < 0 THEN
        RAISE EXCEPTION 'refund % is more than the credit', NEW.voucher_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_refunds_within_credit';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_refunds_within_credit AFTER INSERT ON refunds
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refunds_within_credit();
