-- Queues what comes on single days instead of the usual, for each customer in one message. p_rows: a list of
-- subscription_id, day and quantity (none: as usual). Days gone by, and what comes with a new standing order, are left
-- out.
CREATE FUNCTION queue_changes(p_rows jsonb) RETURNS integer LANGUAGE sql
BEGIN ATOMIC
    SELECT queue_told('change_confirmed', array_agg(p.customer_id),
        array_agg(jsonb_build_object('changes', p.changes)),
        array_agg(concat_ws(':', 'change_confirmed', p.customer_id, md5(p.changes::text), extract(epoch FROM now()))),
        NULL, NULL)
    FROM (
        SELECT o.customer_id, jsonb_agg(jsonb_build_object('day', r.day, 'product', g.name, 'quantity', r.quantity,
            'unit', g.unit) ORDER BY r.day, g.name) AS changes
        FROM jsonb_to_recordset(p_rows) AS r (subscription_id uuid, day date, quantity numeric)
        JOIN subscriptions o ON o.id = r.subscription_id
        JOIN products g ON g.id = o.product_id
        CROSS JOIN settings s
        WHERE o.created_at < now() AND r.day >= (now() AT TIME ZONE s.time_zone)::date
        GROUP BY 1
    ) p;
END;
