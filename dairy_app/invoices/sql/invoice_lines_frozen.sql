-- Lines come and go only with a draft. By key: joined with a chunk's lines, all invoices would be read.
-- refuses tr_invoice_lines_frozen: invoice_issued
CREATE FUNCTION invoice_lines_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen boolean;
BEGIN
    SELECT bool_or(status <> 'draft') INTO frozen
    FROM (SELECT status FROM invoices WHERE id = ANY (ARRAY(SELECT DISTINCT invoice_id FROM changed))
        ORDER BY id FOR SHARE) paper;
    IF frozen THEN
        RAISE EXCEPTION 'lines of an issued invoice are frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoice_lines_frozen';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_invoice_lines_frozen_insert AFTER INSERT ON invoice_lines
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION invoice_lines_frozen();
CREATE TRIGGER tr_invoice_lines_frozen_old AFTER DELETE ON invoice_lines
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION invoice_lines_frozen();
