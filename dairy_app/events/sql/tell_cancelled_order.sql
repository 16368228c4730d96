-- Called only for the few orders that are cancelled or come back: a statement that confirms a thousand pays nothing.
CREATE FUNCTION tell_cancelled_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT CASE NEW.status WHEN 'CANCELLED' THEN 'order.cancelled' ELSE 'order.placed' END, 'order', NEW.id,
        jsonb_build_object('customer_id', NEW.customer_id, 'delivery_date', NEW.delivery_date,
            'order_type', NEW.order_type, 'source', NEW.source)
    FROM settings s WHERE s.event_days > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_update AFTER UPDATE OF status ON orders FOR EACH ROW
    WHEN ((OLD.status = 'CANCELLED') <> (NEW.status = 'CANCELLED')) EXECUTE FUNCTION tell_cancelled_order();
