-- From "it reached the door" to the draft invoice in one round trip: all of it must be read after the customer's lock,
-- and a phone on a round should wait for one answer. Takes a set: what is right in a batch of a thousand is written by
-- as many statements as one. Judging is in judge_confirmation, writing in write_confirmations. When the wait for a
-- customer's lock was for a merge, its orders are another's by now, whose lock is not held: all of it is tried anew.
-- So it is when by then somebody else pays for the customer: the lock of the money is the payer's.
-- Where empties are told, doors of one customer are judged one after the other: each is to know what it has by then.
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
