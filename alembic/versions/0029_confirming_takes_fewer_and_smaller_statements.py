"""Confirming takes fewer and smaller statements.

Why: a single confirmation spent two thirds of its time on starting statements, not on what they read and wrote. Its
    verdict is PL/pgSQL now (judge_confirmation), what it writes comes as arrays instead of JSON, an open draft is found
    by one look, and guards look first at whether there is anything to judge. WHENs are parsed anew for each statement:
    two long ones became short. What is refused, with which code and in which order, is as before.
Locks: ACCESS EXCLUSIVE on orders and order_items for a moment: three triggers are made anew.
Undo: gives the functions and triggers of before back.
"""

from dairy_app.common.revisions import run

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

CONFIRMING = """
-- squawk-ignore ban-drop-function
DROP FUNCTION judge_confirmations(jsonb, uuid[], uuid, uuid[], date, date, text, timestamptz);
-- squawk-ignore ban-drop-function
DROP FUNCTION write_confirmations(jsonb, uuid, text, text, uuid, inet, text, timestamptz);
CREATE FUNCTION judge_confirmation(
    p_confirmation jsonb, p_boy uuid, p_areas uuid[], p_first date, p_last date, p_shift text, p_at timestamptz,
    OUT code text, OUT detail text, OUT customer_id uuid, OUT subscription_id uuid, OUT boy uuid, OUT event_id uuid,
    OUT new_status text, OUT day date, OUT delivered_at timestamptz, OUT draft uuid
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    wanted uuid := (p_confirmation ->> 'order_id')::uuid;
    moment timestamptz := coalesce((p_confirmation ->> 'delivered_at')::timestamptz, p_at);
    named jsonb := p_confirmation -> 'items';
    refuses_all boolean := coalesce(p_confirmation ->> 'status' = 'not_delivered', false);
    was text;
    planned date;
    earliest date;
    latest date;
    today date;
    moment_day date;
    is_empty boolean;
    is_foreign boolean;
    exceeds boolean;
    is_unnamed boolean;
    is_twice boolean;
    is_broken boolean;
    is_full boolean;
    is_nothing boolean;
    is_same boolean;
    is_corrected boolean;
    is_of_that_event boolean;
BEGIN
    -- Without items: all of it or nothing. Nearly always a draft holds the day; if none does, open_drafts decides.
    SELECT o.customer_id, o.subscription_id, coalesce(o.delivery_boy_id, c.delivery_boy_id),
        (p_confirmation ->> 'client_event_id')::uuid, o.status, o.delivery_date,
        o.delivery_date - d.delivery_window_days, o.delivery_date + d.delivery_window_days,
        (p_at AT TIME ZONE d.time_zone)::date, m.day, w.day, n.is_empty, NOT refuses_all, refuses_all, n.is_same,
        (SELECT i.id FROM invoices i WHERE i.customer_id = o.customer_id AND i.status = 'draft'
            AND i.companion_of IS NULL AND w.day BETWEEN i.period_start AND i.period_end)
    INTO customer_id, subscription_id, boy, event_id, was, planned, earliest, latest, today, moment_day, day, is_empty,
        is_full, is_nothing, is_same, draft
    FROM settings d CROSS JOIN orders o JOIN customers c ON c.id = o.customer_id
    CROSS JOIN LATERAL (SELECT (moment AT TIME ZONE d.time_zone)::date AS day) m
    CROSS JOIN LATERAL (SELECT coalesce((p_confirmation ->> 'delivery_date')::date, m.day) AS day) w
    CROSS JOIN LATERAL (SELECT count(*) = 0 AS is_empty, bool_and(i.delivered_quantity IS NOT DISTINCT FROM
            CASE WHEN refuses_all THEN 0 ELSE i.quantity END) AS is_same
        FROM order_items i WHERE i.order_id = wanted) n
    WHERE o.id = wanted AND (p_boy IS NULL OR coalesce(o.delivery_boy_id, c.delivery_boy_id) = p_boy)
        AND (p_areas IS NULL OR coalesce(o.area_id, c.area_id) = ANY (p_areas))
        AND (p_shift IS NULL OR o.shift = p_shift)
        AND o.delivery_date BETWEEN coalesce(p_first, o.delivery_date) AND coalesce(p_last, o.delivery_date);
    IF NOT FOUND THEN
        code := 'order_not_found';
        RETURN;
    END IF;
    IF jsonb_typeof(named) = 'array' THEN
        SELECT EXISTS (SELECT FROM jsonb_array_elements(named) x WHERE NOT EXISTS (SELECT FROM order_items i
                WHERE i.order_id = wanted AND i.product_id = (x ->> 'product_id')::uuid)),
            bool_or(q.delivered NOT BETWEEN 0 AND i.quantity),
            bool_or(q.delivered IS NULL),
            count(*) > count(DISTINCT i.product_id),
            bool_or(q.delivered <> trunc(q.delivered) AND i.quantity = trunc(i.quantity) AND (SELECT
                p.unit IN ('piece', 'packet', 'dozen') FROM products p WHERE p.id = i.product_id)),
            bool_and(q.delivered = i.quantity),
            bool_and(q.delivered = 0),
            bool_and(q.delivered IS NOT DISTINCT FROM i.delivered_quantity)
        INTO is_foreign, exceeds, is_unnamed, is_twice, is_broken, is_full, is_nothing, is_same
        FROM order_items i
        LEFT JOIN LATERAL (SELECT (x ->> 'delivered_quantity')::numeric AS delivered
            FROM jsonb_array_elements(named) x WHERE (x ->> 'product_id')::uuid = i.product_id) x ON true
        CROSS JOIN LATERAL (SELECT CASE WHEN refuses_all THEN 0 ELSE x.delivered END AS delivered) q
        WHERE i.order_id = wanted;
    END IF;
    IF was IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED') THEN
        SELECT s.corrected_at IS NOT NULL, s.client_event_id = event_id INTO is_corrected, is_of_that_event
        FROM delivery_statuses s WHERE s.order_id = wanted;
    END IF;
    code := CASE
        WHEN (p_confirmation ->> 'customer_id')::uuid <> customer_id THEN 'customer_mismatch'
        WHEN was = 'CANCELLED' THEN 'order_cancelled'
        WHEN is_foreign THEN 'product_not_in_order'
        WHEN is_empty THEN 'illegal_transition'
        WHEN exceeds THEN 'quantity_exceeds_ordered'
        WHEN is_unnamed OR is_twice OR is_broken THEN 'validation_failed'
        WHEN was IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR was = 'NOT_DELIVERED' AND (is_nothing OR is_corrected)
            THEN CASE WHEN is_same OR is_corrected AND is_of_that_event THEN 'replayed' ELSE 'confirmed_differently' END
        WHEN day > today OR moment > p_at + interval '10 minutes' THEN 'delivery_date_in_future'
        WHEN day NOT BETWEEN earliest AND latest THEN 'delivery_date_outside_window' END;
    IF code IS NULL AND event_id IS NOT NULL THEN
        SELECT 'already_exists' INTO code FROM delivery_statuses s
        WHERE s.client_event_id = event_id AND s.order_id <> wanted;
    END IF;
    IF code IS NOT NULL THEN
        detail := CASE code
            WHEN 'illegal_transition' THEN 'The order has no items.'
            WHEN 'delivery_date_in_future' THEN format('%s has not come yet.', greatest(day, moment_day))
            WHEN 'delivery_date_outside_window' THEN format(
                'The order is for %s; it can be confirmed for a delivery from %s to %s, not for %s.',
                planned, earliest, latest, day)
            WHEN 'validation_failed' THEN CASE WHEN is_twice THEN 'A product is named twice.'
                WHEN is_broken THEN 'A product that is sold whole is delivered whole.'
                ELSE 'With items, every product of the order must be named.' END
            WHEN 'already_exists' THEN 'The client_event_id was used for another order.' END;
        RETURN;
    END IF;
    new_status := CASE WHEN is_nothing THEN 'NOT_DELIVERED' WHEN is_full THEN 'DELIVERED'
        ELSE 'PARTIALLY_DELIVERED' END;
    delivered_at := CASE WHEN NOT is_nothing THEN moment END;
END $$;
CREATE FUNCTION write_confirmations(
    p_orders uuid[], p_customers uuid[], p_subscriptions uuid[], p_boys uuid[], p_statuses text[], p_days date[],
    p_moments timestamptz[], p_drafts uuid[], p_told jsonb[], p_confirmed_by uuid, p_confirmed_by_name text,
    p_method text, p_shared_link_id uuid, p_ip inet, p_device text, p_at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF num_nulls(VARIADIC p_drafts) > 0 THEN  -- otherwise every day lies in a draft
        PERFORM open_drafts(array_agg(p_customers[j.n]), array_agg(p_days[j.n]))
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
            THEN coalesce(p_drafts[j.n], draft_for(o.customer_id, p_days[j.n])) END
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
CREATE OR REPLACE FUNCTION confirm_deliveries(
    p_confirmations jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text, p_shared_link_id uuid,
    p_boy uuid, p_area uuid, p_first date, p_last date, p_shift text, p_ip inet, p_device text, p_at timestamptz
) RETURNS TABLE (item_index integer, outcome text, code text, detail text, order_id uuid, order_status text,
    delivery_status jsonb)
-- Planned once per session: planning takes four times as long as confirming. On the first morning that is with tables
-- that are still empty; a plan that reads such a table whole would take minutes an hour later. The settings are read
-- whole nevertheless, at a price that looks worth compiling: that would take seconds, for each confirmation.
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_mergejoin = off
SET jit = off AS $$
#variable_conflict use_column
DECLARE
    many integer := coalesce(jsonb_array_length(p_confirmations), 0);
    ids uuid[];
    turns integer[];
    last_turn integer;
    areas uuid[];
    confirmation jsonb;
    j record;
    codes text[];
    details text[];
    -- Of those that are right:
    orders uuid[];
    customers uuid[];
    subscriptions uuid[];
    boys uuid[];
    statuses text[];
    days date[];
    moments timestamptz[];
    told jsonb[];
    drafts uuid[];
    events uuid[];
BEGIN
    IF many = 1 THEN
        ids := ARRAY[(p_confirmations -> 0 ->> 'order_id')::uuid];
    ELSE  -- of an order that is named twice, the second is judged as the first left it
        SELECT array_agg(t.id ORDER BY t.n), array_agg(t.turn ORDER BY t.n), coalesce(max(t.turn), 0)
        INTO ids, turns, last_turn
        FROM (SELECT e.n, (e.c ->> 'order_id')::uuid AS id,
                row_number() OVER (PARTITION BY (e.c ->> 'order_id')::uuid ORDER BY e.n) - 1 AS turn
            FROM jsonb_array_elements(p_confirmations) WITH ORDINALITY AS e (c, n)) t;
    END IF;
    IF p_area IS NOT NULL THEN
        areas := ARRAY(WITH RECURSIVE below AS (SELECT p_area AS id UNION
            SELECT a.id FROM areas a JOIN below b ON a.parent_id = b.id) SELECT id FROM below);
    END IF;
    PERFORM FROM customers c WHERE c.id = ANY (ARRAY(SELECT o.customer_id FROM orders o WHERE o.id = ANY (ids)))
        ORDER BY c.id FOR NO KEY UPDATE;
    PERFORM FROM orders o WHERE o.id = ANY (ids) ORDER BY o.id FOR NO KEY UPDATE;
    IF many = 1 THEN
        confirmation := p_confirmations -> 0;
        j := judge_confirmation(confirmation, p_boy, areas, p_first, p_last, p_shift, p_at);
        IF j.code IS NULL THEN
            PERFORM write_confirmations(ids, ARRAY[j.customer_id], ARRAY[j.subscription_id], ARRAY[j.boy],
                ARRAY[j.new_status], ARRAY[j.day], ARRAY[j.delivered_at], ARRAY[j.draft], ARRAY[confirmation],
                p_confirmed_by, p_confirmed_by_name, p_method, p_shared_link_id, p_ip, p_device, p_at);
        END IF;
        codes := ARRAY[j.code];
        details := ARRAY[j.detail];
    ELSE
        FOR turn IN 0 .. last_turn LOOP
            orders := '{}';
            customers := '{}';
            subscriptions := '{}';
            boys := '{}';
            statuses := '{}';
            days := '{}';
            moments := '{}';
            drafts := '{}';
            told := '{}';
            events := '{}';
            FOR n IN 1 .. many LOOP
                CONTINUE WHEN turns[n] <> turn;
                confirmation := p_confirmations -> n - 1;
                j := judge_confirmation(confirmation, p_boy, areas, p_first, p_last, p_shift, p_at);
                IF j.code IS NULL AND j.event_id = ANY (events) THEN  -- it names one order: the first one that stands
                    j.code := 'already_exists';
                    j.detail := 'The client_event_id was used for another order.';
                END IF;
                IF j.code IS NULL THEN
                    orders := orders || ids[n];
                    customers := customers || j.customer_id;
                    subscriptions := subscriptions || j.subscription_id;
                    boys := boys || j.boy;
                    statuses := statuses || j.new_status;
                    days := days || j.day;
                    moments := moments || j.delivered_at;
                    drafts := drafts || j.draft;
                    told := told || confirmation;
                    events := events || j.event_id;
                END IF;
                codes[n] := j.code;
                details[n] := j.detail;
            END LOOP;
            IF orders <> '{}' THEN
                PERFORM write_confirmations(orders, customers, subscriptions, boys, statuses, days, moments, drafts,
                    told, p_confirmed_by, p_confirmed_by_name, p_method, p_shared_link_id, p_ip, p_device, p_at);
            END IF;
        END LOOP;
    END IF;
    RETURN QUERY
    SELECT v.n::integer - 1,
        CASE WHEN codes[v.n] IS NULL THEN 'confirmed' WHEN codes[v.n] = 'replayed' THEN 'replayed' ELSE 'rejected' END,
        nullif(codes[v.n], 'replayed'), details[v.n], v.order_id, o.status, to_jsonb(s)
    FROM unnest(ids) WITH ORDINALITY AS v (order_id, n)
    LEFT JOIN orders o ON o.id = v.order_id AND codes[v.n] IS DISTINCT FROM 'order_not_found'
    LEFT JOIN delivery_statuses s ON s.order_id = o.id
    ORDER BY v.n;
END $$;
"""

GUARDS = """
CREATE OR REPLACE FUNCTION order_items_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM changed i
        WHERE i.quantity <> trunc(i.quantity) OR i.delivered_quantity <> trunc(i.delivered_quantity)) THEN
        RETURN NULL;  -- the rest would join three tables to find it out
    END IF;
    IF TG_OP = 'INSERT' THEN
        broken := EXISTS (SELECT FROM changed i
            JOIN products p ON p.id = i.product_id JOIN orders o ON o.id = i.order_id
            WHERE (i.quantity <> trunc(i.quantity) OR i.delivered_quantity <> trunc(i.delivered_quantity))
                AND p.unit IN ('piece', 'packet', 'dozen') AND o.source <> 'import'
                AND (o.order_type = 'one_time' OR i.quantity = trunc(i.quantity)));
    ELSE
        broken := EXISTS (SELECT FROM changed i
            JOIN products p ON p.id = i.product_id JOIN orders o ON o.id = i.order_id
            LEFT JOIN departed d ON d.order_id = i.order_id AND d.line_no = i.line_no AND d.quantity = i.quantity
            WHERE (i.quantity <> trunc(i.quantity) OR i.delivered_quantity <> trunc(i.delivered_quantity))
                AND p.unit IN ('piece', 'packet', 'dozen') AND o.source <> 'import'
                AND (i.quantity = trunc(i.quantity) OR o.order_type = 'one_time' AND d.order_id IS NULL));
    END IF;
    IF broken THEN
        RAISE EXCEPTION 'a product that is sold whole is ordered and delivered whole'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_are_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION order_items_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    papers uuid[];
    frozen boolean;
    unsaid boolean;
BEGIN
    -- Row by row, by key: a join is planned once for many rows, and for a day's thousands it reads all billed orders.
    IF NOT EXISTS (SELECT FROM changed c
        WHERE (SELECT o.invoice_id FROM orders o WHERE o.id = c.order_id) IS NOT NULL) THEN
        RETURN NULL;  -- an item stays with its order (order_items_stay): where it was is where it is
    END IF;
    SELECT array_agg(DISTINCT q.paper), bool_or(q.said IS NULL) INTO papers, unsaid
    FROM (SELECT (SELECT o.invoice_id FROM orders o WHERE o.id = c.order_id) AS paper, c.delivered_quantity AS said
        FROM changed c OFFSET 0) q
    WHERE q.paper IS NOT NULL;
    SELECT bool_or(NOT (status = 'draft' OR (status = 'external' AND TG_OP = 'INSERT'))) INTO frozen
    FROM (SELECT status FROM invoices WHERE id = ANY (papers) ORDER BY id FOR SHARE) paper;
    IF frozen THEN
        RAISE EXCEPTION 'items of an invoiced order are frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_touch_only_drafts';
    ELSIF TG_OP = 'INSERT' AND unsaid THEN
        RAISE EXCEPTION 'an item joins a delivered order only with what was delivered of it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_agree_with_items';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION orders_agree_with_items() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    touched uuid;
    agrees boolean;
BEGIN
    -- The usual case asks one table: whether the row as this change left it fits the other table. A later change of
    -- the row is judged by its own call. Whatever does not fit is judged whole below, as both are by now.
    IF TG_TABLE_NAME = 'orders' THEN
        touched := NEW.id;
        IF NEW.status = 'DELIVERED' THEN
            SELECT bool_and(i.item_status IS NOT DISTINCT FROM 'full') INTO agrees
            FROM order_items i WHERE i.order_id = touched;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        touched := OLD.order_id;
    ELSE
        touched := NEW.order_id;
        -- With it the order agrees as much as without it: as before, or as judged for what else was changed.
        SELECT CASE o.status WHEN 'DELIVERED' THEN NEW.item_status IS NOT DISTINCT FROM 'full'
            WHEN 'PARTIALLY_DELIVERED' THEN false ELSE coalesce(NEW.delivered_quantity, 0) = 0 END
        INTO agrees FROM orders o WHERE o.id = touched;
    END IF;
    IF agrees THEN
        RETURN NULL;
    END IF;
    SELECT CASE o.status
        WHEN 'DELIVERED' THEN count(i.order_id) > 0 AND count(*) FILTER (WHERE i.item_status = 'full') = count(*)
        WHEN 'PARTIALLY_DELIVERED' THEN count(i.delivered_quantity) = count(*)
            AND sum(i.delivered_quantity) > 0 AND sum(i.delivered_quantity) < sum(i.quantity)
        ELSE coalesce(sum(i.delivered_quantity), 0) = 0 END
    INTO agrees
    FROM orders o LEFT JOIN order_items i ON i.order_id = o.id WHERE o.id = touched GROUP BY o.id;
    IF NOT agrees THEN
        RAISE EXCEPTION 'order % and its items disagree about what was delivered', touched
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_agree_with_items';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION orders_follow_transitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (CASE OLD.status
        WHEN 'PENDING' THEN true
        WHEN 'OUT_FOR_DELIVERY' THEN NEW.status <> 'PENDING'
        WHEN 'CANCELLED' THEN NEW.status = 'PENDING' AND OLD.cancelled_by_subscription
        WHEN 'NOT_DELIVERED' THEN NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'CANCELLED')
        ELSE NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED') END) THEN
        RAISE EXCEPTION 'order % cannot become % from %', NEW.id, NEW.status, OLD.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_follow_transitions';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION delivery_statuses_agree_with_orders() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    disagrees boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        SELECT o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') AND s.id IS NULL INTO disagrees
        FROM orders o LEFT JOIN delivery_statuses s ON s.order_id = o.id WHERE o.id = OLD.order_id;
    ELSE
        -- A row that was changed again is asked for by that change; only what disagrees is read once more.
        SELECT CASE WHEN o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED')
            THEN NEW.status <> lower(o.status) OR NEW.delivery_date <> o.delivered_on
            ELSE NEW.status <> 'not_delivered' END INTO disagrees
        FROM orders o WHERE o.id = NEW.order_id;
        IF disagrees THEN
            SELECT CASE WHEN o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED')
                THEN s.status <> lower(o.status) OR s.delivery_date <> o.delivered_on
                ELSE s.status <> 'not_delivered' END INTO disagrees
            FROM delivery_statuses s JOIN orders o ON o.id = s.order_id WHERE s.id = NEW.id;
        END IF;
    END IF;
    IF disagrees THEN
        RAISE EXCEPTION 'an order and its delivery status disagree'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_delivery_statuses_agree';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER tr_orders_agree_with_items_update ON orders;
CREATE CONSTRAINT TRIGGER tr_orders_agree_with_items_update AFTER UPDATE OF status ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.delivery_confirmed OR NEW.delivery_confirmed)
    EXECUTE FUNCTION orders_agree_with_items();
DROP TRIGGER tr_orders_follow_transitions ON orders;
CREATE TRIGGER tr_orders_follow_transitions BEFORE UPDATE OF status ON orders
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION orders_follow_transitions();
DROP TRIGGER tr_order_items_touch_only_drafts_update ON order_items;
CREATE TRIGGER tr_order_items_touch_only_drafts_update AFTER UPDATE ON order_items
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
"""

CONFIRMING_BEFORE = """
-- squawk-ignore ban-drop-function
DROP FUNCTION judge_confirmation(jsonb, uuid, uuid[], date, date, text, timestamptz);
-- squawk-ignore ban-drop-function
DROP FUNCTION write_confirmations(uuid[], uuid[], uuid[], uuid[], text[], date[], timestamptz[], uuid[], jsonb[],
    uuid, text, text, uuid, inet, text, timestamptz);
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
CREATE OR REPLACE FUNCTION confirm_deliveries(
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
"""

GUARDS_BEFORE = """
CREATE OR REPLACE FUNCTION order_items_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := EXISTS (SELECT FROM changed i
            JOIN products p ON p.id = i.product_id JOIN orders o ON o.id = i.order_id
            WHERE (i.quantity <> trunc(i.quantity) OR i.delivered_quantity <> trunc(i.delivered_quantity))
                AND p.unit IN ('piece', 'packet', 'dozen') AND o.source <> 'import'
                AND (o.order_type = 'one_time' OR i.quantity = trunc(i.quantity)));
    ELSE
        broken := EXISTS (SELECT FROM changed i
            JOIN products p ON p.id = i.product_id JOIN orders o ON o.id = i.order_id
            LEFT JOIN departed d ON d.order_id = i.order_id AND d.line_no = i.line_no AND d.quantity = i.quantity
            WHERE (i.quantity <> trunc(i.quantity) OR i.delivered_quantity <> trunc(i.delivered_quantity))
                AND p.unit IN ('piece', 'packet', 'dozen') AND o.source <> 'import'
                AND (i.quantity = trunc(i.quantity) OR o.order_type = 'one_time' AND d.order_id IS NULL));
    END IF;
    IF broken THEN
        RAISE EXCEPTION 'a product that is sold whole is ordered and delivered whole'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_are_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION order_items_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    papers uuid[];
    frozen boolean;
    unsaid boolean;
BEGIN
    SELECT array_agg(DISTINCT o.invoice_id), bool_or(changed.delivered_quantity IS NULL) INTO papers, unsaid
    FROM changed JOIN orders o ON o.id = changed.order_id WHERE o.invoice_id IS NOT NULL;
    IF TG_OP = 'UPDATE' THEN
        SELECT papers || array_agg(DISTINCT o.invoice_id) INTO papers
        FROM arrived JOIN orders o ON o.id = arrived.order_id WHERE o.invoice_id IS NOT NULL;
    END IF;
    IF papers IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT bool_or(NOT (status = 'draft' OR (status = 'external' AND TG_OP = 'INSERT'))) INTO frozen
    FROM (SELECT status FROM invoices WHERE id = ANY (papers) ORDER BY id FOR SHARE) paper;
    IF frozen THEN
        RAISE EXCEPTION 'items of an invoiced order are frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_touch_only_drafts';
    ELSIF TG_OP = 'INSERT' AND unsaid THEN
        RAISE EXCEPTION 'an item joins a delivered order only with what was delivered of it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_agree_with_items';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION orders_agree_with_items() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    touched uuid;
    agrees boolean;
BEGIN
    IF TG_TABLE_NAME = 'orders' THEN
        touched := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        touched := OLD.order_id;
    ELSE
        touched := NEW.order_id;
    END IF;
    SELECT CASE o.status
        WHEN 'DELIVERED' THEN count(i.order_id) > 0 AND count(*) FILTER (WHERE i.item_status = 'full') = count(*)
        WHEN 'PARTIALLY_DELIVERED' THEN count(i.delivered_quantity) = count(*)
            AND sum(i.delivered_quantity) > 0 AND sum(i.delivered_quantity) < sum(i.quantity)
        ELSE coalesce(sum(i.delivered_quantity), 0) = 0 END
    INTO agrees
    FROM orders o LEFT JOIN order_items i ON i.order_id = o.id WHERE o.id = touched GROUP BY o.id;
    IF NOT agrees THEN
        RAISE EXCEPTION 'order % and its items disagree about what was delivered', touched
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_agree_with_items';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION orders_follow_transitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'order % cannot become % from %', NEW.id, NEW.status, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_follow_transitions';
END $$;
CREATE OR REPLACE FUNCTION delivery_statuses_agree_with_orders() RETURNS trigger
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
DROP TRIGGER tr_orders_agree_with_items_update ON orders;
CREATE CONSTRAINT TRIGGER tr_orders_agree_with_items_update AFTER UPDATE OF status ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR OLD.status IN ('DELIVERED', 'PARTIALLY_DELIVERED'))
    EXECUTE FUNCTION orders_agree_with_items();
DROP TRIGGER tr_orders_follow_transitions ON orders;
CREATE TRIGGER tr_orders_follow_transitions BEFORE UPDATE OF status ON orders
    FOR EACH ROW WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
        WHEN 'PENDING' THEN true
        WHEN 'OUT_FOR_DELIVERY' THEN NEW.status <> 'PENDING'
        WHEN 'CANCELLED' THEN NEW.status = 'PENDING' AND OLD.cancelled_by_subscription
        WHEN 'NOT_DELIVERED' THEN NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'CANCELLED')
        ELSE NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED') END)
    EXECUTE FUNCTION orders_follow_transitions();
DROP TRIGGER tr_order_items_touch_only_drafts_update ON order_items;
CREATE TRIGGER tr_order_items_touch_only_drafts_update AFTER UPDATE ON order_items
    REFERENCING OLD TABLE AS changed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
"""


def upgrade() -> None:
    run(CONFIRMING)
    run(GUARDS)


def downgrade() -> None:
    run(GUARDS_BEFORE)
    run(CONFIRMING_BEFORE)
