-- Names the columns that changed, never what is in them: who reads events asks for the customer.
CREATE FUNCTION tell_customers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO events (kind, object_type, object_id, data)
        SELECT 'customer.created', 'customer', a.id, jsonb_build_object('code', a.code, 'status', a.status)
        FROM arrived a WHERE a.legacy_id IS NULL AND (SELECT s.event_days > 0 FROM settings s);
    ELSE
        INSERT INTO events (kind, object_type, object_id, data)
        SELECT 'customer.changed', 'customer', n.id, jsonb_strip_nulls(jsonb_build_object('code', n.code,
            'status', n.status, 'merged_into', n.merged_into, 'changed', c.changed))
        FROM arrived n JOIN departed o ON o.id = n.id
        CROSS JOIN LATERAL (SELECT jsonb_agg(i.key ORDER BY i.key) AS changed FROM jsonb_each(to_jsonb(n)) i
            WHERE i.key NOT IN ('payer_key', 'updated_at') AND i.value IS DISTINCT FROM to_jsonb(o) -> i.key) c
        WHERE c.changed IS NOT NULL AND (SELECT s.event_days > 0 FROM settings s);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_insert AFTER INSERT ON customers REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_customers();
CREATE TRIGGER tr_events_update AFTER UPDATE ON customers REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_customers();
