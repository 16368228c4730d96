-- A draft that ends before a day delivered on it would bill that day outside its period. Deferred: cutting a draft and
-- moving its later orders are two statements.
-- refuses tr_invoices_end_after_their_orders: illegal_transition
CREATE FUNCTION invoices_end_after_their_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders o JOIN invoices i ON i.id = o.invoice_id
        WHERE i.id = NEW.id AND i.status = 'draft' AND o.delivered_on > i.period_end)
        OR EXISTS (SELECT FROM adjustments a JOIN invoices i ON i.id = a.invoice_id
            WHERE i.id = NEW.id AND i.status = 'draft' AND a.adjusted_on > i.period_end) THEN
        RAISE EXCEPTION 'draft % holds what came after its end', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_end_after_their_orders';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_invoices_end_after_their_orders AFTER UPDATE OF period_end ON invoices
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.period_end < OLD.period_end)
    EXECUTE FUNCTION invoices_end_after_their_orders();
