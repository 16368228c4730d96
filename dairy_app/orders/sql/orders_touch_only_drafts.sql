-- An order joins a draft whose period has not ended before its day, and leaves it only for another draft. It joins the
-- draft of whom its customer is billed to (payer_for), and stays with that one as long as it is on a document. With its
-- invoice it goes to the customer that its customer, or who pays for it, was merged into.
-- refuses tr_orders_touch_only_drafts: invoice_issued
-- refuses tr_orders_within_period: illegal_transition
-- refuses tr_orders_on_invoice_of_payer: payer_refused
CREATE FUNCTION orders_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper_status text;
    paper_end date;
    paper_of uuid;
    stays boolean := false;
    is_own boolean;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        stays := OLD.invoice_id IS NOT NULL
            AND (NEW.customer_id = OLD.customer_id OR follows_merge(OLD.customer_id, NEW.customer_id));
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.invoice_id IS NOT NULL THEN
        SELECT status INTO paper_status FROM invoices WHERE id = OLD.invoice_id FOR SHARE;
        IF TG_OP = 'DELETE' OR paper_status = 'issued'
            OR (paper_status <> 'draft' AND NEW.invoice_id IS NOT DISTINCT FROM OLD.invoice_id) THEN
            IF TG_OP = 'UPDATE' AND stays
                AND (NEW.customer_id, NEW.payer_id) IS DISTINCT FROM (OLD.customer_id, OLD.payer_id)
                AND (NEW.payer_id = OLD.payer_id OR follows_merge(OLD.payer_id, NEW.payer_id))
                AND (NEW.id, NEW.order_type, NEW.subscription_id, NEW.delivery_date, NEW.status, NEW.delivered_on,
                    NEW.invoice_id)
                IS NOT DISTINCT FROM (OLD.id, OLD.order_type, OLD.subscription_id, OLD.delivery_date, OLD.status,
                    OLD.delivered_on, OLD.invoice_id) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'order % stands on an invoice that is %', OLD.id, paper_status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_touch_only_drafts';
        END IF;
        stays := stays AND paper_status <> 'external';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF NEW.invoice_id IS NULL THEN
        NEW.payer_id := NULL;
        RETURN NEW;
    END IF;
    IF stays AND OLD.payer_id IS NOT NULL
        AND (NEW.invoice_id, NEW.delivered_on) IS NOT DISTINCT FROM (OLD.invoice_id, OLD.delivered_on) THEN
        NEW.payer_id := OLD.payer_id;
        RETURN NEW;
    END IF;
    SELECT status, period_end, customer_id INTO paper_status, paper_end, paper_of
    FROM invoices WHERE id = NEW.invoice_id AND companion_of IS NULL FOR SHARE;
    IF TG_OP = 'INSERT' OR NEW.invoice_id IS DISTINCT FROM OLD.invoice_id
        OR NEW.delivered_on IS DISTINCT FROM OLD.delivered_on THEN
        IF paper_status IS DISTINCT FROM 'draft'
            AND NOT (TG_OP = 'INSERT' AND NEW.source = 'import' AND paper_status = 'external') THEN
            RAISE EXCEPTION 'order % can only join a draft invoice', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_touch_only_drafts';
        ELSIF NEW.delivered_on > paper_end THEN
            RAISE EXCEPTION 'order % was delivered after the invoice''s period ended', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_within_period';
        END IF;
    END IF;
    NEW.payer_id := paper_of;
    IF stays AND (NEW.payer_id = OLD.payer_id OR follows_merge(OLD.payer_id, NEW.payer_id)) THEN
        RETURN NEW;
    END IF;
    -- Whoever changes by whom the customer is billed waits; most pay for themselves, and did so before.
    SELECT c.billed_to IS NULL AND c.id = paper_of AND NOT EXISTS (SELECT FROM orders o
        WHERE o.customer_id = NEW.customer_id AND o.payer_id <> o.customer_id)
    INTO is_own FROM customers c WHERE c.id = NEW.customer_id FOR SHARE;
    IF NOT (is_own OR paper_status = 'external' AND paper_of = NEW.customer_id)
        AND paper_of IS DISTINCT FROM payer_for(NEW.customer_id, NEW.delivered_on) THEN
        RAISE EXCEPTION 'order % is not billed to the customer of invoice %', NEW.id, NEW.invoice_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_on_invoice_of_payer';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_orders_touch_only_drafts_insert BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.invoice_id IS NOT NULL) EXECUTE FUNCTION orders_touch_only_drafts();
CREATE TRIGGER tr_orders_touch_only_drafts_update
    BEFORE UPDATE OF id, customer_id, order_type, subscription_id, delivery_date, status, delivered_on, invoice_id,
    payer_id
    ON orders FOR EACH ROW WHEN (OLD.invoice_id IS NOT NULL OR NEW.invoice_id IS NOT NULL)
    EXECUTE FUNCTION orders_touch_only_drafts();
CREATE TRIGGER tr_orders_touch_only_drafts_delete BEFORE DELETE ON orders
    FOR EACH ROW WHEN (OLD.invoice_id IS NOT NULL) EXECUTE FUNCTION orders_touch_only_drafts();
