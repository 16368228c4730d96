-- One statement for all that were confirmed at once.
CREATE FUNCTION tell_deliveries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT 'delivery.confirmed', 'delivery', a.order_id, jsonb_build_object('customer_id', a.customer_id,
        'delivery_date', a.delivery_date, 'status', a.status)
    FROM arrived a WHERE a.confirmation_method <> 'import' AND (SELECT s.event_days > 0 FROM settings s);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_insert AFTER INSERT ON delivery_statuses REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_deliveries();
