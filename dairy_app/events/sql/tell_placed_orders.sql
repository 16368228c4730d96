-- What the import of the earlier system brings is no news. What comes back after it was cancelled is placed again.
CREATE FUNCTION tell_placed_orders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT 'order.placed', 'order', a.id, jsonb_build_object('customer_id', a.customer_id,
        'delivery_date', a.delivery_date, 'order_type', a.order_type, 'source', a.source)
    FROM arrived a WHERE a.source <> 'import' AND (SELECT s.event_days > 0 FROM settings s);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_insert AFTER INSERT ON orders REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_placed_orders();
