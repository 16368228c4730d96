-- Order of judging, the first that applies: unknown or out of scope, other customer, cancelled, product not in the
-- order, more than ordered, a product not named, already confirmed (same: replayed, else confirmed_differently), date
-- in the future, date outside the window, event id used elsewhere. A corrected delivery changes by another correction
-- only: a phone that sends its morning again at noon must not undo what the office put right in between.
-- With a search path, as bodies in quotes get it, this would not be inlined: planned at each call, one confirmation
-- takes twice as long on PostgreSQL 15. The body is bound to its tables when it is made.
CREATE FUNCTION judge_confirmations(
    p_confirmations jsonb, p_orders uuid[], p_boy uuid, p_areas uuid[], p_first date, p_last date, p_shift text,
    p_at timestamptz
) RETURNS TABLE (
    item_index integer, order_id uuid, customer_id uuid, subscription_id uuid, boy uuid,
    code text, detail text, new_status text, day date, delivered_at timestamptz, confirmation jsonb
) LANGUAGE sql STABLE BEGIN ATOMIC
WITH dairy AS (
    SELECT s.time_zone, s.delivery_window_days AS days, (p_at AT TIME ZONE s.time_zone)::date AS today
    FROM settings s
), wanted AS (
    SELECT (w.c ->> 'index')::integer AS item_index, w.c, (w.c ->> 'order_id')::uuid AS order_id,
        coalesce((w.c ->> 'delivered_at')::timestamptz, p_at) AS at,
        coalesce((w.c ->> 'delivery_date')::date,
            (((w.c ->> 'delivered_at')::timestamptz) AT TIME ZONE d.time_zone)::date, d.today) AS day,
        CASE WHEN jsonb_typeof(w.c -> 'items') = 'array' THEN w.c -> 'items' END AS named
    FROM jsonb_array_elements(p_confirmations) AS w (c) CROSS JOIN dairy d
), known AS (
    SELECT w.*, o.id AS found, o.customer_id, o.subscription_id, o.status, o.delivery_date AS planned,
        coalesce(o.delivery_boy_id, c.delivery_boy_id) AS boy
    FROM wanted w
    LEFT JOIN (orders o JOIN customers c ON c.id = o.customer_id) ON o.id = w.order_id AND o.id = ANY (p_orders)
        AND (p_boy IS NULL OR coalesce(o.delivery_boy_id, c.delivery_boy_id) = p_boy)
        AND (p_areas IS NULL OR coalesce(o.area_id, c.area_id) = ANY (p_areas))
        AND (p_shift IS NULL OR o.shift = p_shift)
        AND o.delivery_date BETWEEN coalesce(p_first, o.delivery_date) AND coalesce(p_last, o.delivery_date)
), counted AS (
    SELECT k.item_index,
        bool_or(q.delivered NOT BETWEEN 0 AND i.quantity) AS exceeds,
        bool_or(q.delivered IS NULL) AS unnamed,
        count(*) > count(DISTINCT i.product_id) AS twice,
        bool_or(q.delivered <> trunc(q.delivered) AND i.quantity = trunc(i.quantity) AND (SELECT
            p.unit IN ('piece', 'packet', 'dozen') FROM products p WHERE p.id = i.product_id)) AS is_broken,
        bool_and(q.delivered = i.quantity) AS is_full,
        bool_and(q.delivered = 0) AS is_nothing,
        bool_and(q.delivered IS NOT DISTINCT FROM i.delivered_quantity) AS is_same
    FROM known k
    JOIN order_items i ON i.order_id = k.found AND i.order_id = ANY (p_orders)
    LEFT JOIN LATERAL (SELECT (n ->> 'delivered_quantity')::numeric AS delivered
        FROM jsonb_array_elements(k.named) n WHERE (n ->> 'product_id')::uuid = i.product_id) n ON true
    CROSS JOIN LATERAL (SELECT CASE WHEN k.c ->> 'status' = 'not_delivered' THEN 0
        WHEN k.named IS NULL THEN i.quantity ELSE n.delivered END AS delivered) q
    GROUP BY k.item_index
), judged AS (
    SELECT k.*, n.is_full, n.is_nothing, n.twice, n.is_broken, CASE
        WHEN k.found IS NULL THEN 'order_not_found'
        WHEN (k.c ->> 'customer_id')::uuid <> k.customer_id THEN 'customer_mismatch'
        WHEN k.status = 'CANCELLED' THEN 'order_cancelled'
        WHEN EXISTS (SELECT FROM jsonb_array_elements(k.named) x WHERE NOT EXISTS (SELECT FROM order_items i
            WHERE i.order_id = k.found AND i.product_id = (x ->> 'product_id')::uuid))
            THEN 'product_not_in_order'
        WHEN n.item_index IS NULL THEN 'illegal_transition'
        WHEN n.exceeds THEN 'quantity_exceeds_ordered'
        WHEN n.unnamed OR n.twice OR n.is_broken THEN 'validation_failed'
        WHEN k.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR (k.status = 'NOT_DELIVERED' AND (n.is_nothing
            OR EXISTS (SELECT FROM delivery_statuses s WHERE s.order_id = k.found AND s.corrected_at IS NOT NULL)))
            THEN CASE WHEN n.is_same OR EXISTS (SELECT FROM delivery_statuses s WHERE s.order_id = k.found
                AND s.corrected_at IS NOT NULL AND s.client_event_id = (k.c ->> 'client_event_id')::uuid)
                THEN 'replayed' ELSE 'confirmed_differently' END
        WHEN k.day > d.today OR k.at > p_at + interval '10 minutes' THEN 'delivery_date_in_future'
        WHEN k.day NOT BETWEEN k.planned - d.days AND k.planned + d.days THEN 'delivery_date_outside_window'
        WHEN EXISTS (SELECT FROM delivery_statuses s
            WHERE s.client_event_id = (k.c ->> 'client_event_id')::uuid AND s.order_id <> k.found)
            THEN 'already_exists'
    END AS refused
    FROM known k CROSS JOIN dairy d LEFT JOIN counted n ON n.item_index = k.item_index
), verdicts AS (  -- an event id names one order: in a set, the first one that stands
    SELECT j.*, CASE WHEN j.refused IS NULL AND j.c ->> 'client_event_id' IS NOT NULL AND row_number() OVER (
        PARTITION BY j.refused IS NULL, (j.c ->> 'client_event_id')::uuid ORDER BY j.item_index) > 1
        THEN 'already_exists' ELSE j.refused END AS code
    FROM judged j
)
SELECT v.item_index, v.order_id, v.customer_id, v.subscription_id, v.boy, v.code,
    CASE v.code
        WHEN 'illegal_transition' THEN 'The order has no items.'
        WHEN 'delivery_date_in_future' THEN format('%s has not come yet.', greatest(v.day,
            (v.at AT TIME ZONE d.time_zone)::date))
        WHEN 'delivery_date_outside_window' THEN format(
            'The order is for %s; it can be confirmed for a delivery from %s to %s, not for %s.',
            v.planned, v.planned - d.days, v.planned + d.days, v.day)
        WHEN 'validation_failed' THEN CASE WHEN v.twice THEN 'A product is named twice.'
            WHEN v.is_broken THEN 'A product that is sold whole is delivered whole.'
            ELSE 'With items, every product of the order must be named.' END
        WHEN 'already_exists' THEN 'The client_event_id was used for another order.'
    END,
    CASE WHEN v.code IS NOT NULL THEN v.status WHEN v.is_nothing THEN 'NOT_DELIVERED'
        WHEN v.is_full THEN 'DELIVERED' ELSE 'PARTIALLY_DELIVERED' END,
    v.day, CASE WHEN NOT v.is_nothing THEN v.at END, v.c
FROM verdicts v CROSS JOIN dairy d;
END;
