-- When the day was closed and its orders are cancelled, at the end of the transaction, those whose orders these were
-- are told. Whose orders were not made yet is told by the nightly command, before they would have been.
CREATE FUNCTION tell_closed_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM message_kinds k WHERE k.kind = 'not_delivered' AND k.is_on) THEN
        PERFORM queue_not_delivered(array_agg(o.customer_id), array_agg(o.closed_day_id))
        FROM orders o WHERE o.closed_day_id = NEW.id AND o.status = 'CANCELLED';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_messages_insert AFTER INSERT ON closed_days DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tell_closed_day();
