-- A credit note and its lines are several rows: whether they agree, and take back no more than the invoice's lines
-- have, is judged at the commit. The lock makes two notes of one invoice wait for each other, whoever writes them.
-- refuses tr_credit_notes_after_return: return_filed
-- refuses tr_credit_notes_on_issued: illegal_transition
-- refuses tr_credit_notes_add_up: validation_failed
-- refuses tr_credit_notes_whole: validation_failed
-- refuses tr_credit_notes_within_lines: credit_exceeds_line
CREATE FUNCTION credit_notes_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    note credit_notes;
    paper_status text;
BEGIN
    IF TG_TABLE_NAME = 'credit_notes' THEN
        note := NEW;
    ELSE
        SELECT * INTO note FROM credit_notes WHERE id = NEW.credit_note_id;
    END IF;
    SELECT status INTO paper_status FROM invoices WHERE id = note.invoice_id FOR NO KEY UPDATE;
    IF note.note_date <= returns_filed_through((note.issued_at AT TIME ZONE (SELECT time_zone FROM settings))::date)
        THEN
        RAISE EXCEPTION 'credit note % is dated into a month whose return is filed', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_after_return';
    ELSIF paper_status <> 'issued' THEN
        RAISE EXCEPTION 'credit note % belongs to an invoice that is %', note.number, paper_status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_on_issued';
    ELSIF (SELECT (coalesce(sum(k.taxable_value), 0), coalesce(sum(k.cgst), 0), coalesce(sum(k.sgst), 0),
                coalesce(sum(k.igst), 0), coalesce(sum(k.line_total), 0))
            FROM credit_note_lines k WHERE k.credit_note_id = note.id)
        IS DISTINCT FROM (note.taxable_value, note.cgst, note.sgst, note.igst, note.total - note.round_off) THEN
        RAISE EXCEPTION 'credit note % does not equal its lines', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_add_up';
    ELSIF EXISTS (SELECT FROM credit_note_lines k
        JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
        WHERE k.credit_note_id = note.id AND k.quantity <> trunc(k.quantity) AND l.quantity = trunc(l.quantity)
            AND l.unit IN ('piece', 'packet', 'dozen') AND l.product_id IS NOT NULL) THEN
        RAISE EXCEPTION 'credit note % takes back a part of what is sold whole', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_whole';
    ELSIF EXISTS (
        SELECT FROM invoice_lines l JOIN (
            SELECT k.invoice_line_no, sum(k.quantity) AS quantity, sum(k.taxable_value) AS taxable_value,
                sum(k.cgst) AS cgst, sum(k.igst) AS igst, sum(k.line_total) AS line_total,
                min(k.line_total * sign(l.line_total)) AS least
            FROM credit_note_lines k
            JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
            WHERE k.invoice_id = note.invoice_id GROUP BY 1) taken
            ON taken.invoice_line_no = l.line_no
        LEFT JOIN (SELECT k.invoice_line_no, sum(k.quantity) AS quantity, sum(k.taxable_value) AS taxable_value,
                sum(k.cgst) AS cgst, sum(k.igst) AS igst, sum(k.line_total) AS line_total
            FROM debit_note_lines k JOIN debit_notes n ON n.id = k.debit_note_id AND n.note_date <= note.note_date
            WHERE k.invoice_id = note.invoice_id GROUP BY 1) more ON more.invoice_line_no = l.line_no
        CROSS JOIN LATERAL (SELECT abs(l.quantity) + coalesce(more.quantity, 0) AS quantity,
            l.line_total + coalesce(more.line_total, 0) AS line_total,
            l.taxable_value + coalesce(more.taxable_value, 0) AS taxable_value,
            l.cgst + coalesce(more.cgst, 0) AS cgst, l.igst + coalesce(more.igst, 0) AS igst) charged
        WHERE l.invoice_id = note.invoice_id AND (abs(taken.quantity) > charged.quantity OR taken.least <= 0
            OR taken.line_total NOT BETWEEN least(charged.line_total, 0) AND greatest(charged.line_total, 0)
            OR taken.taxable_value NOT BETWEEN least(charged.taxable_value, 0) AND greatest(charged.taxable_value, 0)
            OR taken.cgst NOT BETWEEN least(charged.cgst, 0) AND greatest(charged.cgst, 0)
            OR taken.igst NOT BETWEEN least(charged.igst, 0) AND greatest(charged.igst, 0))) THEN
        RAISE EXCEPTION 'credit note % takes back more than a line has', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_within_lines';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_credit_notes_add_up AFTER INSERT ON credit_notes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION credit_notes_add_up();
CREATE CONSTRAINT TRIGGER tr_credit_note_lines_add_up AFTER INSERT ON credit_note_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION credit_notes_add_up();
