"""An order says whose invoice it is on, and that it is its payer's is asked by a trigger and a foreign key.

Why: see 0067. Until now each order was on an invoice of its own customer, and those of before are filled so.
Locks: rows of orders of some customers at a time while they are filled; then a moment of ACCESS EXCLUSIVE on orders and
    customers for each constraint, and SHARE UPDATE EXCLUSIVE while they are read or indexed: nobody waits. Each
    delivered order is written once. Cut short, it is run again.
Undo: puts the former foreign key back; refused while an order is on the invoice of another than its customer.
"""

from dairy_app.common.revisions import in_batches, in_steps, run

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

#: First, so that what is delivered while the others are filled is filled already.
COLUMN = (
    "ALTER TABLE orders ADD COLUMN IF NOT EXISTS payer_id uuid;",
    """
COMMENT ON COLUMN orders.payer_id IS
    'Whose invoice it is on: the customer''s own, or whom the customer was billed to. Set by the database.';""",
    """
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS judge_confirmation(jsonb, uuid, uuid[], date, date, text, text, timestamptz);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS write_confirmations(uuid[], uuid[], uuid[], uuid[], text[], date[], timestamptz[], uuid[],
    jsonb[], uuid, text, text, uuid, inet, text, timestamptz);
CREATE OR REPLACE FUNCTION payer_for(p_customer uuid, p_day date) RETURNS uuid LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    payer uuid;
    is_elsewhere boolean;
BEGIN
    SELECT coalesce(c.billed_to, c.id),
        EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id AND o.payer_id <> o.customer_id)
    INTO payer, is_elsewhere
    FROM customers c WHERE c.id = p_customer;
    IF payer <> p_customer OR is_elsewhere THEN
        SELECT d.customer_id INTO payer FROM (
            SELECT i.customer_id, i.period_end, i.id FROM invoices i
            WHERE i.customer_id = p_customer AND i.status = 'draft' AND i.companion_of IS NULL
                AND i.period_end >= p_day
                AND EXISTS (SELECT FROM orders o WHERE o.invoice_id = i.id AND o.customer_id = p_customer)
            UNION ALL
            SELECT i.customer_id, i.period_end, i.id FROM orders o JOIN invoices i ON i.id = o.invoice_id
            WHERE o.customer_id = p_customer AND o.payer_id <> o.customer_id AND i.status = 'draft'
                AND i.period_end >= p_day
            UNION ALL
            SELECT payer, 'infinity', NULL
        ) d ORDER BY d.period_end, d.id LIMIT 1;
    END IF;
    RETURN payer;
END $$;
CREATE OR REPLACE FUNCTION payers_of(p_customers uuid[]) RETURNS SETOF uuid LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT w.id FROM unnest(p_customers) AS w (id)
    UNION SELECT c.billed_to FROM customers c WHERE c.id = ANY (p_customers) AND c.billed_to IS NOT NULL
    UNION SELECT o.payer_id FROM orders o JOIN invoices i ON i.id = o.invoice_id
    WHERE o.customer_id = ANY (p_customers) AND o.payer_id <> o.customer_id AND i.status = 'draft';
END;
CREATE OR REPLACE FUNCTION judge_confirmation(
    p_confirmation jsonb, p_boy uuid, p_areas uuid[], p_first date, p_last date, p_shift text, p_method text,
    p_at timestamptz, OUT code text, OUT detail text, OUT customer_id uuid, OUT subscription_id uuid, OUT boy uuid,
    OUT event_id uuid, OUT new_status text, OUT day date, OUT delivered_at timestamptz, OUT payer uuid, OUT draft uuid,
    OUT extras jsonb
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    wanted uuid := (p_confirmation ->> 'order_id')::uuid;
    told uuid := (p_confirmation ->> 'customer_id')::uuid;
    moment timestamptz := coalesce((p_confirmation ->> 'delivered_at')::timestamptz, p_at);
    named jsonb := p_confirmation -> 'items';
    refuses_all boolean := coalesce(p_confirmation ->> 'status' = 'not_delivered', false);
    was text;
    planned date;
    earliest date;
    latest date;
    today date;
    moment_day date;
    most numeric;
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
    has_same_extras boolean;
    has_same_empties boolean;
BEGIN
    -- Without items: all of it or nothing. Nearly always a draft holds the day; if none does, open_drafts decides. And
    -- nearly always nobody else pays for the customer, and nobody did: payer_for is not asked.
    SELECT o.customer_id, o.subscription_id, coalesce(o.delivery_boy_id, c.delivery_boy_id),
        (p_confirmation ->> 'client_event_id')::uuid, o.status, o.delivery_date,
        o.delivery_date - d.delivery_window_days, o.delivery_date + d.delivery_window_days,
        (p_at AT TIME ZONE d.time_zone)::date, m.day, w.day, n.most, n.is_empty, NOT refuses_all, refuses_all,
        n.is_same, q.payer, (SELECT i.id FROM invoices i WHERE i.customer_id = q.payer AND i.status = 'draft'
            AND i.companion_of IS NULL AND w.day BETWEEN i.period_start AND i.period_end)
    INTO customer_id, subscription_id, boy, event_id, was, planned, earliest, latest, today, moment_day, day, most,
        is_empty, is_full, is_nothing, is_same, payer, draft
    FROM settings d CROSS JOIN orders o JOIN customers c ON c.id = o.customer_id
    CROSS JOIN LATERAL (SELECT (moment AT TIME ZONE d.time_zone)::date AS day) m
    CROSS JOIN LATERAL (SELECT coalesce((p_confirmation ->> 'delivery_date')::date, m.day) AS day) w
    CROSS JOIN LATERAL (SELECT CASE WHEN c.billed_to IS NULL AND NOT EXISTS (SELECT FROM orders x
            WHERE x.customer_id = c.id AND x.payer_id <> x.customer_id) THEN c.id
            ELSE payer_for(c.id, w.day) END AS payer) q
    CROSS JOIN LATERAL (SELECT max(i.quantity) AS most, count(*) = 0 AS is_empty,
            bool_and(i.delivered_quantity IS NOT DISTINCT FROM
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
        has_same_extras := extras_are_as_told(wanted, p_confirmation -> 'extra_items');
        has_same_empties := empties_are_as_told(wanted, p_confirmation -> 'empties');
    END IF;
    code := CASE
        WHEN told <> customer_id AND NOT follows_merge(told, customer_id) THEN 'customer_mismatch'
        WHEN was = 'CANCELLED' THEN 'order_cancelled'
        WHEN is_foreign THEN 'product_not_in_order'
        WHEN is_empty THEN 'illegal_transition'
        WHEN exceeds THEN 'quantity_exceeds_ordered'
        WHEN is_unnamed OR is_twice OR is_broken THEN 'validation_failed'
        WHEN was IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR was = 'NOT_DELIVERED' AND (is_nothing OR is_corrected)
            THEN CASE WHEN is_same AND has_same_extras AND has_same_empties OR is_corrected AND is_of_that_event
                THEN 'replayed' ELSE 'confirmed_differently' END
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
    -- A second visit to a door where nothing was delivered: what else was handed over at the first one is written down.
    IF jsonb_array_length(p_confirmation -> 'extra_items') > 0 AND has_same_extras IS NOT TRUE THEN
        IF EXISTS (SELECT FROM orders o WHERE o.placed_at_door_of = wanted) THEN
            code := 'confirmed_differently';
            detail := 'Other extra items were confirmed at this door before.';
            RETURN;
        END IF;
        SELECT x.code, x.detail, x.priced INTO code, detail, extras
        FROM judge_extras(p_confirmation -> 'extra_items', customer_id, day, p_method, false) x;
        IF code IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    -- What cannot be counted is a slip of the order; a product has at most 1000 containers to one unit.
    IF most > 1000 AND NOT is_nothing AND EXISTS (SELECT FROM order_items i JOIN products p ON p.id = i.product_id
        WHERE i.order_id = wanted AND p.container_id IS NOT NULL AND i.quantity * p.containers_per_unit > 1000000) THEN
        code := 'too_many_empties';
        detail := 'At most 1000000 containers go out with one order: change its quantity.';
        RETURN;
    END IF;
    new_status := CASE WHEN is_nothing THEN 'NOT_DELIVERED' WHEN is_full THEN 'DELIVERED'
        ELSE 'PARTIALLY_DELIVERED' END;
    IF jsonb_array_length(p_confirmation -> 'empties') > 0 AND has_same_empties IS NOT TRUE THEN
        IF has_same_empties IS FALSE AND NOT empties_are_as_told(wanted, '[]') THEN
            code := 'confirmed_differently';
            detail := 'Other empties were counted at this door before.';
            RETURN;
        END IF;
        SELECT x.code, x.detail INTO code, detail
        FROM judge_empties(p_confirmation -> 'empties', customer_id, wanted, new_status, named, extras) x;
        IF code IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    delivered_at := CASE WHEN NOT is_nothing THEN moment END;
END $$;
CREATE OR REPLACE FUNCTION write_confirmations(
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
CREATE OR REPLACE FUNCTION orders_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper_status text;
    paper_end date;
    paper_of uuid;
    stays boolean := false;
    is_own boolean;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        stays := OLD.invoice_id IS NOT NULL
            AND (NEW.customer_id = OLD.customer_id OR follows_merge(OLD.customer_id, NEW.customer_id));
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.invoice_id IS NOT NULL THEN
        SELECT status INTO paper_status FROM invoices WHERE id = OLD.invoice_id FOR SHARE;
        IF TG_OP = 'DELETE' OR paper_status = 'issued'
            OR (paper_status <> 'draft' AND NEW.invoice_id IS NOT DISTINCT FROM OLD.invoice_id) THEN
            IF TG_OP = 'UPDATE' AND stays
                AND (NEW.customer_id, NEW.payer_id) IS DISTINCT FROM (OLD.customer_id, OLD.payer_id)
                AND (NEW.payer_id = OLD.payer_id OR follows_merge(OLD.payer_id, NEW.payer_id))
                AND (NEW.id, NEW.order_type, NEW.subscription_id, NEW.delivery_date, NEW.status, NEW.delivered_on,
                    NEW.invoice_id)
                IS NOT DISTINCT FROM (OLD.id, OLD.order_type, OLD.subscription_id, OLD.delivery_date, OLD.status,
                    OLD.delivered_on, OLD.invoice_id) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'order % stands on an invoice that is %', OLD.id, paper_status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_touch_only_drafts';
        END IF;
        stays := stays AND paper_status <> 'external';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF NEW.invoice_id IS NULL THEN
        NEW.payer_id := NULL;
        RETURN NEW;
    END IF;
    IF stays AND OLD.payer_id IS NOT NULL
        AND (NEW.invoice_id, NEW.delivered_on) IS NOT DISTINCT FROM (OLD.invoice_id, OLD.delivered_on) THEN
        NEW.payer_id := OLD.payer_id;
        RETURN NEW;
    END IF;
    SELECT status, period_end, customer_id INTO paper_status, paper_end, paper_of
    FROM invoices WHERE id = NEW.invoice_id AND companion_of IS NULL FOR SHARE;
    IF TG_OP = 'INSERT' OR NEW.invoice_id IS DISTINCT FROM OLD.invoice_id
        OR NEW.delivered_on IS DISTINCT FROM OLD.delivered_on THEN
        IF paper_status IS DISTINCT FROM 'draft'
            AND NOT (TG_OP = 'INSERT' AND NEW.source = 'import' AND paper_status = 'external') THEN
            RAISE EXCEPTION 'order % can only join a draft invoice', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_touch_only_drafts';
        ELSIF NEW.delivered_on > paper_end THEN
            RAISE EXCEPTION 'order % was delivered after the invoice''s period ended', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_within_period';
        END IF;
    END IF;
    NEW.payer_id := paper_of;
    IF stays AND (NEW.payer_id = OLD.payer_id OR follows_merge(OLD.payer_id, NEW.payer_id)) THEN
        RETURN NEW;
    END IF;
    -- Whoever changes by whom the customer is billed waits; most pay for themselves, and did so before.
    SELECT c.billed_to IS NULL AND c.id = paper_of AND NOT EXISTS (SELECT FROM orders o
        WHERE o.customer_id = NEW.customer_id AND o.payer_id <> o.customer_id)
    INTO is_own FROM customers c WHERE c.id = NEW.customer_id FOR SHARE;
    IF NOT (is_own OR paper_status = 'external' AND paper_of = NEW.customer_id)
        AND paper_of IS DISTINCT FROM payer_for(NEW.customer_id, NEW.delivered_on) THEN
        RAISE EXCEPTION 'order % is not billed to the customer of invoice %', NEW.id, NEW.invoice_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_on_invoice_of_payer';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION confirm_deliveries(
    p_confirmations jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text, p_shared_link_id uuid,
    p_boy uuid, p_area uuid, p_first date, p_last date, p_shift text, p_ip inet, p_device text, p_at timestamptz
) RETURNS TABLE (item_index integer, outcome text, code text, detail text, order_id uuid, order_status text,
    delivery_status jsonb, extra_order_id uuid)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_mergejoin = off
SET jit = off AS $$
#variable_conflict use_column
DECLARE
    many integer := coalesce(jsonb_array_length(p_confirmations), 0);
    ids uuid[];
    turns integer[];
    last_turn integer;
    has_empties boolean := p_confirmations @? '$[*].empties[*]';
    areas uuid[];
    reached uuid[];
    locked uuid[];
    confirmation jsonb;
    j record;
    codes text[];
    details text[];
    made uuid[];
    -- Of those that are right:
    orders uuid[];
    customers uuid[];
    payers uuid[];
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
                row_number() OVER (PARTITION BY coalesce(w.whose, (e.c ->> 'order_id')::uuid) ORDER BY e.n) - 1 AS turn
            FROM jsonb_array_elements(p_confirmations) WITH ORDINALITY AS e (c, n)
            CROSS JOIN LATERAL (SELECT CASE WHEN has_empties THEN (SELECT o.customer_id FROM orders o
                WHERE o.id = (e.c ->> 'order_id')::uuid) END AS whose) w) t;
    END IF;
    IF p_area IS NOT NULL THEN
        areas := ARRAY(WITH RECURSIVE below AS (SELECT p_area AS id UNION
            SELECT a.id FROM areas a JOIN below b ON a.parent_id = b.id) SELECT id FROM below);
    END IF;
    reached := ARRAY(SELECT o.customer_id FROM orders o WHERE o.id = ANY (ids));
    locked := ARRAY(SELECT c.id FROM customers c WHERE c.id = ANY (ARRAY(SELECT p.id FROM payers_of(reached) AS p (id)))
        ORDER BY c.id FOR NO KEY UPDATE);
    PERFORM FROM orders o WHERE o.id = ANY (ids) ORDER BY o.id FOR NO KEY UPDATE;
    IF many = 1 THEN
        confirmation := p_confirmations -> 0;
        j := judge_confirmation(confirmation, p_boy, areas, p_first, p_last, p_shift, p_method, p_at);
        IF j.customer_id IS NOT NULL AND NOT locked @> ARRAY[j.customer_id, j.payer] THEN
            RAISE EXCEPTION 'the customer was merged, or is billed to another, meanwhile'
                USING ERRCODE = 'serialization_failure';
        END IF;
        IF j.code IS NULL THEN
            PERFORM write_confirmations(ids, ARRAY[j.customer_id], ARRAY[j.payer], ARRAY[j.subscription_id],
                ARRAY[j.boy], ARRAY[j.new_status], ARRAY[j.day], ARRAY[j.delivered_at], ARRAY[j.draft],
                ARRAY[confirmation], p_confirmed_by, p_confirmed_by_name, p_method, p_shared_link_id, p_ip, p_device,
                p_at);
            IF j.extras IS NOT NULL THEN
                made[1] := write_extras(ids[1], j.extras, j.day, confirmation, p_confirmed_by, p_confirmed_by_name,
                    p_method, p_shared_link_id, p_ip, p_device, p_at);
            END IF;
            IF has_empties THEN
                PERFORM write_empties(ids, ARRAY[j.customer_id], ARRAY[j.day], ARRAY[j.boy],
                    ARRAY[confirmation -> 'empties']);
            END IF;
        END IF;
        codes := ARRAY[j.code];
        details := ARRAY[j.detail];
    ELSE
        FOR turn IN 0 .. last_turn LOOP
            orders := '{}';
            customers := '{}';
            payers := '{}';
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
                j := judge_confirmation(confirmation, p_boy, areas, p_first, p_last, p_shift, p_method, p_at);
                IF j.customer_id IS NOT NULL AND (j.customer_id <> ALL (locked) OR j.payer <> ALL (locked)) THEN
                    RAISE EXCEPTION 'a customer was merged, or is billed to another, meanwhile'
                        USING ERRCODE = 'serialization_failure';
                END IF;
                IF j.code IS NULL AND j.event_id = ANY (events) THEN  -- it names one order: the first one that stands
                    j.code := 'already_exists';
                    j.detail := 'The client_event_id was used for another order.';
                END IF;
                IF j.extras IS NOT NULL AND j.code IS NULL THEN  -- at once: the limit of the door is judged with it
                    PERFORM write_confirmations(ids[n : n], ARRAY[j.customer_id], ARRAY[j.payer],
                        ARRAY[j.subscription_id], ARRAY[j.boy], ARRAY[j.new_status], ARRAY[j.day],
                        ARRAY[j.delivered_at], ARRAY[j.draft], ARRAY[confirmation], p_confirmed_by,
                        p_confirmed_by_name, p_method, p_shared_link_id, p_ip, p_device, p_at);
                    made[n] := write_extras(ids[n], j.extras, j.day, confirmation, p_confirmed_by, p_confirmed_by_name,
                        p_method, p_shared_link_id, p_ip, p_device, p_at);
                    PERFORM write_empties(ids[n : n], ARRAY[j.customer_id], ARRAY[j.day], ARRAY[j.boy],
                        ARRAY[nullif(confirmation -> 'empties', '[]')]);
                ELSIF j.code IS NULL THEN
                    orders := orders || ids[n];
                    customers := customers || j.customer_id;
                    payers := payers || j.payer;
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
                PERFORM write_confirmations(orders, customers, payers, subscriptions, boys, statuses, days, moments,
                    drafts, told, p_confirmed_by, p_confirmed_by_name, p_method, p_shared_link_id, p_ip, p_device,
                    p_at);
                IF has_empties THEN
                    PERFORM write_empties(orders, customers, days, boys, ARRAY(SELECT nullif(t.c -> 'empties', '[]')
                        FROM unnest(told) WITH ORDINALITY AS t (c, n) ORDER BY t.n));
                END IF;
            END IF;
        END LOOP;
    END IF;
    RETURN QUERY
    SELECT v.n::integer - 1,
        CASE WHEN codes[v.n] IS NULL THEN 'confirmed' WHEN codes[v.n] = 'replayed' THEN 'replayed' ELSE 'rejected' END,
        nullif(codes[v.n], 'replayed'), details[v.n], v.order_id, o.status, to_jsonb(s),
        CASE WHEN codes[v.n] = 'replayed' THEN (SELECT x.id FROM orders x WHERE x.placed_at_door_of = v.order_id)
            ELSE made[v.n] END
    FROM unnest(ids) WITH ORDINALITY AS v (order_id, n)
    LEFT JOIN orders o ON o.id = v.order_id AND codes[v.n] IS DISTINCT FROM 'order_not_found'
    LEFT JOIN delivery_statuses s ON s.order_id = o.id
    ORDER BY v.n;
END $$;
CREATE OR REPLACE FUNCTION write_door_order(
    p_customer uuid, p_door_of uuid, p_items jsonb, p_day date, p_shift text, p_address jsonb, p_notes text, p_boy uuid,
    p_area uuid, p_moment timestamptz, p_told jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text,
    p_shared_link_id uuid, p_ip inet, p_device text, p_at timestamptz
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
    payer uuid := payer_for(p_customer, p_day);
BEGIN
    PERFORM open_drafts(ARRAY[payer], ARRAY[p_day]);
    INSERT INTO orders (customer_id, delivery_date, shift, status, delivery_boy_id, area_id, placed_by, source, address,
        notes, placed_at_door_of, delivered_on, delivered_at, delivery_confirmed, invoice_id)
    VALUES (p_customer, p_day, p_shift, 'DELIVERED', p_boy, p_area, p_confirmed_by, 'door', p_address, p_notes,
        p_door_of, p_day, p_moment, true, draft_for(payer, p_day))
    RETURNING id INTO made;
    INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity)
    SELECT made, e.n, (e.x ->> 'product_id')::uuid, (e.x ->> 'quantity')::numeric, (e.x ->> 'unit_price')::numeric,
        e.x ->> 'price_source', (e.x ->> 'quantity')::numeric
    FROM jsonb_array_elements(p_items) WITH ORDINALITY AS e (x, n);
    INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, delivered_at, delivery_boy_id,
        confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method, shared_link_id, ip_address,
        device_info, client_event_id, device_time, latitude, longitude)
    VALUES (made, p_customer, p_day, 'delivered', p_moment, p_boy, p_confirmed_by, p_confirmed_by_name, p_at, p_method,
        p_shared_link_id, p_ip, p_device, (p_told ->> 'client_event_id')::uuid,
        (p_told ->> 'device_time')::timestamptz, (p_told ->> 'latitude')::numeric, (p_told ->> 'longitude')::numeric);
    RETURN made;
END $$;
CREATE OR REPLACE FUNCTION correct_delivery(
    p_order uuid, p_items jsonb, p_empties jsonb, p_reason text, p_corrected_by uuid, p_boy uuid, p_only_on date,
    p_at timestamptz
) RETURNS TABLE (outcome text, code text, detail text, order_status text, delivery_status jsonb)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    o orders;
    reached uuid[];
    locked uuid[];
    payer uuid;
    s delivery_statuses;
    paper text;
    n record;
    new_status text;
    is_brought boolean;
BEGIN
    reached := ARRAY(SELECT x.customer_id FROM orders x WHERE x.id = p_order);
    locked := ARRAY(SELECT c.id FROM customers c WHERE c.id = ANY (ARRAY(SELECT p.id FROM payers_of(reached) AS p (id)))
        ORDER BY c.id FOR NO KEY UPDATE);
    SELECT x.* INTO o FROM orders x JOIN customers c ON c.id = x.customer_id
    WHERE x.id = p_order AND (p_boy IS NULL OR coalesce(x.delivery_boy_id, c.delivery_boy_id) = p_boy)
    FOR NO KEY UPDATE OF x;
    SELECT x.* INTO s FROM delivery_statuses x WHERE x.order_id = o.id FOR NO KEY UPDATE;
    payer := coalesce(o.payer_id, payer_for(o.customer_id, s.delivery_date));
    SELECT i.status INTO paper FROM invoices i WHERE i.id = o.invoice_id;
    IF o.id IS NOT NULL AND (o.customer_id <> ALL (locked)
        OR payer <> ALL (locked) AND coalesce(paper, 'draft') = 'draft') THEN
        RAISE EXCEPTION 'the customer was merged, or is billed to another, meanwhile'
            USING ERRCODE = 'serialization_failure';
    END IF;
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
    ELSIF EXISTS (SELECT FROM jsonb_array_elements(p_empties) x
            WHERE NOT EXISTS (SELECT FROM containers c WHERE c.id = (x ->> 'container_id')::uuid)) THEN
        code := 'container_not_found';
    ELSIF n.is_same AND (p_empties IS NULL OR empties_are_as_told(o.id, p_empties)) THEN
        RETURN QUERY SELECT 'replayed', NULL, NULL, o.status, to_jsonb(s);
        RETURN;
    END IF;
    IF code IS NOT NULL THEN
        RETURN QUERY SELECT 'rejected', code, detail, o.status, NULL::jsonb;
        RETURN;
    END IF;
    IF is_brought AND o.invoice_id IS NULL THEN
        PERFORM open_drafts(ARRAY[payer], ARRAY[s.delivery_date]);
    END IF;
    UPDATE order_items i SET delivered_quantity = coalesce((SELECT (w ->> 'delivered_quantity')::numeric
        FROM jsonb_array_elements(p_items) w WHERE (w ->> 'product_id')::uuid = i.product_id), 0)
    WHERE i.order_id = o.id;
    IF p_empties IS NOT NULL THEN
        PERFORM write_empties(ARRAY[o.id], ARRAY[o.customer_id], ARRAY[s.delivery_date], ARRAY[s.delivery_boy_id],
            ARRAY[p_empties]);
    END IF;
    -- The visit that is told anew took place when it was first told of.
    UPDATE orders x SET status = new_status, delivery_confirmed = is_brought, updated_at = now(),
        delivered_on = CASE WHEN is_brought THEN s.delivery_date END,
        delivered_at = CASE WHEN is_brought THEN coalesce(o.delivered_at, s.confirmed_at) END,
        invoice_id = CASE WHEN is_brought THEN coalesce(o.invoice_id, draft_for(payer, s.delivery_date)) END
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
    IF EXISTS (SELECT FROM container_balances b WHERE b.customer_id = o.customer_id AND b.balance < 0) THEN
        RETURN QUERY SELECT 'rejected', 'more_back_than_out', 'Say what came back anew, too.', new_status, NULL::jsonb;
        RETURN;
    END IF;
    RETURN QUERY SELECT 'confirmed', NULL, NULL, new_status, to_jsonb(s);
END $$;
CREATE OR REPLACE FUNCTION credit_exposures(p_customers uuid[], p_day date) RETURNS TABLE (
    customer_id uuid, credit_limit numeric, balance numeric, draft numeric, ordered numeric, exposure numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    v_customers uuid[] := coalesce(p_customers, ARRAY(SELECT c.id FROM customers c
        WHERE c.credit_limit IS NOT NULL OR c.payment_terms = 'prepaid'));
    v_own uuid[] := ARRAY(SELECT c.id FROM customers c WHERE c.id = ANY (v_customers) AND c.billed_to IS NULL);
    v_others uuid[] := ARRAY(SELECT c.id FROM customers c WHERE c.billed_to = ANY (v_customers));
BEGIN
RETURN QUERY WITH goods AS (
    SELECT o.customer_id, p.tax_class, false AS is_delivered, sum(round(i.quantity * i.unit_price, 2)) AS amount
    FROM orders o
    JOIN order_items i ON i.order_id = o.id
    JOIN products p ON p.id = i.product_id
    WHERE o.customer_id = ANY (v_own) AND o.status IN ('PENDING', 'OUT_FOR_DELIVERY')
    GROUP BY 1, 2
    UNION ALL
    SELECT c.billed_to, p.tax_class, false, sum(round(i.quantity * i.unit_price, 2))
    FROM customers c
    JOIN orders o ON o.customer_id = c.id
    JOIN order_items i ON i.order_id = o.id
    JOIN products p ON p.id = i.product_id
    WHERE c.id = ANY (v_others) AND o.status IN ('PENDING', 'OUT_FOR_DELIVERY')
    GROUP BY 1, 2
    UNION ALL
    SELECT d.customer_id, p.tax_class, true, sum(round(i.delivered_quantity * i.unit_price, 2))
    FROM invoices d
    JOIN orders o ON o.invoice_id = d.id
    JOIN order_items i ON i.order_id = o.id
    JOIN products p ON p.id = i.product_id
    WHERE d.customer_id = ANY (v_customers) AND d.status = 'draft'
    GROUP BY 1, 2
    UNION ALL
    SELECT d.customer_id, a.tax_class, true, sum(a.amount)
    FROM invoices d
    JOIN adjustments a ON a.invoice_id = d.id
    WHERE d.customer_id = ANY (v_customers) AND d.status = 'draft'
    GROUP BY 1, 2
), valued AS (
    SELECT g.customer_id, coalesce(sum(v.amount) FILTER (WHERE g.is_delivered), 0) AS draft,
        coalesce(sum(v.amount) FILTER (WHERE NOT g.is_delivered), 0) AS ordered
    FROM goods g
    LEFT JOIN tax_factors(p_day) f ON f.tax_class = g.tax_class
    CROSS JOIN LATERAL (SELECT round(g.amount * coalesce(f.factor, 1), 2) AS amount) v
    GROUP BY 1
), owed AS (
    SELECT l.customer_id, sum(l.debit - l.credit) AS balance FROM customer_ledger l
    WHERE l.customer_id = ANY (v_customers) GROUP BY 1
)
SELECT c.id, coalesce(c.credit_limit, CASE c.payment_terms WHEN 'prepaid' THEN 0 END), coalesce(w.balance, 0),
    coalesce(v.draft, 0), coalesce(v.ordered, 0), coalesce(w.balance, 0) + coalesce(v.draft, 0) + coalesce(v.ordered, 0)
FROM customers c
LEFT JOIN owed w ON w.customer_id = c.id
LEFT JOIN valued v ON v.customer_id = c.id
WHERE c.id = ANY (v_customers);
END $$;
CREATE OR REPLACE FUNCTION invoices_equal_their_lines() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    papers uuid[];
    carrying uuid[];
    wrong text;
BEGIN
    SELECT array_agg(n.id), array_agg(DISTINCT coalesce(n.companion_of, n.id)) INTO papers, carrying
    FROM arrived n JOIN departed d ON d.id = n.id WHERE d.status = 'draft' AND n.status = 'issued';
    IF papers IS NULL THEN
        RETURN NULL;
    END IF;
    WITH billed AS (
        SELECT l.invoice_id, l.delivered_to, sum(l.line_total) AS total,
            sum(l.quantity) FILTER (WHERE l.product_id IS NOT NULL) AS quantity,
            sum(l.gross_amount) FILTER (WHERE l.source = 'adjustment') AS adjusted
        FROM invoice_lines l WHERE l.invoice_id = ANY (papers) GROUP BY 1, 2
    ), documents AS (  -- a companion's lines count for the paper that carries the orders
        SELECT coalesce(n.companion_of, n.id) AS paper, n.number, n.total - n.round_off AS total, b.total AS billed,
            b.delivered_to, b.quantity, b.adjusted
        FROM arrived n LEFT JOIN billed b ON b.invoice_id = n.id WHERE n.id = ANY (papers)
    )
    SELECT number INTO wrong FROM documents GROUP BY number, total HAVING sum(billed) IS DISTINCT FROM total
    UNION ALL
    SELECT coalesce(min(e.number), e.paper::text) FROM (
        SELECT paper, number, delivered_to, quantity, adjusted FROM documents
        UNION ALL
        SELECT o.invoice_id, NULL, nullif(o.customer_id, o.payer_id), -sum(i.delivered_quantity), NULL
        FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.invoice_id = ANY (carrying) GROUP BY 1, 3
        UNION ALL
        SELECT a.invoice_id, NULL, NULL, NULL, -a.amount FROM adjustments a WHERE a.invoice_id = ANY (carrying)
    ) e
    GROUP BY e.paper, e.delivered_to HAVING coalesce(sum(e.quantity), 0) <> 0 OR coalesce(sum(e.adjusted), 0) <> 0
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % does not equal its lines and deliveries', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_equal_their_lines';
    END IF;
    SELECT n.number INTO wrong FROM arrived n
    WHERE n.id = ANY (papers) AND n.invoice_date <= (SELECT late_through((min(m.issued_at) AT TIME ZONE
        (SELECT time_zone FROM settings))::date) FROM arrived m)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % is dated into a month whose return is filed', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_dated_after_return';
    END IF;
    RETURN NULL;
END $$;
""",
)

FUNCTIONS_BEFORE = """
-- squawk-ignore ban-drop-function
DROP FUNCTION judge_confirmation(jsonb, uuid, uuid[], date, date, text, text, timestamptz);
-- squawk-ignore ban-drop-function
DROP FUNCTION write_confirmations(uuid[], uuid[], uuid[], uuid[], uuid[], text[], date[], timestamptz[],
    uuid[], jsonb[], uuid, text, text, uuid, inet, text, timestamptz);
CREATE FUNCTION judge_confirmation(
    p_confirmation jsonb, p_boy uuid, p_areas uuid[], p_first date, p_last date, p_shift text, p_method text,
    p_at timestamptz, OUT code text, OUT detail text, OUT customer_id uuid, OUT subscription_id uuid, OUT boy uuid,
    OUT event_id uuid, OUT new_status text, OUT day date, OUT delivered_at timestamptz, OUT draft uuid, OUT extras jsonb
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    wanted uuid := (p_confirmation ->> 'order_id')::uuid;
    told uuid := (p_confirmation ->> 'customer_id')::uuid;
    moment timestamptz := coalesce((p_confirmation ->> 'delivered_at')::timestamptz, p_at);
    named jsonb := p_confirmation -> 'items';
    refuses_all boolean := coalesce(p_confirmation ->> 'status' = 'not_delivered', false);
    was text;
    planned date;
    earliest date;
    latest date;
    today date;
    moment_day date;
    most numeric;
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
    has_same_extras boolean;
    has_same_empties boolean;
BEGIN
    -- Without items: all of it or nothing. Nearly always a draft holds the day; if none does, open_drafts decides.
    SELECT o.customer_id, o.subscription_id, coalesce(o.delivery_boy_id, c.delivery_boy_id),
        (p_confirmation ->> 'client_event_id')::uuid, o.status, o.delivery_date,
        o.delivery_date - d.delivery_window_days, o.delivery_date + d.delivery_window_days,
        (p_at AT TIME ZONE d.time_zone)::date, m.day, w.day, n.most, n.is_empty, NOT refuses_all, refuses_all,
        n.is_same, (SELECT i.id FROM invoices i WHERE i.customer_id = o.customer_id AND i.status = 'draft'
            AND i.companion_of IS NULL AND w.day BETWEEN i.period_start AND i.period_end)
    INTO customer_id, subscription_id, boy, event_id, was, planned, earliest, latest, today, moment_day, day, most,
        is_empty, is_full, is_nothing, is_same, draft
    FROM settings d CROSS JOIN orders o JOIN customers c ON c.id = o.customer_id
    CROSS JOIN LATERAL (SELECT (moment AT TIME ZONE d.time_zone)::date AS day) m
    CROSS JOIN LATERAL (SELECT coalesce((p_confirmation ->> 'delivery_date')::date, m.day) AS day) w
    CROSS JOIN LATERAL (SELECT max(i.quantity) AS most, count(*) = 0 AS is_empty,
            bool_and(i.delivered_quantity IS NOT DISTINCT FROM
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
        has_same_extras := extras_are_as_told(wanted, p_confirmation -> 'extra_items');
        has_same_empties := empties_are_as_told(wanted, p_confirmation -> 'empties');
    END IF;
    code := CASE
        WHEN told <> customer_id AND NOT follows_merge(told, customer_id) THEN 'customer_mismatch'
        WHEN was = 'CANCELLED' THEN 'order_cancelled'
        WHEN is_foreign THEN 'product_not_in_order'
        WHEN is_empty THEN 'illegal_transition'
        WHEN exceeds THEN 'quantity_exceeds_ordered'
        WHEN is_unnamed OR is_twice OR is_broken THEN 'validation_failed'
        WHEN was IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR was = 'NOT_DELIVERED' AND (is_nothing OR is_corrected)
            THEN CASE WHEN is_same AND has_same_extras AND has_same_empties OR is_corrected AND is_of_that_event
                THEN 'replayed' ELSE 'confirmed_differently' END
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
    -- A second visit to a door where nothing was delivered: what else was handed over at the first one is written down.
    IF jsonb_array_length(p_confirmation -> 'extra_items') > 0 AND has_same_extras IS NOT TRUE THEN
        IF EXISTS (SELECT FROM orders o WHERE o.placed_at_door_of = wanted) THEN
            code := 'confirmed_differently';
            detail := 'Other extra items were confirmed at this door before.';
            RETURN;
        END IF;
        SELECT x.code, x.detail, x.priced INTO code, detail, extras
        FROM judge_extras(p_confirmation -> 'extra_items', customer_id, day, p_method, false) x;
        IF code IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    -- What cannot be counted is a slip of the order; a product has at most 1000 containers to one unit.
    IF most > 1000 AND NOT is_nothing AND EXISTS (SELECT FROM order_items i JOIN products p ON p.id = i.product_id
        WHERE i.order_id = wanted AND p.container_id IS NOT NULL AND i.quantity * p.containers_per_unit > 1000000) THEN
        code := 'too_many_empties';
        detail := 'At most 1000000 containers go out with one order: change its quantity.';
        RETURN;
    END IF;
    new_status := CASE WHEN is_nothing THEN 'NOT_DELIVERED' WHEN is_full THEN 'DELIVERED'
        ELSE 'PARTIALLY_DELIVERED' END;
    IF jsonb_array_length(p_confirmation -> 'empties') > 0 AND has_same_empties IS NOT TRUE THEN
        IF has_same_empties IS FALSE AND NOT empties_are_as_told(wanted, '[]') THEN
            code := 'confirmed_differently';
            detail := 'Other empties were counted at this door before.';
            RETURN;
        END IF;
        SELECT x.code, x.detail INTO code, detail
        FROM judge_empties(p_confirmation -> 'empties', customer_id, wanted, new_status, named, extras) x;
        IF code IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
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
CREATE OR REPLACE FUNCTION orders_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper_status text;
    paper_end date;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.invoice_id IS NOT NULL THEN
        SELECT status INTO paper_status FROM invoices WHERE id = OLD.invoice_id FOR SHARE;
        IF TG_OP = 'DELETE' OR paper_status = 'issued'
            OR (paper_status <> 'draft' AND NEW.invoice_id IS NOT DISTINCT FROM OLD.invoice_id) THEN
            IF TG_OP = 'UPDATE' AND follows_merge(OLD.customer_id, NEW.customer_id)
                AND (NEW.id, NEW.order_type, NEW.subscription_id, NEW.delivery_date, NEW.status, NEW.delivered_on,
                    NEW.invoice_id)
                IS NOT DISTINCT FROM (OLD.id, OLD.order_type, OLD.subscription_id, OLD.delivery_date, OLD.status,
                    OLD.delivered_on, OLD.invoice_id) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'order % stands on an invoice that is %', OLD.id, paper_status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_touch_only_drafts';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.invoice_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.invoice_id IS DISTINCT FROM OLD.invoice_id
        OR NEW.delivered_on IS DISTINCT FROM OLD.delivered_on) THEN
        SELECT status, period_end INTO paper_status, paper_end
        FROM invoices WHERE id = NEW.invoice_id AND companion_of IS NULL FOR SHARE;
        IF paper_status IS DISTINCT FROM 'draft'
            AND NOT (TG_OP = 'INSERT' AND NEW.source = 'import' AND paper_status = 'external') THEN
            RAISE EXCEPTION 'order % can only join a draft invoice', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_touch_only_drafts';
        ELSIF NEW.delivered_on > paper_end THEN
            RAISE EXCEPTION 'order % was delivered after the invoice''s period ended', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_within_period';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION confirm_deliveries(
    p_confirmations jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text, p_shared_link_id uuid,
    p_boy uuid, p_area uuid, p_first date, p_last date, p_shift text, p_ip inet, p_device text, p_at timestamptz
) RETURNS TABLE (item_index integer, outcome text, code text, detail text, order_id uuid, order_status text,
    delivery_status jsonb, extra_order_id uuid)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_mergejoin = off
SET jit = off AS $$
#variable_conflict use_column
DECLARE
    many integer := coalesce(jsonb_array_length(p_confirmations), 0);
    ids uuid[];
    turns integer[];
    last_turn integer;
    has_empties boolean := p_confirmations @? '$[*].empties[*]';
    areas uuid[];
    locked uuid[];
    confirmation jsonb;
    j record;
    codes text[];
    details text[];
    made uuid[];
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
                row_number() OVER (PARTITION BY coalesce(w.whose, (e.c ->> 'order_id')::uuid) ORDER BY e.n) - 1 AS turn
            FROM jsonb_array_elements(p_confirmations) WITH ORDINALITY AS e (c, n)
            CROSS JOIN LATERAL (SELECT CASE WHEN has_empties THEN (SELECT o.customer_id FROM orders o
                WHERE o.id = (e.c ->> 'order_id')::uuid) END AS whose) w) t;
    END IF;
    IF p_area IS NOT NULL THEN
        areas := ARRAY(WITH RECURSIVE below AS (SELECT p_area AS id UNION
            SELECT a.id FROM areas a JOIN below b ON a.parent_id = b.id) SELECT id FROM below);
    END IF;
    locked := ARRAY(SELECT c.id FROM customers c
        WHERE c.id = ANY (ARRAY(SELECT o.customer_id FROM orders o WHERE o.id = ANY (ids)))
        ORDER BY c.id FOR NO KEY UPDATE);
    PERFORM FROM orders o WHERE o.id = ANY (ids) ORDER BY o.id FOR NO KEY UPDATE;
    IF many = 1 THEN
        confirmation := p_confirmations -> 0;
        j := judge_confirmation(confirmation, p_boy, areas, p_first, p_last, p_shift, p_method, p_at);
        IF j.customer_id IS NOT NULL AND j.customer_id <> ALL (locked) THEN
            RAISE EXCEPTION 'the customer was merged meanwhile' USING ERRCODE = 'serialization_failure';
        END IF;
        IF j.code IS NULL THEN
            PERFORM write_confirmations(ids, ARRAY[j.customer_id], ARRAY[j.subscription_id], ARRAY[j.boy],
                ARRAY[j.new_status], ARRAY[j.day], ARRAY[j.delivered_at], ARRAY[j.draft], ARRAY[confirmation],
                p_confirmed_by, p_confirmed_by_name, p_method, p_shared_link_id, p_ip, p_device, p_at);
            IF j.extras IS NOT NULL THEN
                made[1] := write_extras(ids[1], j.extras, j.day, confirmation, p_confirmed_by, p_confirmed_by_name,
                    p_method, p_shared_link_id, p_ip, p_device, p_at);
            END IF;
            IF has_empties THEN
                PERFORM write_empties(ids, ARRAY[j.customer_id], ARRAY[j.day], ARRAY[j.boy],
                    ARRAY[confirmation -> 'empties']);
            END IF;
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
                j := judge_confirmation(confirmation, p_boy, areas, p_first, p_last, p_shift, p_method, p_at);
                IF j.customer_id IS NOT NULL AND j.customer_id <> ALL (locked) THEN
                    RAISE EXCEPTION 'a customer was merged meanwhile' USING ERRCODE = 'serialization_failure';
                END IF;
                IF j.code IS NULL AND j.event_id = ANY (events) THEN  -- it names one order: the first one that stands
                    j.code := 'already_exists';
                    j.detail := 'The client_event_id was used for another order.';
                END IF;
                IF j.extras IS NOT NULL AND j.code IS NULL THEN  -- at once: the limit of the door is judged with it
                    PERFORM write_confirmations(ids[n : n], ARRAY[j.customer_id], ARRAY[j.subscription_id],
                        ARRAY[j.boy], ARRAY[j.new_status], ARRAY[j.day], ARRAY[j.delivered_at], ARRAY[j.draft],
                        ARRAY[confirmation], p_confirmed_by, p_confirmed_by_name, p_method, p_shared_link_id, p_ip,
                        p_device, p_at);
                    made[n] := write_extras(ids[n], j.extras, j.day, confirmation, p_confirmed_by, p_confirmed_by_name,
                        p_method, p_shared_link_id, p_ip, p_device, p_at);
                    PERFORM write_empties(ids[n : n], ARRAY[j.customer_id], ARRAY[j.day], ARRAY[j.boy],
                        ARRAY[nullif(confirmation -> 'empties', '[]')]);
                ELSIF j.code IS NULL THEN
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
                IF has_empties THEN
                    PERFORM write_empties(orders, customers, days, boys, ARRAY(SELECT nullif(t.c -> 'empties', '[]')
                        FROM unnest(told) WITH ORDINALITY AS t (c, n) ORDER BY t.n));
                END IF;
            END IF;
        END LOOP;
    END IF;
    RETURN QUERY
    SELECT v.n::integer - 1,
        CASE WHEN codes[v.n] IS NULL THEN 'confirmed' WHEN codes[v.n] = 'replayed' THEN 'replayed' ELSE 'rejected' END,
        nullif(codes[v.n], 'replayed'), details[v.n], v.order_id, o.status, to_jsonb(s),
        CASE WHEN codes[v.n] = 'replayed' THEN (SELECT x.id FROM orders x WHERE x.placed_at_door_of = v.order_id)
            ELSE made[v.n] END
    FROM unnest(ids) WITH ORDINALITY AS v (order_id, n)
    LEFT JOIN orders o ON o.id = v.order_id AND codes[v.n] IS DISTINCT FROM 'order_not_found'
    LEFT JOIN delivery_statuses s ON s.order_id = o.id
    ORDER BY v.n;
END $$;
CREATE OR REPLACE FUNCTION write_door_order(
    p_customer uuid, p_door_of uuid, p_items jsonb, p_day date, p_shift text, p_address jsonb, p_notes text, p_boy uuid,
    p_area uuid, p_moment timestamptz, p_told jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text,
    p_shared_link_id uuid, p_ip inet, p_device text, p_at timestamptz
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
BEGIN
    PERFORM open_drafts(ARRAY[p_customer], ARRAY[p_day]);
    INSERT INTO orders (customer_id, delivery_date, shift, status, delivery_boy_id, area_id, placed_by, source, address,
        notes, placed_at_door_of, delivered_on, delivered_at, delivery_confirmed, invoice_id)
    VALUES (p_customer, p_day, p_shift, 'DELIVERED', p_boy, p_area, p_confirmed_by, 'door', p_address, p_notes,
        p_door_of, p_day, p_moment, true, draft_for(p_customer, p_day))
    RETURNING id INTO made;
    INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity)
    SELECT made, e.n, (e.x ->> 'product_id')::uuid, (e.x ->> 'quantity')::numeric, (e.x ->> 'unit_price')::numeric,
        e.x ->> 'price_source', (e.x ->> 'quantity')::numeric
    FROM jsonb_array_elements(p_items) WITH ORDINALITY AS e (x, n);
    INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, delivered_at, delivery_boy_id,
        confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method, shared_link_id, ip_address,
        device_info, client_event_id, device_time, latitude, longitude)
    VALUES (made, p_customer, p_day, 'delivered', p_moment, p_boy, p_confirmed_by, p_confirmed_by_name, p_at, p_method,
        p_shared_link_id, p_ip, p_device, (p_told ->> 'client_event_id')::uuid,
        (p_told ->> 'device_time')::timestamptz, (p_told ->> 'latitude')::numeric, (p_told ->> 'longitude')::numeric);
    RETURN made;
END $$;
CREATE OR REPLACE FUNCTION correct_delivery(
    p_order uuid, p_items jsonb, p_empties jsonb, p_reason text, p_corrected_by uuid, p_boy uuid, p_only_on date,
    p_at timestamptz
) RETURNS TABLE (outcome text, code text, detail text, order_status text, delivery_status jsonb)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    o orders;
    holder uuid;
    s delivery_statuses;
    paper text;
    n record;
    new_status text;
    is_brought boolean;
BEGIN
    SELECT c.id INTO holder FROM customers c WHERE c.id = (SELECT x.customer_id FROM orders x WHERE x.id = p_order)
        FOR NO KEY UPDATE;
    SELECT x.* INTO o FROM orders x JOIN customers c ON c.id = x.customer_id
    WHERE x.id = p_order AND (p_boy IS NULL OR coalesce(x.delivery_boy_id, c.delivery_boy_id) = p_boy)
    FOR NO KEY UPDATE OF x;
    IF o.customer_id <> holder THEN
        RAISE EXCEPTION 'the customer was merged meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
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
    ELSIF EXISTS (SELECT FROM jsonb_array_elements(p_empties) x
            WHERE NOT EXISTS (SELECT FROM containers c WHERE c.id = (x ->> 'container_id')::uuid)) THEN
        code := 'container_not_found';
    ELSIF n.is_same AND (p_empties IS NULL OR empties_are_as_told(o.id, p_empties)) THEN
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
    IF p_empties IS NOT NULL THEN
        PERFORM write_empties(ARRAY[o.id], ARRAY[o.customer_id], ARRAY[s.delivery_date], ARRAY[s.delivery_boy_id],
            ARRAY[p_empties]);
    END IF;
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
    IF EXISTS (SELECT FROM container_balances b WHERE b.customer_id = o.customer_id AND b.balance < 0) THEN
        RETURN QUERY SELECT 'rejected', 'more_back_than_out', 'Say what came back anew, too.', new_status, NULL::jsonb;
        RETURN;
    END IF;
    RETURN QUERY SELECT 'confirmed', NULL, NULL, new_status, to_jsonb(s);
END $$;
CREATE OR REPLACE FUNCTION credit_exposures(p_customers uuid[], p_day date) RETURNS TABLE (
    customer_id uuid, credit_limit numeric, balance numeric, draft numeric, ordered numeric, exposure numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    v_customers uuid[] := coalesce(p_customers, ARRAY(SELECT c.id FROM customers c
        WHERE c.credit_limit IS NOT NULL OR c.payment_terms = 'prepaid'));
BEGIN
RETURN QUERY WITH goods AS (
    SELECT o.customer_id, p.tax_class, false AS is_delivered, sum(round(i.quantity * i.unit_price, 2)) AS amount
    FROM orders o
    JOIN order_items i ON i.order_id = o.id
    JOIN products p ON p.id = i.product_id
    WHERE o.customer_id = ANY (v_customers) AND o.status IN ('PENDING', 'OUT_FOR_DELIVERY')
    GROUP BY 1, 2
    UNION ALL
    SELECT d.customer_id, p.tax_class, true, sum(round(i.delivered_quantity * i.unit_price, 2))
    FROM invoices d
    JOIN orders o ON o.invoice_id = d.id
    JOIN order_items i ON i.order_id = o.id
    JOIN products p ON p.id = i.product_id
    WHERE d.customer_id = ANY (v_customers) AND d.status = 'draft'
    GROUP BY 1, 2
    UNION ALL
    SELECT d.customer_id, a.tax_class, true, sum(a.amount)
    FROM invoices d
    JOIN adjustments a ON a.invoice_id = d.id
    WHERE d.customer_id = ANY (v_customers) AND d.status = 'draft'
    GROUP BY 1, 2
), valued AS (
    SELECT g.customer_id, coalesce(sum(v.amount) FILTER (WHERE g.is_delivered), 0) AS draft,
        coalesce(sum(v.amount) FILTER (WHERE NOT g.is_delivered), 0) AS ordered
    FROM goods g
    LEFT JOIN tax_factors(p_day) f ON f.tax_class = g.tax_class
    CROSS JOIN LATERAL (SELECT round(g.amount * coalesce(f.factor, 1), 2) AS amount) v
    GROUP BY 1
), owed AS (
    SELECT l.customer_id, sum(l.debit - l.credit) AS balance FROM customer_ledger l
    WHERE l.customer_id = ANY (v_customers) GROUP BY 1
)
SELECT c.id, coalesce(c.credit_limit, CASE c.payment_terms WHEN 'prepaid' THEN 0 END), coalesce(w.balance, 0),
    coalesce(v.draft, 0), coalesce(v.ordered, 0), coalesce(w.balance, 0) + coalesce(v.draft, 0) + coalesce(v.ordered, 0)
FROM customers c
LEFT JOIN owed w ON w.customer_id = c.id
LEFT JOIN valued v ON v.customer_id = c.id
WHERE c.id = ANY (v_customers);
END $$;
CREATE OR REPLACE FUNCTION invoices_equal_their_lines() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    papers uuid[];
    carrying uuid[];
    wrong text;
BEGIN
    SELECT array_agg(n.id), array_agg(DISTINCT coalesce(n.companion_of, n.id)) INTO papers, carrying
    FROM arrived n JOIN departed d ON d.id = n.id WHERE d.status = 'draft' AND n.status = 'issued';
    IF papers IS NULL THEN
        RETURN NULL;
    END IF;
    WITH billed AS (
        SELECT l.invoice_id, sum(l.line_total) AS total,
            sum(l.quantity) FILTER (WHERE l.product_id IS NOT NULL) AS quantity,
            sum(l.gross_amount) FILTER (WHERE l.source = 'adjustment') AS adjusted
        FROM invoice_lines l WHERE l.invoice_id = ANY (papers) GROUP BY 1
    ), documents AS (  -- a companion's lines count for the paper that carries the orders
        SELECT coalesce(n.companion_of, n.id) AS paper, n.number, n.total - n.round_off AS total, b.total AS billed,
            b.quantity, b.adjusted
        FROM arrived n LEFT JOIN billed b ON b.invoice_id = n.id WHERE n.id = ANY (papers)
    )
    SELECT number INTO wrong FROM documents WHERE billed IS DISTINCT FROM total
    UNION ALL
    SELECT min(e.number) FROM (
        SELECT paper, number, quantity, adjusted FROM documents
        UNION ALL
        SELECT o.invoice_id, NULL, -sum(i.delivered_quantity), NULL
        FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.invoice_id = ANY (carrying) GROUP BY 1
        UNION ALL
        SELECT a.invoice_id, NULL, NULL, -a.amount FROM adjustments a WHERE a.invoice_id = ANY (carrying)
    ) e
    GROUP BY e.paper HAVING coalesce(sum(e.quantity), 0) <> 0 OR coalesce(sum(e.adjusted), 0) <> 0
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % does not equal its lines and deliveries', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_equal_their_lines';
    END IF;
    SELECT n.number INTO wrong FROM arrived n
    WHERE n.id = ANY (papers) AND n.invoice_date <= (SELECT late_through((min(m.issued_at) AT TIME ZONE
        (SELECT time_zone FROM settings))::date) FROM arrived m)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % is dated into a month whose return is filed', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_dated_after_return';
    END IF;
    RETURN NULL;
END $$;
"""

FILL = """
UPDATE orders SET payer_id = customer_id
WHERE customer_id {among} AND invoice_id IS NOT NULL AND payer_id IS NULL;
"""

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
STEPS = (
    "SET client_min_messages = warning;",
    """
-- squawk-ignore ban-drop-constraint
ALTER TABLE customers DROP CONSTRAINT IF EXISTS fk_customers_billed_to;""",
    """
-- squawk-ignore ban-drop-constraint
ALTER TABLE customers DROP CONSTRAINT IF EXISTS uq_customers_payer_key;""",
    "DROP INDEX CONCURRENTLY IF EXISTS uq_customers_payer_key;",
    "CREATE UNIQUE INDEX CONCURRENTLY uq_customers_payer_key ON customers (payer_key);",
    "ALTER TABLE customers ADD CONSTRAINT uq_customers_payer_key UNIQUE USING INDEX uq_customers_payer_key;",
    """
ALTER TABLE customers ADD CONSTRAINT fk_customers_billed_to FOREIGN KEY (billed_to)
    REFERENCES customers (payer_key) NOT VALID;""",
    "ALTER TABLE customers VALIDATE CONSTRAINT fk_customers_billed_to;",
    "ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_payer_pays_itself;",
    "ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_merged_is_not_billed;",
    "DROP INDEX CONCURRENTLY IF EXISTS ix_customers_billed_to;",
    "CREATE INDEX CONCURRENTLY ix_customers_billed_to ON customers (billed_to) WHERE billed_to IS NOT NULL;",
    "DROP INDEX CONCURRENTLY IF EXISTS ix_orders_billed_elsewhere;",
    "CREATE INDEX CONCURRENTLY ix_orders_billed_elsewhere"
    " ON orders (customer_id, invoice_id) WHERE payer_id <> customer_id;",
    "DROP INDEX CONCURRENTLY IF EXISTS ix_invoice_lines_delivered_to;",
    "CREATE INDEX CONCURRENTLY ix_invoice_lines_delivered_to"
    " ON invoice_lines (delivered_to) WHERE delivered_to IS NOT NULL;",
    "ALTER TABLE invoice_lines VALIDATE CONSTRAINT fk_invoice_lines_delivered_to;",
    """
-- squawk-ignore ban-drop-constraint
ALTER TABLE orders DROP CONSTRAINT IF EXISTS ck_orders_payer_iff_on_invoice;""",
    """
-- squawk-ignore ban-drop-constraint
ALTER TABLE orders DROP CONSTRAINT IF EXISTS fk_orders_invoice_of_payer;""",
    """
ALTER TABLE orders ADD CONSTRAINT ck_orders_payer_iff_on_invoice
    CHECK ((payer_id IS NULL) = (invoice_id IS NULL)) NOT VALID;""",
    "ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_payer_iff_on_invoice;",
    """
ALTER TABLE orders ADD CONSTRAINT fk_orders_invoice_of_payer FOREIGN KEY (invoice_id, payer_id)
    REFERENCES invoices (id, customer_id) DEFERRABLE NOT VALID;""",
    "ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_invoice_of_payer;",
    """
-- squawk-ignore ban-drop-constraint
ALTER TABLE orders DROP CONSTRAINT IF EXISTS fk_orders_invoice_of_customer;""",
    "RESET client_min_messages;",
)

TRIGGER = """
DROP TRIGGER tr_orders_touch_only_drafts_update ON orders;
CREATE TRIGGER tr_orders_touch_only_drafts_update
    BEFORE UPDATE OF id, customer_id, order_type, subscription_id, delivery_date, status, delivered_on, invoice_id{also}
    ON orders FOR EACH ROW WHEN (OLD.invoice_id IS NOT NULL OR NEW.invoice_id IS NOT NULL)
    EXECUTE FUNCTION orders_touch_only_drafts();
"""


def upgrade() -> None:
    in_steps(COLUMN)
    in_batches(FILL)
    in_steps(STEPS)
    run(TRIGGER.replace("{also}", ",\n    payer_id"))


def downgrade() -> None:
    run("""
    DO $$ BEGIN
        IF EXISTS (SELECT FROM orders WHERE payer_id <> customer_id) THEN
            RAISE EXCEPTION 'deliveries are on invoices of those who pay for them: they can have no others';
        END IF;
    END $$;
    """)
    run(TRIGGER.replace("{also}", ""))
    run(FUNCTIONS_BEFORE)
    run("""
    DROP FUNCTION payers_of(uuid[]);
    DROP FUNCTION payer_for(uuid, date);
    ALTER TABLE orders ADD CONSTRAINT fk_orders_invoice_of_customer FOREIGN KEY (invoice_id, customer_id)
        REFERENCES invoices (id, customer_id) DEFERRABLE;
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE orders DROP CONSTRAINT fk_orders_invoice_of_payer;
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE orders DROP CONSTRAINT ck_orders_payer_iff_on_invoice;
    DROP INDEX ix_invoice_lines_delivered_to;
    ALTER TABLE orders DROP COLUMN payer_id;
    DROP INDEX ix_customers_billed_to;
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE customers DROP CONSTRAINT fk_customers_billed_to;
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE customers DROP CONSTRAINT uq_customers_payer_key;
    """)
