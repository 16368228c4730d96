-- A debit note is final from the moment it is written, as a credit note is.
-- refuses tr_debit_notes_frozen: illegal_transition
CREATE FUNCTION debit_notes_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'debit_notes' AND TG_OP = 'UPDATE' THEN
        IF follows_merge(OLD.customer_id, NEW.customer_id)
            AND NEW.issued_to = coalesce(OLD.issued_to, OLD.customer_id)
            AND to_jsonb(NEW) - '{customer_id,issued_to,updated_at}'::text[]
              = to_jsonb(OLD) - '{customer_id,issued_to,updated_at}'::text[] THEN
            RETURN NEW;
        ELSIF OLD.irn IS NULL AND NEW.irn IS NOT NULL
            AND EXISTS (SELECT FROM invoices WHERE id = OLD.invoice_id AND document_type = 'tax_invoice')
            AND to_jsonb(NEW) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[]
              = to_jsonb(OLD) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[] THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a debit note is written once'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_frozen';
END $$;
CREATE TRIGGER tr_debit_notes_frozen BEFORE UPDATE OR DELETE ON debit_notes
    FOR EACH ROW EXECUTE FUNCTION debit_notes_frozen();
CREATE TRIGGER tr_debit_note_lines_frozen BEFORE UPDATE OR DELETE ON debit_note_lines
    FOR EACH ROW EXECUTE FUNCTION debit_notes_frozen();
