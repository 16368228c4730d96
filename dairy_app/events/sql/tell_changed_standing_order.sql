-- Not called for what every delivery writes into a standing order.
CREATE FUNCTION tell_changed_standing_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT 'subscription.changed', 'subscription', NEW.id, jsonb_build_object('customer_id', NEW.customer_id,
        'status', NEW.status, 'about', 'subscriptions')
    FROM settings s WHERE s.event_days > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_update AFTER UPDATE OF product_id, mode, default_quantity, weekly_pattern, interval_days,
    anchor_date, shift, price_per_unit, start_date, stop_date, status, auto_start, weekly_quantities ON subscriptions
    FOR EACH ROW WHEN (OLD.product_id IS DISTINCT FROM NEW.product_id OR OLD.mode IS DISTINCT FROM NEW.mode OR
        OLD.default_quantity IS DISTINCT FROM NEW.default_quantity OR OLD.weekly_pattern IS DISTINCT FROM
        NEW.weekly_pattern OR OLD.interval_days IS DISTINCT FROM NEW.interval_days OR OLD.anchor_date IS DISTINCT FROM
        NEW.anchor_date OR OLD.shift IS DISTINCT FROM NEW.shift OR OLD.price_per_unit IS DISTINCT FROM
        NEW.price_per_unit OR OLD.start_date IS DISTINCT FROM NEW.start_date OR OLD.stop_date IS DISTINCT FROM
        NEW.stop_date OR OLD.status IS DISTINCT FROM NEW.status OR OLD.auto_start IS DISTINCT FROM NEW.auto_start OR
        OLD.weekly_quantities IS DISTINCT FROM NEW.weekly_quantities)
    EXECUTE FUNCTION tell_changed_standing_order();
