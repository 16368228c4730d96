-- What is wrong with goods that were handed over and that nobody ordered, and what they cost if nothing is. Order of
-- judging: switched off for whoever tells, unknown product, off sale, a part of what is sold whole, no price on the
-- day, above the limit of a door and day together with what was written there before. Without p_method it is the office
-- that tells, whom switch and limit do not bind; place: which of them is wrong, from 0.
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
                WHEN p.unit IN ('piece', 'packet', 'dozen') AND x.quantity <> trunc(x.quantity)
                    THEN format('%s is sold whole.', p.name)
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
