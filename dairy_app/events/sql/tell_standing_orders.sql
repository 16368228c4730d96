-- New standing orders, and what hangs on one: a pause, another quantity, a single day, a change to come. A change of
-- many days in one statement is told once. What comes with a new one is told with it.
CREATE FUNCTION tell_standing_orders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_TABLE_NAME = 'subscriptions' THEN
        INSERT INTO events (kind, object_type, object_id, data)
        SELECT 'subscription.changed', 'subscription', a.id, jsonb_build_object('customer_id', a.customer_id,
            'status', a.status, 'about', 'subscriptions')
        FROM arrived a WHERE a.legacy_id IS NULL AND (SELECT s.event_days > 0 FROM settings s);
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT d.subscription_id) INTO touched FROM departed d;
    ELSE
        SELECT array_agg(DISTINCT a.subscription_id) INTO touched
        FROM arrived a WHERE a.channel IS DISTINCT FROM 'import';
    END IF;
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT 'subscription.changed', 'subscription', o.id, jsonb_build_object('customer_id', o.customer_id,
        'status', o.status, 'about', TG_TABLE_NAME)
    FROM subscriptions o
    WHERE o.id = ANY (touched) AND o.created_at < now() AND (SELECT s.event_days > 0 FROM settings s);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_insert AFTER INSERT ON subscriptions REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_insert AFTER INSERT ON subscription_overrides REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_update AFTER UPDATE ON subscription_overrides REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_delete AFTER DELETE ON subscription_overrides REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_insert AFTER INSERT ON subscription_pauses REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_update AFTER UPDATE ON subscription_pauses REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_delete AFTER DELETE ON subscription_pauses REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_insert AFTER INSERT ON subscription_quantities REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_update AFTER UPDATE ON subscription_quantities REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_delete AFTER DELETE ON subscription_quantities REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_insert AFTER INSERT ON subscription_schedules REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_update AFTER UPDATE ON subscription_schedules REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_delete AFTER DELETE ON subscription_schedules REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
