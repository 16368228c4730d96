-- What one confirmation comes to, and what is written if nothing is wrong. Order of judging, the first that applies:
-- unknown or out of scope, other customer (who was merged into the order's is none), cancelled, product not in the
-- order, more than ordered, a product not named, already confirmed (same: replayed, else confirmed_differently), date
-- in the future, date outside the window, event id used elsewhere, extra items (judge_extras), more than is counted,
-- empties (judge_empties). A corrected delivery changes by another correction only: a phone that sends its morning
-- again at noon must not undo what the office put right in between.
-- Few and small statements: to start a statement takes longer than to read what it reads.
CREATE FUNCTION judge_confirmation(
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
