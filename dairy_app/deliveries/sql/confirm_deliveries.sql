-- From "it reached the door" to the draft invoice in one round trip: all of it must be read after the customer's lock,
-- and a phone on a round should wait for one answer. Takes a set: a batch of a thousand costs as many statements as
-- one. Judging is in judge_confirmations, writing in write_confirmations.
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
