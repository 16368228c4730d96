"""``confirm_deliveries``: one round trip from "it reached the door" to the draft invoice.

The whole rule stands in one function because all of it must be read after the customer's lock, and because a
phone on a round should wait for one answer, not for ten. It takes a set: a batch of a thousand costs the same
number of statements as one. Judging order (first that applies): unknown or out of scope, other
customer, cancelled, product not in the order, more than ordered, a product not named, already confirmed (same →
replayed, else confirmed_differently), date in the future, date outside the window, event id used elsewhere.

What was corrected changes by another correction only: a phone that sends its morning again at noon must not undo what
the office put right in between. ``correct_delivery`` is that correction, of one order, under the same lock.
"""

from dairy_app.database.ddl import after_tables

# With a search path of its own, as bodies in quotes get it, judging would not be inlined: planned at each call, one
# confirmation takes twice as long on PostgreSQL 15. This body is bound to its tables when it is made.
CONFIRM_DELIVERIES = """
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

CREATE FUNCTION confirm_deliveries(
    p_confirmations jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text, p_shared_link_id uuid,
    p_boy uuid, p_area uuid, p_first date, p_last date, p_shift text, p_ip inet, p_device text, p_at timestamptz
) RETURNS TABLE (item_index integer, outcome text, code text, detail text, order_id uuid, order_status text,
    delivery_status jsonb)
-- Planned once per session: planning takes four times as long as confirming. On the first morning that is with tables
-- that are still empty; a plan that reads such a table whole would take minutes an hour later.
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    wanted jsonb;
    -- Beside the join with JSON, of which the planner knows nothing: with it, a lookup stays one of a few rows.
    ids uuid[];
    areas uuid[];
    turn integer := 0;
    turns integer;
    judged jsonb;
    verdicts jsonb := '[]';
BEGIN
    SELECT jsonb_agg(e.c || jsonb_build_object('index', e.n - 1, 'turn', e.turn)), max(e.turn),
        array_agg((e.c ->> 'order_id')::uuid) FILTER (WHERE e.turn = 0)
    INTO wanted, turns, ids
    FROM (SELECT e.*, row_number() OVER (PARTITION BY (e.c ->> 'order_id')::uuid ORDER BY e.n) - 1 AS turn
        FROM jsonb_array_elements(p_confirmations) WITH ORDINALITY AS e (c, n)) e;
    IF p_area IS NOT NULL THEN
        areas := ARRAY(WITH RECURSIVE below AS (SELECT p_area AS id UNION
            SELECT a.id FROM areas a JOIN below b ON a.parent_id = b.id) SELECT id FROM below);
    END IF;
    PERFORM FROM customers c WHERE c.id IN (SELECT o.customer_id FROM orders o WHERE o.id = ANY (ids))
        ORDER BY c.id FOR NO KEY UPDATE;
    PERFORM FROM orders o WHERE o.id = ANY (ids) ORDER BY o.id FOR NO KEY UPDATE;
    WHILE turn <= turns LOOP  -- once, but for an order named twice: the second is judged as the first left it
        SELECT jsonb_agg(to_jsonb(j)) INTO judged
        FROM judge_confirmations(CASE WHEN turns = 0 THEN wanted ELSE jsonb_path_query_array(
            wanted, '$[*] ? (@.turn == $turn)', jsonb_build_object('turn', turn)) END,
            ids, p_boy, areas, p_first, p_last, p_shift, p_at) j;
        IF judged @? '$[*] ? (@.code == null)' THEN
            PERFORM write_confirmations(
                jsonb_path_query_array(judged, '$[*] ? (@.code == null)'),
                p_confirmed_by, p_confirmed_by_name, p_method, p_shared_link_id, p_ip, p_device, p_at);
        END IF;
        verdicts := verdicts || judged;
        turn := turn + 1;
    END LOOP;
    RETURN QUERY
    SELECT v.item_index,
        CASE WHEN v.code IS NULL THEN 'confirmed' WHEN v.code = 'replayed' THEN v.code ELSE 'rejected' END,
        nullif(v.code, 'replayed'), v.detail, v.order_id, o.status, to_jsonb(s)
    FROM jsonb_to_recordset(verdicts) AS v (item_index integer, order_id uuid, code text, detail text)
    LEFT JOIN orders o ON o.id = v.order_id AND o.id = ANY (ids) AND v.code IS DISTINCT FROM 'order_not_found'
    LEFT JOIN delivery_statuses s ON s.order_id = o.id AND s.order_id = ANY (ids)
    ORDER BY v.item_index;
END $$;

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
"""

# Judging order: unknown or out of scope, not confirmed, a day that is over (for a delivery boy), billed, then the
# quantities as above. What is said anyway already is replayed.
CORRECT_DELIVERY = """
CREATE FUNCTION correct_delivery(
    p_order uuid, p_items jsonb, p_reason text, p_corrected_by uuid, p_boy uuid, p_only_on date, p_at timestamptz
) RETURNS TABLE (outcome text, code text, detail text, order_status text, delivery_status jsonb)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    o orders;
    s delivery_statuses;
    paper text;
    n record;
    new_status text;
    is_brought boolean;
BEGIN
    PERFORM FROM customers c WHERE c.id = (SELECT x.customer_id FROM orders x WHERE x.id = p_order)
        FOR NO KEY UPDATE;
    SELECT x.* INTO o FROM orders x JOIN customers c ON c.id = x.customer_id
    WHERE x.id = p_order AND (p_boy IS NULL OR coalesce(x.delivery_boy_id, c.delivery_boy_id) = p_boy)
    FOR NO KEY UPDATE OF x;
    SELECT x.* INTO s FROM delivery_statuses x WHERE x.order_id = o.id FOR NO KEY UPDATE;
    SELECT i.status INTO paper FROM invoices i WHERE i.id = o.invoice_id;
    -- Without items nothing was delivered of any.
    SELECT bool_or(i.product_id IS NULL) AS is_foreign, bool_or(w.delivered NOT BETWEEN 0 AND i.quantity) AS exceeds,
        bool_or(w.delivered IS NULL) AS is_unnamed, count(*) > count(DISTINCT i.product_id) AS is_twice,
        bool_or(w.delivered <> trunc(w.delivered) AND i.quantity = trunc(i.quantity) AND (SELECT
            p.unit IN ('piece', 'packet', 'dozen') FROM products p WHERE p.id = i.product_id)) AS is_broken,
        bool_and(w.delivered = i.quantity) AS is_full, bool_and(w.delivered = 0) AS is_nothing,
        bool_and(w.delivered IS NOT DISTINCT FROM coalesce(i.delivered_quantity, 0)) AS is_same
    INTO n
    FROM (SELECT x.product_id, x.quantity, x.delivered_quantity FROM order_items x WHERE x.order_id = o.id) i
    FULL JOIN (SELECT (w ->> 'product_id')::uuid AS product_id, (w ->> 'delivered_quantity')::numeric AS delivered
        FROM jsonb_array_elements(coalesce(p_items, (SELECT jsonb_agg(jsonb_build_object('product_id', x.product_id,
            'delivered_quantity', 0)) FROM order_items x WHERE x.order_id = o.id))) w) w ON w.product_id = i.product_id;
    new_status := CASE WHEN n.is_nothing THEN 'NOT_DELIVERED' WHEN n.is_full THEN 'DELIVERED'
        ELSE 'PARTIALLY_DELIVERED' END;
    is_brought := new_status <> 'NOT_DELIVERED';
    IF o.id IS NULL THEN
        code := 'order_not_found';
    ELSIF o.status NOT IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED') OR s.id IS NULL THEN
        code := 'illegal_transition';
        detail := format('Only a confirmed delivery is corrected; the order is %s.', o.status);
    ELSIF s.delivery_date <> p_only_on THEN
        code := 'forbidden';
        detail := format('The delivery of %s can be corrected by an admin only.', s.delivery_date);
    ELSIF paper <> 'draft' THEN
        code := 'invoice_issued';
    ELSIF n.is_foreign THEN
        code := 'product_not_in_order';
    ELSIF n.exceeds THEN
        code := 'quantity_exceeds_ordered';
    ELSIF n.is_unnamed OR n.is_twice OR n.is_broken THEN
        code := 'validation_failed';
        detail := CASE WHEN n.is_twice THEN 'A product is named twice.'
            WHEN n.is_broken THEN 'A product that is sold whole is delivered whole.'
            ELSE 'Every product of the order must be named.' END;
    ELSIF n.is_same THEN
        RETURN QUERY SELECT 'replayed', NULL, NULL, o.status, to_jsonb(s);
        RETURN;
    END IF;
    IF code IS NOT NULL THEN
        RETURN QUERY SELECT 'rejected', code, detail, o.status, NULL::jsonb;
        RETURN;
    END IF;
    IF is_brought AND o.invoice_id IS NULL THEN
        PERFORM open_drafts(ARRAY[o.customer_id], ARRAY[s.delivery_date]);
    END IF;
    UPDATE order_items i SET delivered_quantity = coalesce((SELECT (w ->> 'delivered_quantity')::numeric
        FROM jsonb_array_elements(p_items) w WHERE (w ->> 'product_id')::uuid = i.product_id), 0)
    WHERE i.order_id = o.id;
    -- The visit that is told anew took place when it was first told of.
    UPDATE orders x SET status = new_status, delivery_confirmed = is_brought, updated_at = now(),
        delivered_on = CASE WHEN is_brought THEN s.delivery_date END,
        delivered_at = CASE WHEN is_brought THEN coalesce(o.delivered_at, s.confirmed_at) END,
        invoice_id = CASE WHEN is_brought THEN coalesce(o.invoice_id, draft_for(o.customer_id, s.delivery_date)) END
    WHERE x.id = o.id;
    UPDATE delivery_statuses x SET status = lower(new_status), corrected_at = p_at,
        delivered_at = CASE WHEN is_brought THEN coalesce(o.delivered_at, s.confirmed_at) END,
        corrected_by_user_id = p_corrected_by, correction_reason = p_reason, updated_at = now()
    WHERE x.id = s.id RETURNING x.* INTO s;
    -- The standing order's latest delivery: this one, or if it was this one, the latest that is left.
    UPDATE subscriptions x SET updated_at = now(), (last_delivery_date, last_delivery_at, last_delivery_confirmed) = (
        SELECT y.delivered_on, y.delivered_at, true FROM orders y
        WHERE y.subscription_id = x.id AND y.delivered_on IS NOT NULL
        ORDER BY y.delivered_on DESC, y.delivered_at DESC LIMIT 1)
    WHERE x.id = o.subscription_id AND is_brought <> (o.delivered_on IS NOT NULL)
        AND CASE WHEN is_brought THEN x.last_delivery_date IS NULL OR x.last_delivery_date <= s.delivery_date
            ELSE x.last_delivery_date = o.delivered_on END;
    RETURN QUERY SELECT 'confirmed', NULL, NULL, new_status, to_jsonb(s);
END $$;
"""

# An order's delivery status says what the order says, and goes only when the order is no longer delivered.
DELIVERY_STATUSES_AGREE = """
CREATE FUNCTION delivery_statuses_agree_with_orders() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    disagrees boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        SELECT o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') AND s.id IS NULL INTO disagrees
        FROM orders o LEFT JOIN delivery_statuses s ON s.order_id = o.id WHERE o.id = OLD.order_id;
    ELSE
        SELECT CASE WHEN o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED')
            THEN s.status <> lower(o.status) OR s.delivery_date <> o.delivered_on
            ELSE s.status <> 'not_delivered' END INTO disagrees
        FROM delivery_statuses s JOIN orders o ON o.id = s.order_id WHERE s.id = NEW.id;
    END IF;
    IF disagrees THEN
        RAISE EXCEPTION 'an order and its delivery status disagree'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_delivery_statuses_agree';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_delivery_statuses_agree AFTER INSERT OR UPDATE OR DELETE ON delivery_statuses
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION delivery_statuses_agree_with_orders();
"""

after_tables(CONFIRM_DELIVERIES)
after_tables(CORRECT_DELIVERY)
after_tables(DELIVERY_STATUSES_AGREE, {"tr_delivery_statuses_agree": "illegal_transition"})
