-- What a gateway told stays as it came. What was made of it is written, and what is booked stays booked: as another
-- payment or refund only when the first was reversed.
-- refuses tr_gateway_events_stand: illegal_transition
CREATE FUNCTION gateway_events_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate constant text[] :=
        '{status,reason,detail,payment_link_id,payment_id,refund_id,decided_by,decided_at,updated_at}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - v_fate = to_jsonb(OLD) - v_fate
            AND (OLD.status <> 'booked' OR (NEW.status = 'booked' AND (
                (NEW.payment_id, NEW.refund_id) IS NOT DISTINCT FROM (OLD.payment_id, OLD.refund_id)
                OR EXISTS (SELECT FROM payments p WHERE p.id = OLD.payment_id AND p.status = 'reversed')
                OR EXISTS (SELECT FROM refunds r WHERE r.id = OLD.refund_id AND r.status = 'reversed')))) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'event % of a gateway is % and stays as it is', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_gateway_events_stand';
END $$;
CREATE TRIGGER tr_gateway_events_stand BEFORE UPDATE OR DELETE ON gateway_events
    FOR EACH ROW EXECUTE FUNCTION gateway_events_stand();
