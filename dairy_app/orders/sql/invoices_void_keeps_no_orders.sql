-- Deferred to the commit: by then the orders have moved to the fresh draft.
-- refuses tr_invoices_void_keeps_no_orders: illegal_transition
-- refuses tr_invoices_void_has_no_notes: in_use
-- refuses tr_invoices_archived_stay: archived
CREATE FUNCTION invoices_void_keeps_no_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM archived_orders WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'the orders of invoice % are archived', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_archived_stay';
    ELSIF EXISTS (SELECT FROM orders WHERE invoice_id = NEW.id)
        OR EXISTS (SELECT FROM adjustments WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'orders or adjustments still stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_keeps_no_orders';
    ELSIF EXISTS (SELECT FROM credit_notes WHERE invoice_id = NEW.id)
        OR EXISTS (SELECT FROM debit_notes WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'credit or debit notes stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_has_no_notes';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_invoices_void_keeps_no_orders AFTER UPDATE OF status ON invoices
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'void')
    EXECUTE FUNCTION invoices_void_keeps_no_orders();
