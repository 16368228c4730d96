-- A debit note equals its lines and charges them on an issued invoice, to the rates of its lines, not before its date
-- and not into a filed month. Deferred: a note and its lines are several rows.
-- refuses tr_debit_notes_after_return: return_filed
-- refuses tr_debit_notes_on_issued: illegal_transition
-- refuses tr_debit_notes_after_invoice: validation_failed
-- refuses tr_debit_notes_add_up: validation_failed
-- refuses tr_debit_notes_at_rates: validation_failed
CREATE FUNCTION debit_notes_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    note debit_notes;
    paper invoices;
    is_interstate boolean;
BEGIN
    IF TG_TABLE_NAME = 'debit_notes' THEN
        note := NEW;
    ELSE
        SELECT * INTO note FROM debit_notes WHERE id = NEW.debit_note_id;
    END IF;
    SELECT * INTO paper FROM invoices WHERE id = note.invoice_id FOR NO KEY UPDATE;
    is_interstate := paper.place_of_supply IS DISTINCT FROM paper.snapshot #>> '{seller,state_code}';
    IF note.note_date <= returns_filed_through((note.issued_at AT TIME ZONE (SELECT time_zone FROM settings))::date)
        THEN
        RAISE EXCEPTION 'debit note % is dated into a month whose return is filed', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_after_return';
    ELSIF paper.status <> 'issued' THEN
        RAISE EXCEPTION 'debit note % belongs to an invoice that is %', note.number, paper.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_on_issued';
    ELSIF note.note_date < paper.invoice_date THEN
        RAISE EXCEPTION 'debit note % is dated before its invoice', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_after_invoice';
    ELSIF (SELECT (coalesce(sum(k.taxable_value), 0), coalesce(sum(k.cgst), 0), coalesce(sum(k.sgst), 0),
                coalesce(sum(k.igst), 0), coalesce(sum(k.line_total), 0))
            FROM debit_note_lines k WHERE k.debit_note_id = note.id)
        IS DISTINCT FROM (note.taxable_value, note.cgst, note.sgst, note.igst, note.total) THEN
        RAISE EXCEPTION 'debit note % does not equal its lines', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_add_up';
    ELSIF EXISTS (SELECT FROM debit_note_lines k
        JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
        WHERE k.debit_note_id = note.id AND (l.line_total < 0 OR (l.gst_rate = 0) <> (k.taxable_value = 0)
            OR CASE WHEN is_interstate THEN k.cgst <> 0 ELSE k.igst <> 0 END
            OR abs(k.cgst + k.sgst + k.igst - k.taxable_value * l.gst_rate / 100) > 0.02)) THEN
        RAISE EXCEPTION 'debit note % is not at the rates of its invoice', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_at_rates';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_debit_notes_add_up AFTER INSERT ON debit_notes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION debit_notes_add_up();
CREATE CONSTRAINT TRIGGER tr_debit_note_lines_add_up AFTER INSERT ON debit_note_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION debit_notes_add_up();
