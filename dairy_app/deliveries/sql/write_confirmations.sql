-- What was judged without a refusal is written: drafts, quantities, orders, delivery statuses, standing orders. Each
-- place of the arrays is one confirmation; to take apart one array costs less than to take apart all of them.
CREATE FUNCTION write_confirmations(
    p_orders uuid[], p_customers uuid[], p_payers uuid[], p_subscriptions uuid[], p_boys uuid[], p_statuses text[],
    p_days date[], p_moments timestamptz[], p_drafts uuid[], p_told jsonb[], p_confirmed_by uuid,
    p_confirmed_by_name text, p_method text, p_shared_link_id uuid, p_ip inet, p_device text, p_at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF num_nulls(VARIADIC p_drafts) > 0 THEN  -- otherwise every day lies in a draft
        PERFORM open_drafts(array_agg(p_payers[j.n]), array_agg(p_days[j.n]))
        FROM generate_subscripts(p_orders, 1) AS j (n)
        WHERE p_statuses[j.n] <> 'NOT_DELIVERED' AND p_drafts[j.n] IS NULL HAVING count(*) > 0;
    END IF;

    IF 'DELIVERED' = ALL (p_statuses) THEN
        UPDATE order_items i SET delivered_quantity = i.quantity WHERE i.order_id = ANY (p_orders);
    ELSE
        UPDATE order_items i SET delivered_quantity = CASE p_statuses[j.n]
            WHEN 'NOT_DELIVERED' THEN 0
            WHEN 'DELIVERED' THEN i.quantity
            ELSE (SELECT (x ->> 'delivered_quantity')::numeric FROM jsonb_array_elements(p_told[j.n] -> 'items') x
                WHERE (x ->> 'product_id')::uuid = i.product_id) END
        FROM unnest(p_orders) WITH ORDINALITY AS j (order_id, n)
        WHERE i.order_id = j.order_id;
    END IF;

    UPDATE orders o SET status = p_statuses[j.n], updated_at = now(),
        delivered_on = CASE WHEN p_statuses[j.n] <> 'NOT_DELIVERED' THEN p_days[j.n] END,
        delivered_at = p_moments[j.n],
        delivery_confirmed = p_statuses[j.n] <> 'NOT_DELIVERED',
        invoice_id = CASE WHEN p_statuses[j.n] <> 'NOT_DELIVERED'
            THEN coalesce(p_drafts[j.n], draft_for(p_payers[j.n], p_days[j.n])) END
    FROM unnest(p_orders) WITH ORDINALITY AS j (order_id, n)
    WHERE o.id = j.order_id;

    INSERT INTO delivery_statuses AS s (order_id, customer_id, delivery_date, status, delivered_at,
        delivery_boy_id, confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method, shared_link_id,
        ip_address, device_info, client_event_id, device_time, latitude, longitude, reason_code, notes)
    SELECT j.order_id, p_customers[j.n], p_days[j.n], lower(p_statuses[j.n]), p_moments[j.n], p_boys[j.n],
        p_confirmed_by, p_confirmed_by_name, p_at, p_method, p_shared_link_id, p_ip, p_device,
        (p_told[j.n] ->> 'client_event_id')::uuid, (p_told[j.n] ->> 'device_time')::timestamptz,
        (p_told[j.n] ->> 'latitude')::numeric, (p_told[j.n] ->> 'longitude')::numeric,
        p_told[j.n] ->> 'reason_code', p_told[j.n] ->> 'notes'
    FROM unnest(p_orders) WITH ORDINALITY AS j (order_id, n)
    ON CONFLICT (order_id) DO UPDATE SET (delivery_date, status, delivered_at, delivery_boy_id,
        confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method, shared_link_id, ip_address,
        device_info, client_event_id, device_time, latitude, longitude, reason_code, notes, corrected_at,
        corrected_by_user_id, correction_reason, updated_at) = ROW (
        excluded.delivery_date, excluded.status, excluded.delivered_at, excluded.delivery_boy_id,
        excluded.confirmed_by_user_id, excluded.confirmed_by_name, excluded.confirmed_at,
        excluded.confirmation_method, excluded.shared_link_id, excluded.ip_address, excluded.device_info,
        excluded.client_event_id, excluded.device_time, excluded.latitude, excluded.longitude, excluded.reason_code,
        excluded.notes, NULL, NULL, NULL, now());

    IF num_nonnulls(VARIADIC p_subscriptions) > 0 THEN
        -- Two days of one standing order may come in one set: the later one counts.
        UPDATE subscriptions s SET last_delivery_date = j.day, last_delivery_at = j.delivered_at,
            last_delivery_confirmed = true, updated_at = now()
        FROM (SELECT DISTINCT ON (k.subscription_id) k.subscription_id, k.day, k.delivered_at
            FROM unnest(p_subscriptions, p_statuses, p_days, p_moments)
                AS k (subscription_id, new_status, day, delivered_at)
            WHERE k.new_status <> 'NOT_DELIVERED' AND k.subscription_id IS NOT NULL
            ORDER BY k.subscription_id, k.day DESC, k.delivered_at DESC) j
        WHERE s.id = j.subscription_id AND (s.last_delivery_date IS NULL
            OR (s.last_delivery_date, coalesce(s.last_delivery_at, '-infinity')) <= (j.day, j.delivered_at));
    END IF;
END $$;
