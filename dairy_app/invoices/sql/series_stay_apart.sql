-- Documents of two kinds in one series would take numbers from one row, and break each other's chain of hashes.
-- refuses tr_settings_series_stay_apart: in_use
CREATE FUNCTION series_stay_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM credit_notes WHERE series IN (NEW.invoice_series, NEW.debit_note_series))
        OR EXISTS (SELECT FROM invoices WHERE series IN (NEW.credit_note_series, NEW.debit_note_series))
        OR EXISTS (SELECT FROM debit_notes WHERE series IN (NEW.invoice_series, NEW.credit_note_series)) THEN
        RAISE EXCEPTION 'a series is of invoices, of credit notes or of debit notes, never of several'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_settings_series_stay_apart';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_settings_series_stay_apart
    BEFORE UPDATE OF invoice_series, credit_note_series, debit_note_series ON settings
    FOR EACH ROW EXECUTE FUNCTION series_stay_apart();
