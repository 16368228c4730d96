"""What nobody ordered and yet reached a door is an order made at the door, delivered and billed at once.

Why: a litre more at the door was written on paper, or not at all: the quantity delivered cannot exceed the one ordered.
    The order is made by the confirmation itself, in its transaction and under its lock.
Locks: ACCESS EXCLUSIVE on orders and settings for milliseconds; the constraints are validated, and the index is built,
    by the next revision.
Undo: orders made at the door become orders placed by staff; which door they belong to is lost. It is refused while
    there are any.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE settings ADD COLUMN door_extras text DEFAULT 'staff' NOT NULL;
ALTER TABLE settings ADD COLUMN door_extra_limit numeric(12, 2) DEFAULT 2000;
ALTER TABLE settings ADD CONSTRAINT ck_settings_door_extras_known
    CHECK (door_extras IN ('off', 'staff', 'staff_and_links')) NOT VALID;
ALTER TABLE settings ADD CONSTRAINT ck_settings_door_extra_limit_not_negative
    CHECK (door_extra_limit >= 0 AND door_extra_limit <> 'NaN') NOT VALID;
COMMENT ON COLUMN settings.door_extras IS
    'Whether goods that nobody ordered may be noted at the door, and by whom.';
COMMENT ON COLUMN settings.door_extra_limit IS
    'Rupees of such goods for one door and day; NULL: any amount.';
ALTER TABLE orders ADD COLUMN placed_at_door_of uuid;
COMMENT ON COLUMN orders.placed_at_door_of IS
    'What else was handed over when this order of the same customer was confirmed is an order of its own.';
ALTER TABLE orders ADD CONSTRAINT fk_orders_placed_at_door_of_customer
    FOREIGN KEY (placed_at_door_of, customer_id) REFERENCES orders (id, customer_id) NOT VALID;
ALTER TABLE orders ADD CONSTRAINT ck_orders_placed_at_door_is_door_order
    CHECK (placed_at_door_of IS NULL OR source = 'door') NOT VALID;
ALTER TABLE orders ADD CONSTRAINT ck_orders_door_order_came CHECK (source <> 'door'
    OR (order_type = 'one_time' AND status NOT IN ('PENDING', 'OUT_FOR_DELIVERY'))) NOT VALID;
-- squawk-ignore ban-drop-constraint
ALTER TABLE orders DROP CONSTRAINT ck_orders_source_known;
ALTER TABLE orders ADD CONSTRAINT ck_orders_source_known
    CHECK (source IN ('customer', 'staff', 'generator', 'shared_link', 'door', 'import')) NOT VALID;
"""

DROP = """
-- squawk-ignore ban-drop-function
DROP FUNCTION confirm_deliveries(jsonb, uuid, text, text, uuid, uuid, uuid, date, date, text, inet, text, timestamptz);
"""

UPGRADE = r"""
-- squawk-ignore ban-drop-function
DROP FUNCTION judge_confirmation(jsonb, uuid, uuid[], date, date, text, timestamptz);
CREATE FUNCTION price_of(p_customer uuid, p_product uuid, p_day date, OUT price numeric, OUT price_source text)
LANGUAGE sql STABLE
RETURN (SELECT ROW (coalesce(agreed.price, listed.price),
        CASE WHEN agreed.price = 0 THEN 'free' WHEN agreed.price IS NOT NULL THEN 'customer'
            WHEN listed.price IS NOT NULL THEN 'product' END)
    FROM (SELECT 1) one
    LEFT JOIN customer_prices agreed ON agreed.customer_id = p_customer AND agreed.product_id = p_product
        AND agreed.valid @> p_day
    LEFT JOIN product_prices listed ON listed.product_id = p_product AND listed.valid @> p_day);
CREATE FUNCTION extras_are_as_told(p_order uuid, p_extras jsonb) RETURNS boolean LANGUAGE sql STABLE
RETURN (SELECT count(*) = 0
    FROM (SELECT i.product_id, i.quantity FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.placed_at_door_of = p_order) written
    FULL JOIN (SELECT (x ->> 'product_id')::uuid AS product_id, (x ->> 'quantity')::numeric AS quantity
        FROM jsonb_array_elements(coalesce(p_extras, '[]')) x) told ON told.product_id = written.product_id
    WHERE told.quantity IS DISTINCT FROM written.quantity);
CREATE FUNCTION judge_extras(
    p_extras jsonb, p_customer uuid, p_day date, p_method text, p_was_sold boolean,
    OUT code text, OUT detail text, OUT place integer, OUT priced jsonb
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    allowed text;
    most numeric;
    worth numeric;
BEGIN
    SELECT d.door_extras, d.door_extra_limit INTO allowed, most FROM settings d;
    IF p_method IS NOT NULL AND (allowed = 'off' OR allowed = 'staff' AND p_method = 'shared_link') THEN
        code := 'forbidden';
        detail := 'Extra items are not taken at the door.';
        RETURN;
    END IF;
    SELECT (array_agg(j.wrong ORDER BY j.n) FILTER (WHERE j.wrong IS NOT NULL))[1],
        (array_agg(j.why ORDER BY j.n) FILTER (WHERE j.wrong IS NOT NULL))[1],
        min(j.n) FILTER (WHERE j.wrong IS NOT NULL) - 1,
        jsonb_agg(jsonb_build_object('product_id', j.product_id, 'quantity', j.quantity, 'unit_price', j.price,
            'price_source', j.price_source) ORDER BY j.n),
        sum(round(j.quantity * j.price, 2))
    INTO code, detail, place, priced, worth
    FROM (SELECT x.n, x.product_id, x.quantity, w.price, w.price_source,
            CASE WHEN p.id IS NULL THEN 'product_not_found'
                WHEN NOT (p.is_active OR p_was_sold) THEN 'product_inactive'
                WHEN p.unit IN ('piece', 'packet', 'dozen') AND x.quantity <> trunc(x.quantity)
                    THEN 'validation_failed'
                WHEN w.price IS NULL THEN 'no_price' END AS wrong,
            CASE WHEN p.id IS NULL THEN 'No such product.'
                WHEN NOT (p.is_active OR p_was_sold) THEN format('%s is no longer sold.', p.name)
                WHEN w.price IS NOT NULL THEN format('%s is sold whole.', p.name)
                ELSE format('%s has no price on %s.', p.name, p_day) END AS why
        FROM (SELECT e.n, (e.x ->> 'product_id')::uuid AS product_id, (e.x ->> 'quantity')::numeric AS quantity
            FROM jsonb_array_elements(p_extras) WITH ORDINALITY AS e (x, n)) x
        LEFT JOIN products p ON p.id = x.product_id
        CROSS JOIN LATERAL price_of(p_customer, x.product_id, p_day) w) j;
    IF code IS NULL AND most IS NOT NULL AND p_method IS NOT NULL THEN
        worth := worth + coalesce((SELECT sum(round(i.delivered_quantity * i.unit_price, 2))
            FROM orders o JOIN order_items i ON i.order_id = o.id
            WHERE o.customer_id = p_customer AND o.delivery_date = p_day AND o.source = 'door'), 0);
        IF worth > most THEN
            code := 'extra_above_limit';
            detail := format('Extra items of %s rupees at this door on %s; %s are allowed.', worth, p_day, most);
        END IF;
    END IF;
END $$;
CREATE FUNCTION judge_confirmation(
    p_confirmation jsonb, p_boy uuid, p_areas uuid[], p_first date, p_last date, p_shift text, p_method text,
    p_at timestamptz, OUT code text, OUT detail text, OUT customer_id uuid, OUT subscription_id uuid, OUT boy uuid,
    OUT event_id uuid, OUT new_status text, OUT day date, OUT delivered_at timestamptz, OUT draft uuid, OUT extras jsonb
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
    has_same_extras boolean;
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
        has_same_extras := extras_are_as_told(wanted, p_confirmation -> 'extra_items');
    END IF;
    code := CASE
        WHEN (p_confirmation ->> 'customer_id')::uuid <> customer_id THEN 'customer_mismatch'
        WHEN was = 'CANCELLED' THEN 'order_cancelled'
        WHEN is_foreign THEN 'product_not_in_order'
        WHEN is_empty THEN 'illegal_transition'
        WHEN exceeds THEN 'quantity_exceeds_ordered'
        WHEN is_unnamed OR is_twice OR is_broken THEN 'validation_failed'
        WHEN was IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR was = 'NOT_DELIVERED' AND (is_nothing OR is_corrected)
            THEN CASE WHEN is_same AND has_same_extras OR is_corrected AND is_of_that_event THEN 'replayed'
                ELSE 'confirmed_differently' END
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
    new_status := CASE WHEN is_nothing THEN 'NOT_DELIVERED' WHEN is_full THEN 'DELIVERED'
        ELSE 'PARTIALLY_DELIVERED' END;
    delivered_at := CASE WHEN NOT is_nothing THEN moment END;
END $$;
CREATE FUNCTION write_door_order(
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
CREATE FUNCTION write_extras(
    p_order uuid, p_priced jsonb, p_day date, p_told jsonb, p_confirmed_by uuid, p_confirmed_by_name text,
    p_method text, p_shared_link_id uuid, p_ip inet, p_device text, p_at timestamptz
) RETURNS uuid LANGUAGE sql
RETURN (SELECT write_door_order(o.customer_id, o.id, p_priced, p_day, o.shift,
        coalesce(o.address, jsonb_build_object('address_line1', c.address_line1, 'address_line2', c.address_line2,
            'city', c.city, 'state_code', c.state_code, 'pincode', c.pincode, 'map_link', c.map_link,
            'area', (SELECT a.name FROM areas a WHERE a.id = coalesce(o.area_id, c.area_id)))), NULL,
        coalesce(o.delivery_boy_id, c.delivery_boy_id), coalesce(o.area_id, c.area_id),
        coalesce((p_told ->> 'delivered_at')::timestamptz, p_at), p_told - 'client_event_id', p_confirmed_by,
        p_confirmed_by_name, p_method, p_shared_link_id, p_ip, p_device, p_at)
    FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = p_order);
CREATE FUNCTION confirm_deliveries(
    p_confirmations jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text, p_shared_link_id uuid,
    p_boy uuid, p_area uuid, p_first date, p_last date, p_shift text, p_ip inet, p_device text, p_at timestamptz
) RETURNS TABLE (item_index integer, outcome text, code text, detail text, order_id uuid, order_status text,
    delivery_status jsonb, extra_order_id uuid)
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
        j := judge_confirmation(confirmation, p_boy, areas, p_first, p_last, p_shift, p_method, p_at);
        IF j.code IS NULL THEN
            PERFORM write_confirmations(ids, ARRAY[j.customer_id], ARRAY[j.subscription_id], ARRAY[j.boy],
                ARRAY[j.new_status], ARRAY[j.day], ARRAY[j.delivered_at], ARRAY[j.draft], ARRAY[confirmation],
                p_confirmed_by, p_confirmed_by_name, p_method, p_shared_link_id, p_ip, p_device, p_at);
            IF j.extras IS NOT NULL THEN
                made[1] := write_extras(ids[1], j.extras, j.day, confirmation, p_confirmed_by, p_confirmed_by_name,
                    p_method, p_shared_link_id, p_ip, p_device, p_at);
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
"""

DOWNGRADE = r"""
-- squawk-ignore ban-drop-function
DROP FUNCTION judge_confirmation(jsonb, uuid, uuid[], date, date, text, text, timestamptz);
-- squawk-ignore ban-drop-function
DROP FUNCTION write_extras(uuid, jsonb, date, jsonb, uuid, text, text, uuid, inet, text, timestamptz);
-- squawk-ignore ban-drop-function
DROP FUNCTION write_door_order(uuid, uuid, jsonb, date, text, jsonb, text, uuid, uuid, timestamptz, jsonb, uuid, text,
    text, uuid, inet, text, timestamptz);
-- squawk-ignore ban-drop-function
DROP FUNCTION judge_extras(jsonb, uuid, date, text, boolean);
-- squawk-ignore ban-drop-function
DROP FUNCTION extras_are_as_told(uuid, jsonb);
-- squawk-ignore ban-drop-function
DROP FUNCTION price_of(uuid, uuid, date);
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
CREATE FUNCTION confirm_deliveries(
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
UPDATE orders SET source = 'staff' WHERE source = 'door';
-- squawk-ignore ban-drop-constraint
ALTER TABLE orders DROP CONSTRAINT ck_orders_source_known;
ALTER TABLE orders ADD CONSTRAINT ck_orders_source_known
    CHECK (source IN ('customer', 'staff', 'generator', 'shared_link', 'import')) NOT VALID;
ALTER TABLE orders DROP CONSTRAINT ck_orders_door_order_came;
ALTER TABLE orders DROP COLUMN placed_at_door_of;
ALTER TABLE settings DROP COLUMN door_extra_limit;
ALTER TABLE settings DROP COLUMN door_extras;
"""


def upgrade() -> None:
    run(TABLES)
    run(DROP)
    run(UPGRADE)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM orders WHERE source = 'door'", "which orders were made at which door")
    run(DROP)
    run(DOWNGRADE)
