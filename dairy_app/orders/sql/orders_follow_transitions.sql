-- The state machine, for psql too: what is delivered becomes undelivered only by a correction; what is cancelled comes
-- back only when the standing order's change, or the closing of the day, that cancelled it is lifted. In the body, not
-- in the WHEN: PostgreSQL parses a WHEN anew for each statement, which takes four times as long as the call.
-- refuses tr_orders_follow_transitions: illegal_transition
CREATE FUNCTION orders_follow_transitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (CASE OLD.status
        WHEN 'PENDING' THEN true
        WHEN 'OUT_FOR_DELIVERY' THEN NEW.status <> 'PENDING'
        WHEN 'CANCELLED' THEN NEW.status = 'PENDING'
            AND (OLD.cancelled_by_subscription OR OLD.closed_day_id IS NOT NULL)
        WHEN 'NOT_DELIVERED' THEN NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'CANCELLED')
        ELSE NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED') END) THEN
        RAISE EXCEPTION 'order % cannot become % from %', NEW.id, NEW.status, OLD.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_follow_transitions';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_orders_follow_transitions BEFORE UPDATE OF status ON orders
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION orders_follow_transitions();
