-- An adjustment joins a draft and leaves it only for another one, as an order does. With its invoice it goes to
-- the customer that its customer was merged into.
-- refuses tr_adjustments_touch_only_drafts: invoice_issued
-- refuses tr_adjustments_within_period: illegal_transition
CREATE FUNCTION adjustments_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper_status text;
    paper_end date;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT status INTO paper_status FROM invoices WHERE id = OLD.invoice_id FOR SHARE;
        IF TG_OP = 'UPDATE' AND paper_status <> 'draft' AND follows_merge(OLD.customer_id, NEW.customer_id)
            AND to_jsonb(NEW) - '{customer_id,updated_at}'::text[]
              = to_jsonb(OLD) - '{customer_id,updated_at}'::text[] THEN
            RETURN NEW;
        ELSIF paper_status = 'issued' OR (paper_status <> 'draft'
            AND (TG_OP = 'DELETE' OR NEW.invoice_id = OLD.invoice_id)) THEN
            RAISE EXCEPTION 'adjustment % stands on an invoice that is %', OLD.id, paper_status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_touch_only_drafts';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    SELECT status, period_end INTO paper_status, paper_end
    FROM invoices WHERE id = NEW.invoice_id AND companion_of IS NULL FOR SHARE;
    IF paper_status IS DISTINCT FROM 'draft' THEN
        RAISE EXCEPTION 'an adjustment can only join a draft invoice'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_touch_only_drafts';
    ELSIF NEW.adjusted_on > paper_end THEN
        RAISE EXCEPTION 'an adjustment lies after the end of its invoice'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_within_period';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_adjustments_touch_only_drafts BEFORE INSERT OR UPDATE OR DELETE ON adjustments
    FOR EACH ROW EXECUTE FUNCTION adjustments_touch_only_drafts();
