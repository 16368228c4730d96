-- Another quantity of single days is told to its customer, the days of one statement in one message; not what is
-- imported. An entry is replaced by deleting it first: what was deleted is kept until the end of the transaction, and
-- one that comes again as it was is no change.
CREATE FUNCTION tell_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_cleared jsonb := coalesce(nullif(current_setting('dairy.cleared_days', true), ''), '[]')::jsonb;
    v_rows jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM message_kinds k WHERE k.kind = 'change_confirmed' AND k.is_on) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        SELECT jsonb_agg(jsonb_build_object('subscription_id', d.subscription_id, 'day', d.date, 'was', d.quantity))
        INTO v_rows FROM departed d;
        PERFORM set_config('dairy.cleared_days', (v_cleared || coalesce(v_rows, '[]'))::text, true);
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        SELECT jsonb_agg(jsonb_build_object('subscription_id', a.subscription_id, 'day', a.date,
            'quantity', a.quantity)) INTO v_rows
        FROM arrived a WHERE a.legacy_id IS NULL AND a.channel <> 'import' AND NOT EXISTS (
            SELECT FROM jsonb_to_recordset(v_cleared) AS c (subscription_id uuid, day date, was numeric)
            WHERE c.subscription_id = a.subscription_id AND c.day = a.date AND c.was = a.quantity);
    ELSE
        SELECT jsonb_agg(jsonb_build_object('subscription_id', a.subscription_id, 'day', a.date,
            'quantity', a.quantity)) INTO v_rows
        FROM arrived a JOIN departed d ON d.id = a.id WHERE a.quantity <> d.quantity;
    END IF;
    PERFORM queue_changes(v_rows);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_messages_insert AFTER INSERT ON subscription_overrides REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_changes();
CREATE TRIGGER tr_messages_update AFTER UPDATE ON subscription_overrides
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION tell_changes();
CREATE TRIGGER tr_messages_delete AFTER DELETE ON subscription_overrides REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_changes();
