-- Credit notes and write-offs take back no more than the invoice's total and its debit notes up to their date, and not
-- before the invoice's date: so on no day is more taken back than was charged.
-- refuses tr_invoices_reduced_within_total: allocation_exceeds_balance
-- refuses tr_invoices_reduced_after_date: validation_failed
CREATE FUNCTION invoices_reduced_within_total() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper invoices;
    day date := coalesce(to_jsonb(NEW) ->> 'note_date', to_jsonb(NEW) ->> 'written_off_on')::date;
BEGIN
    SELECT * INTO paper FROM invoices WHERE id = NEW.invoice_id FOR NO KEY UPDATE;
    IF paper.status <> 'issued' OR paper.total + (SELECT coalesce(sum(n.total), 0) FROM debit_notes n
        WHERE n.invoice_id = NEW.invoice_id AND n.note_date <= day) < (SELECT coalesce(sum(amount), 0) FROM (
            SELECT total AS amount FROM credit_notes WHERE invoice_id = NEW.invoice_id
            UNION ALL SELECT amount FROM write_offs WHERE invoice_id = NEW.invoice_id) taken) THEN
        RAISE EXCEPTION 'more is taken back than invoice % has', coalesce(paper.number, NEW.invoice_id::text)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_reduced_within_total';
    ELSIF paper.invoice_date > day THEN
        RAISE EXCEPTION 'invoice % is taken back before its date', paper.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_reduced_after_date';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_invoices_reduced_within_total AFTER INSERT ON credit_notes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoices_reduced_within_total();
CREATE CONSTRAINT TRIGGER tr_invoices_reduced_within_total AFTER INSERT ON write_offs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.invoice_id IS NOT NULL)
    EXECUTE FUNCTION invoices_reduced_within_total();
