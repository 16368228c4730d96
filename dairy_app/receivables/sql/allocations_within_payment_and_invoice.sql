-- Deferred: a payment and its allocations are several rows. Services hold the customer's row; the locks here make psql
-- wait too.
-- refuses tr_allocations_within_payment: allocation_exceeds_balance
-- refuses tr_allocations_within_invoice: allocation_exceeds_balance
CREATE FUNCTION allocations_within_payment_and_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    has numeric;
    paper invoices;
BEGIN
    SELECT CASE status WHEN 'received' THEN amount ELSE 0 END INTO has
    FROM payments WHERE id = NEW.payment_id FOR NO KEY UPDATE;
    SELECT * INTO paper FROM invoices WHERE id = NEW.invoice_id FOR NO KEY UPDATE;
    -- On the day of each choice: a choice entered for a day gone by must not meet one that was released since.
    IF has < ANY (SELECT sum(b.amount) FROM payment_allocations a JOIN payment_allocations b
            ON b.payment_id = a.payment_id AND b.allocated_on <= a.allocated_on
                AND (b.released_on IS NULL OR b.released_on > a.allocated_on)
            WHERE a.payment_id = NEW.payment_id GROUP BY a.id) THEN
        RAISE EXCEPTION 'more is allocated than payment % has', NEW.payment_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_allocations_within_payment';
    ELSIF EXISTS (SELECT FROM payment_allocations WHERE id = NEW.id AND released_on IS NULL)
        AND (paper.status <> 'issued' OR paper.total < (SELECT coalesce(sum(amount), 0) FROM (
            SELECT amount FROM payment_allocations WHERE invoice_id = NEW.invoice_id AND released_on IS NULL
            UNION ALL SELECT total FROM credit_notes WHERE invoice_id = NEW.invoice_id
            UNION ALL SELECT amount FROM write_offs WHERE invoice_id = NEW.invoice_id) taken)) THEN
        RAISE EXCEPTION 'more is allocated than invoice % takes', coalesce(paper.number, NEW.invoice_id::text)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_allocations_within_invoice';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_allocations_within AFTER INSERT ON payment_allocations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION allocations_within_payment_and_invoice();
