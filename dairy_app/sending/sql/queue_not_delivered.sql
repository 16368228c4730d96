-- Queues for some customers of some closings that nothing comes, for the day before, or at once when that has begun;
-- it is over with the day itself. p_closings has the closing of each customer. Returns how many were queued.
CREATE FUNCTION queue_not_delivered(p_customers uuid[], p_closings uuid[]) RETURNS integer LANGUAGE sql
BEGIN ATOMIC
    SELECT coalesce(sum(queue_told('not_delivered', w.customers, w.raw, w.keys,
        greatest(now(), (w.day - 1)::timestamp AT TIME ZONE s.time_zone),
        (w.day + 1)::timestamp AT TIME ZONE s.time_zone)), 0)::integer
    FROM settings s CROSS JOIN (
        SELECT d.day, array_agg(n.customer_id) AS customers, array_agg(jsonb_build_object('day',
                jsonb_build_object('day', d.day), 'reason', d.reason, 'instead',
                jsonb_build_object('instead', d.deliver_on))) AS raw,
            array_agg(concat_ws(':', 'not_delivered', d.id, n.customer_id)) AS keys
        FROM (SELECT DISTINCT m.customer_id, m.closing_id FROM unnest(p_customers, p_closings)
            AS m (customer_id, closing_id)) n
        JOIN closed_days d ON d.id = n.closing_id
        GROUP BY d.day
    ) w;
END;
