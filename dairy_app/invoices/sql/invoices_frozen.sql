-- A draft may change, and be issued or deleted. An issued invoice may only be voided, and registered once with the
-- government's portal; with its customer it goes to the one that this one was merged into, and keeps whose it was.
-- refuses tr_invoices_frozen: invoice_issued
-- refuses tr_invoices_return_filed: return_filed
CREATE FUNCTION invoices_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF OLD.status = 'draft' AND NEW.status IN ('draft', 'issued')
        AND NEW.id = OLD.id AND NEW.customer_id = OLD.customer_id AND NEW.issued_to IS NULL
        AND NEW.companion_of IS NOT DISTINCT FROM OLD.companion_of THEN
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND NEW.status = 'void'
        AND to_jsonb(NEW) - '{status,void_reason,voided_at,voided_by,voided_after_return,updated_at}'::text[]
          = to_jsonb(OLD) - '{status,void_reason,voided_at,voided_by,voided_after_return,updated_at}'::text[] THEN
        IF NOT NEW.voided_after_return
            AND OLD.invoice_date <= returns_filed_through((NEW.voided_at AT TIME ZONE
                (SELECT time_zone FROM settings))::date) THEN
            RAISE EXCEPTION 'the return that holds invoice % is filed', OLD.number
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_return_filed';
        END IF;
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND OLD.irn IS NULL AND NEW.irn IS NOT NULL
        AND to_jsonb(NEW) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[]
          = to_jsonb(OLD) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[] THEN
        RETURN NEW;
    ELSIF OLD.status <> 'draft' AND TG_OP = 'UPDATE' AND follows_merge(OLD.customer_id, NEW.customer_id)
        AND NEW.issued_to IS NOT DISTINCT FROM
            (CASE WHEN OLD.status <> 'external' THEN coalesce(OLD.issued_to, OLD.customer_id) END)
        AND to_jsonb(NEW) - '{customer_id,issued_to,updated_at}'::text[]
          = to_jsonb(OLD) - '{customer_id,issued_to,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'invoice % is % and can no longer change', coalesce(OLD.number, OLD.id::text), OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_frozen';
END $$;
CREATE TRIGGER tr_invoices_frozen BEFORE UPDATE OR DELETE ON invoices
    FOR EACH ROW EXECUTE FUNCTION invoices_frozen();
