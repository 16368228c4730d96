-- At the end of a transaction the days whose entries are gone are told: the usual comes again. The first row tells of
-- all of them.
CREATE FUNCTION tell_cleared_days() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_cleared text := nullif(current_setting('dairy.cleared_days', true), '');
BEGIN
    IF v_cleared IS NOT NULL THEN
        PERFORM set_config('dairy.cleared_days', '', true);
        PERFORM queue_changes(jsonb_agg(jsonb_build_object('subscription_id', c.subscription_id, 'day', c.day)))
        FROM (SELECT DISTINCT r.subscription_id, r.day
            FROM jsonb_to_recordset(v_cleared::jsonb) AS r (subscription_id uuid, day date)) c
        WHERE NOT EXISTS (SELECT FROM subscription_overrides o
            WHERE o.subscription_id = c.subscription_id AND o.date = c.day);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_messages_cleared AFTER DELETE ON subscription_overrides DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tell_cleared_days();
