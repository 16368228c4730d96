-- A line is written once, on a draft too.
-- refuses tr_invoice_lines_frozen: invoice_issued
CREATE FUNCTION invoice_lines_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an invoice line is written once'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoice_lines_frozen';
END $$;
CREATE TRIGGER tr_invoice_lines_never_change BEFORE UPDATE ON invoice_lines
    FOR EACH ROW EXECUTE FUNCTION invoice_lines_never_change();
