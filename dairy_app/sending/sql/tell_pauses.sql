-- A pause is told to its customer: one message for all standing orders that pause in one go, and anew when its days
-- become others. One that is taken back before it has begun is told as a change. What comes with a new standing order,
-- and what is imported, is not told.
CREATE FUNCTION tell_pauses() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_rows jsonb;
    v_kind constant text := CASE TG_OP WHEN 'DELETE' THEN 'change_confirmed' ELSE 'pause_confirmed' END;
BEGIN
    IF NOT EXISTS (SELECT FROM message_kinds k WHERE k.kind = v_kind AND k.is_on) AND TG_OP = 'INSERT' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        SELECT jsonb_agg(to_jsonb(a) - 'reason') INTO v_rows FROM arrived a
        WHERE a.legacy_id IS NULL AND a.channel <> 'import';
    ELSIF TG_OP = 'UPDATE' THEN
        SELECT jsonb_agg(to_jsonb(a) - 'reason') INTO v_rows FROM arrived a JOIN departed d ON d.id = a.id
        WHERE a.period <> d.period;
    ELSE
        SELECT jsonb_agg(to_jsonb(d) - 'reason') INTO v_rows FROM departed d;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM withdraw_told('pause_confirmed', array_agg(s.customer_id),
            array_agg(concat('pause_confirmed:', coalesce(r.household_pause_id, r.id), ':')), 'the pause has changed')
        FROM jsonb_to_recordset(v_rows) AS r (id uuid, subscription_id uuid, household_pause_id uuid)
        JOIN subscriptions s ON s.id = r.subscription_id;
    END IF;
    PERFORM queue_told(v_kind, array_agg(p.customer_id), array_agg(p.raw),
        array_agg(concat_ws(':', v_kind, p.pause_id, p.first, p.last, extract(epoch FROM now()))), NULL, NULL)
    FROM (
        SELECT s.customer_id, coalesce(r.household_pause_id, r.id) AS pause_id, lower(r.period) AS first,
            upper(r.period) - 1 AS last,
            CASE TG_OP WHEN 'DELETE' THEN jsonb_build_object('changes', jsonb_agg(jsonb_build_object('product', g.name,
                    'first', lower(r.period), 'last', upper(r.period) - 1) ORDER BY g.name))
                ELSE jsonb_build_object('products', string_agg(DISTINCT g.name, ', '),
                    'period', jsonb_build_object('first', lower(r.period), 'last', upper(r.period) - 1)) END AS raw
        FROM jsonb_to_recordset(v_rows) AS r (id uuid, subscription_id uuid, household_pause_id uuid, period daterange)
        JOIN subscriptions s ON s.id = r.subscription_id
        JOIN products g ON g.id = s.product_id
        WHERE s.status IN ('active', 'paused') AND s.created_at < now()
        GROUP BY 1, 2, r.period
    ) p;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_messages_insert AFTER INSERT ON subscription_pauses REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_pauses();
CREATE TRIGGER tr_messages_update AFTER UPDATE ON subscription_pauses
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION tell_pauses();
CREATE TRIGGER tr_messages_delete AFTER DELETE ON subscription_pauses REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_pauses();
