-- The correction of one delivery, under the customer's lock. Order of judging: unknown or out of scope, not confirmed,
-- a day that is over (for a delivery boy), billed, then the quantities as in judge_confirmations. A correction to what
-- is recorded already is replayed. p_empties: what came back, told anew; NULL: as it was told. Last is judged whether
-- more came back than went out: after that refusal nothing may be committed. Tried anew, as confirm_deliveries is, when
-- the customer was merged meanwhile.
CREATE FUNCTION correct_delivery(
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
