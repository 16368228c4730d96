-- A correction, also by plain SQL; a merge of customers tells of itself.
CREATE FUNCTION tell_correction() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT 'delivery.corrected', 'delivery', NEW.order_id, jsonb_build_object('customer_id', NEW.customer_id,
        'delivery_date', NEW.delivery_date, 'status', NEW.status)
    FROM settings s WHERE s.event_days > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_update AFTER UPDATE ON delivery_statuses FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.corrected_at IS DISTINCT FROM NEW.corrected_at)
    EXECUTE FUNCTION tell_correction();
