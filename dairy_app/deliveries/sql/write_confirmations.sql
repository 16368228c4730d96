-- What was judged without a refusal is written: drafts, quantities, orders, delivery statuses, standing orders.
CREATE FUNCTION write_confirmations(
    p_judged jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text, p_shared_link_id uuid, p_ip inet,
    p_device text, p_at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT (j ->> 'order_id')::uuid FROM jsonb_array_elements(p_judged) j);
BEGIN
    PERFORM open_drafts(array_agg(j.customer_id), array_agg(j.day))
    FROM jsonb_to_recordset(p_judged) AS j (customer_id uuid, new_status text, day date)
    WHERE j.new_status <> 'NOT_DELIVERED' HAVING count(*) > 0;

    UPDATE order_items i SET delivered_quantity = CASE
        WHEN j.new_status = 'NOT_DELIVERED' THEN 0
        WHEN j.new_status = 'DELIVERED' THEN i.quantity
        ELSE (SELECT (n ->> 'delivered_quantity')::numeric
            FROM jsonb_array_elements(j.confirmation -> 'items') n
            WHERE (n ->> 'product_id')::uuid = i.product_id) END
    FROM jsonb_to_recordset(p_judged) AS j (order_id uuid, new_status text, confirmation jsonb)
    WHERE i.order_id = j.order_id AND i.order_id = ANY (ids);

    UPDATE orders o SET status = j.new_status, updated_at = now(),
        delivered_on = CASE WHEN j.new_status <> 'NOT_DELIVERED' THEN j.day END,
        delivered_at = j.delivered_at,
        delivery_confirmed = j.new_status <> 'NOT_DELIVERED',
        invoice_id = CASE WHEN j.new_status <> 'NOT_DELIVERED' THEN draft_for(o.customer_id, j.day) END
    FROM jsonb_to_recordset(p_judged)
        AS j (order_id uuid, new_status text, day date, delivered_at timestamptz)
    WHERE o.id = j.order_id AND o.id = ANY (ids);

    INSERT INTO delivery_statuses AS s (order_id, customer_id, delivery_date, status, delivered_at,
        delivery_boy_id, confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method, shared_link_id,
        ip_address, device_info, client_event_id, device_time, latitude, longitude, reason_code, notes)
    SELECT j.order_id, j.customer_id, j.day, lower(j.new_status), j.delivered_at, j.boy,
        p_confirmed_by, p_confirmed_by_name, p_at, p_method, p_shared_link_id, p_ip, p_device,
        c.client_event_id, c.device_time, c.latitude, c.longitude, c.reason_code, c.notes
    FROM jsonb_to_recordset(p_judged) AS j (order_id uuid, customer_id uuid, boy uuid, new_status text,
        day date, delivered_at timestamptz, confirmation jsonb)
    CROSS JOIN LATERAL jsonb_to_record(j.confirmation) AS c (client_event_id uuid, device_time timestamptz,
        latitude numeric, longitude numeric, reason_code text, notes text)
    ON CONFLICT (order_id) DO UPDATE SET (delivery_date, status, delivered_at, delivery_boy_id,
        confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method, shared_link_id, ip_address,
        device_info, client_event_id, device_time, latitude, longitude, reason_code, notes, corrected_at,
        corrected_by_user_id, correction_reason, updated_at) = ROW (
        excluded.delivery_date, excluded.status, excluded.delivered_at, excluded.delivery_boy_id,
        excluded.confirmed_by_user_id, excluded.confirmed_by_name, excluded.confirmed_at,
        excluded.confirmation_method, excluded.shared_link_id, excluded.ip_address, excluded.device_info,
        excluded.client_event_id, excluded.device_time, excluded.latitude, excluded.longitude, excluded.reason_code,
        excluded.notes, NULL, NULL, NULL, now());

    -- Two days of one standing order may come in one set: the later one counts.
    UPDATE subscriptions s SET last_delivery_date = j.day, last_delivery_at = j.delivered_at,
        last_delivery_confirmed = true, updated_at = now()
    FROM (SELECT DISTINCT ON (k.subscription_id) k.subscription_id, k.day, k.delivered_at
        FROM jsonb_to_recordset(p_judged)
            AS k (subscription_id uuid, new_status text, day date, delivered_at timestamptz)
        WHERE k.new_status <> 'NOT_DELIVERED' AND k.subscription_id IS NOT NULL
        ORDER BY k.subscription_id, k.day DESC, k.delivered_at DESC) j
    WHERE s.id = j.subscription_id AND (s.last_delivery_date IS NULL
        OR (s.last_delivery_date, coalesce(s.last_delivery_at, '-infinity')) <= (j.day, j.delivered_at));
END $$;
