-- An order joins a draft whose period has not ended before its day, and leaves it only for another draft. With its
-- invoice it goes to the customer that its customer was merged into.
-- refuses tr_orders_touch_only_drafts: invoice_issued
-- refuses tr_orders_within_period: illegal_transition
CREATE FUNCTION orders_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper_status text;
    paper_end date;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.invoice_id IS NOT NULL THEN
        SELECT status INTO paper_status FROM invoices WHERE id = OLD.invoice_id FOR SHARE;
        IF TG_OP = 'DELETE' OR paper_status = 'issued'
            OR (paper_status <> 'draft' AND NEW.invoice_id IS NOT DISTINCT FROM OLD.invoice_id) THEN
            IF TG_OP = 'UPDATE' AND follows_merge(OLD.customer_id, NEW.customer_id)
                AND (NEW.id, NEW.order_type, NEW.subscription_id, NEW.delivery_date, NEW.status, NEW.delivered_on,
                    NEW.invoice_id)
                IS NOT DISTINCT FROM (OLD.id, OLD.order_type, OLD.subscription_id, OLD.delivery_date, OLD.status,
                    OLD.delivered_on, OLD.invoice_id) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'order % stands on an invoice that is %', OLD.id, paper_status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_touch_only_drafts';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.invoice_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.invoice_id IS DISTINCT FROM OLD.invoice_id
        OR NEW.delivered_on IS DISTINCT FROM OLD.delivered_on) THEN
        SELECT status, period_end INTO paper_status, paper_end
        FROM invoices WHERE id = NEW.invoice_id AND companion_of IS NULL FOR SHARE;
        IF paper_status IS DISTINCT FROM 'draft'
            AND NOT (TG_OP = 'INSERT' AND NEW.source = 'import' AND paper_status = 'external') THEN
            RAISE EXCEPTION 'order % can only join a draft invoice', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_touch_only_drafts';
        ELSIF NEW.delivered_on > paper_end THEN
            RAISE EXCEPTION 'order % was delivered after the invoice''s period ended', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_within_period';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_orders_touch_only_drafts_insert BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.invoice_id IS NOT NULL) EXECUTE FUNCTION orders_touch_only_drafts();
CREATE TRIGGER tr_orders_touch_only_drafts_update
    BEFORE UPDATE OF id, customer_id, order_type, subscription_id, delivery_date, status, delivered_on, invoice_id
    ON orders FOR EACH ROW WHEN (OLD.invoice_id IS NOT NULL OR NEW.invoice_id IS NOT NULL)
    EXECUTE FUNCTION orders_touch_only_drafts();
CREATE TRIGGER tr_orders_touch_only_drafts_delete BEFORE DELETE ON orders
    FOR EACH ROW WHEN (OLD.invoice_id IS NOT NULL) EXECUTE FUNCTION orders_touch_only_drafts();
