-- A link is written once. What becomes of it is written as long as it is open; one that was paid stays so, and one that
-- ended may still be paid, for the gateway's page was there. It goes to whom its customer was merged into.
-- refuses tr_payment_links_stand: illegal_transition
CREATE FUNCTION payment_links_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate text[] := '{status,gateway_id,url,paid_at,last_error,updated_at}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.customer_id <> OLD.customer_id AND follows_merge(OLD.customer_id, NEW.customer_id) THEN
            v_fate := v_fate || '{customer_id}';
        END IF;
        IF to_jsonb(NEW) - v_fate = to_jsonb(OLD) - v_fate
            AND (OLD.gateway_id IS NULL OR NEW.gateway_id IS NOT DISTINCT FROM OLD.gateway_id)
            AND (OLD.status IN ('creating', 'created') OR NEW.status IN (OLD.status, 'paid'))
            AND (OLD.status <> 'created' OR NEW.status <> 'creating')
            AND (OLD.paid_at IS NULL OR NEW.paid_at IS NOT DISTINCT FROM OLD.paid_at) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'payment link % is % and stays as it is', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_payment_links_stand';
END $$;
CREATE TRIGGER tr_payment_links_stand BEFORE UPDATE OR DELETE ON payment_links
    FOR EACH ROW EXECUTE FUNCTION payment_links_stand();
