"""Empties have bounds and a history; cash that was set off stays so; a merged customer's id is known at the door.

Why: deposits and counts without a bound came to sums that no column holds; who entered which empties was not in the
    audit log. A refund that was set off against cash could be reversed by hand, and nobody owed that cash. A phone
    that had loaded its round before a merge named the customer of then, and its confirmations were refused.
Locks: a moment of ACCESS EXCLUSIVE on containers, container_movements and container_balances for each constraint, then
    SHARE UPDATE EXCLUSIVE while they are read: nobody waits. Cut short, it is run again.
Undo: drops bounds and triggers; what the audit log tells of empties stays.
"""

from dairy_app.common.revisions import in_steps, run

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
CONSTRAINTS = (
    "SET client_min_messages = warning;",
    """
-- squawk-ignore ban-drop-constraint
ALTER TABLE containers DROP CONSTRAINT IF EXISTS ck_containers_deposit_limited,
    ADD CONSTRAINT ck_containers_deposit_limited
    CHECK (deposit <= 100000) NOT VALID;""",
    "ALTER TABLE containers VALIDATE CONSTRAINT ck_containers_deposit_limited;",
    """
-- squawk-ignore ban-drop-constraint
ALTER TABLE container_movements DROP CONSTRAINT IF EXISTS ck_container_movements_counts_limited,
    ADD CONSTRAINT ck_container_movements_counts_limited
    CHECK (out <= 1000000 AND back <= 1000000 AND lost <= 1000000) NOT VALID;""",
    "ALTER TABLE container_movements VALIDATE CONSTRAINT ck_container_movements_counts_limited;",
    """
-- squawk-ignore ban-drop-constraint
ALTER TABLE container_balances DROP CONSTRAINT IF EXISTS ck_container_balances_balance_limited,
    ADD CONSTRAINT ck_container_balances_balance_limited
    CHECK (balance <= 1000000) NOT VALID;""",
    "ALTER TABLE container_balances VALIDATE CONSTRAINT ck_container_balances_balance_limited;",
    "RESET client_min_messages;",
)

AUDIT = """
CREATE TRIGGER tr_audit_insert AFTER INSERT ON container_movements FOR EACH ROW WHEN (NEW.order_id IS NULL)
    EXECUTE FUNCTION audit_row('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON container_movements FOR EACH ROW
    WHEN (OLD.out <> NEW.out OR OLD.back <> NEW.back OR OLD.adjustment_id IS DISTINCT FROM NEW.adjustment_id)
    EXECUTE FUNCTION audit_row('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON container_movements FOR EACH ROW
    EXECUTE FUNCTION audit_row('{created_at,updated_at}', 'id');
"""

FUNCTIONS = """
CREATE OR REPLACE FUNCTION count_containers(p_orders uuid[], p_products uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO container_movements (customer_id, container_id, order_id, product_id, per_unit, day, out, by)
    SELECT o.customer_id, p.container_id, o.id, p.id, p.containers_per_unit, o.delivered_on,
        least(ceil(i.delivered_quantity * p.containers_per_unit), 1000001),
        coalesce(o.delivery_boy_id, c.delivery_boy_id)
    FROM unnest(p_orders, p_products) AS w (order_id, product_id)
    JOIN orders o ON o.id = w.order_id
    JOIN customers c ON c.id = o.customer_id
    JOIN order_items i ON i.order_id = o.id AND i.product_id = coalesce(w.product_id, i.product_id)
    JOIN products p ON p.id = i.product_id
    WHERE i.delivered_quantity > 0 AND p.container_id IS NOT NULL AND o.delivered_on IS NOT NULL
        AND o.source <> 'import'
    ON CONFLICT (order_id, product_id) WHERE product_id IS NOT NULL DO NOTHING;
END $$;
CREATE OR REPLACE FUNCTION corrections_recount_containers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    came_orders uuid[];
    came_products uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM containers) THEN
        RETURN NULL;
    END IF;
    UPDATE container_movements m SET out = least(ceil(coalesce(n.delivered_quantity, 0) * m.per_unit), 1000001),
        updated_at = now()
    FROM arrived n
    WHERE m.order_id = n.order_id AND m.product_id = n.product_id
        AND m.out <> ceil(coalesce(n.delivered_quantity, 0) * m.per_unit);
    SELECT array_agg(n.order_id), array_agg(n.product_id) INTO came_orders, came_products
    FROM arrived n JOIN departed d ON d.order_id = n.order_id AND d.line_no = n.line_no
    WHERE n.delivered_quantity > 0 AND coalesce(d.delivered_quantity, 0) = 0
        AND (SELECT o.delivered_on FROM orders o WHERE o.id = n.order_id) IS NOT NULL;
    IF came_orders IS NOT NULL THEN
        PERFORM count_containers(came_orders, came_products);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION refunds_only_reversed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := '{status,reversed_on,reversal_reason,reversed_by,cash_settlement_id,updated_at}';
BEGIN
    IF NEW.customer_id <> OLD.customer_id AND follows_merge(OLD.customer_id, NEW.customer_id) THEN
        may_change := may_change || '{customer_id}';
    END IF;
    IF to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change
        OR (OLD.status = 'reversed' AND (NEW.status, NEW.reversed_on, NEW.reversal_reason, NEW.reversed_by)
            IS DISTINCT FROM (OLD.status, OLD.reversed_on, OLD.reversal_reason, OLD.reversed_by))
        OR (OLD.cash_settlement_id IS NOT NULL AND NEW.cash_settlement_id IS DISTINCT FROM OLD.cash_settlement_id)
        OR (NEW.status = 'reversed' AND NEW.cash_settlement_id IS NOT NULL
            AND (NEW.status, NEW.cash_settlement_id) IS DISTINCT FROM (OLD.status, OLD.cash_settlement_id)) THEN
        RAISE EXCEPTION 'refund % can only be reversed', OLD.voucher_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION payments_only_reversed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := '{status,reversed_on,reversal_reason,reversed_by,cash_settlement_id,updated_at}';
BEGIN
    IF NEW.customer_id <> OLD.customer_id AND follows_merge(OLD.customer_id, NEW.customer_id) THEN
        may_change := may_change || '{customer_id}';
    END IF;
    IF to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change
        OR (OLD.status = 'reversed' AND (NEW.status, NEW.reversed_on, NEW.reversal_reason, NEW.reversed_by)
            IS DISTINCT FROM (OLD.status, OLD.reversed_on, OLD.reversal_reason, OLD.reversed_by))
        OR (OLD.status = 'reversed' AND NEW.cash_settlement_id IS DISTINCT FROM OLD.cash_settlement_id)
        OR (OLD.cash_settlement_id IS NOT NULL AND NEW.cash_settlement_id IS DISTINCT FROM OLD.cash_settlement_id) THEN
        RAISE EXCEPTION 'payment % can only be reversed', OLD.receipt_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION judge_confirmation(
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
"""

FUNCTIONS_BEFORE = """
CREATE OR REPLACE FUNCTION count_containers(p_orders uuid[], p_products uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO container_movements (customer_id, container_id, order_id, product_id, per_unit, day, out, by)
    SELECT o.customer_id, p.container_id, o.id, p.id, p.containers_per_unit, o.delivered_on,
        ceil(i.delivered_quantity * p.containers_per_unit), coalesce(o.delivery_boy_id, c.delivery_boy_id)
    FROM unnest(p_orders, p_products) AS w (order_id, product_id)
    JOIN orders o ON o.id = w.order_id
    JOIN customers c ON c.id = o.customer_id
    JOIN order_items i ON i.order_id = o.id AND i.product_id = coalesce(w.product_id, i.product_id)
    JOIN products p ON p.id = i.product_id
    WHERE i.delivered_quantity > 0 AND p.container_id IS NOT NULL AND o.delivered_on IS NOT NULL
        AND o.source <> 'import'
    ON CONFLICT (order_id, product_id) WHERE product_id IS NOT NULL DO NOTHING;
END $$;
CREATE OR REPLACE FUNCTION corrections_recount_containers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    came_orders uuid[];
    came_products uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM containers) THEN
        RETURN NULL;
    END IF;
    UPDATE container_movements m SET out = ceil(coalesce(n.delivered_quantity, 0) * m.per_unit), updated_at = now()
    FROM arrived n
    WHERE m.order_id = n.order_id AND m.product_id = n.product_id
        AND m.out <> ceil(coalesce(n.delivered_quantity, 0) * m.per_unit);
    SELECT array_agg(n.order_id), array_agg(n.product_id) INTO came_orders, came_products
    FROM arrived n JOIN departed d ON d.order_id = n.order_id AND d.line_no = n.line_no
    WHERE n.delivered_quantity > 0 AND coalesce(d.delivered_quantity, 0) = 0
        AND (SELECT o.delivered_on FROM orders o WHERE o.id = n.order_id) IS NOT NULL;
    IF came_orders IS NOT NULL THEN
        PERFORM count_containers(came_orders, came_products);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION refunds_only_reversed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := '{status,reversed_on,reversal_reason,reversed_by,cash_settlement_id,updated_at}';
BEGIN
    IF NEW.customer_id <> OLD.customer_id AND follows_merge(OLD.customer_id, NEW.customer_id) THEN
        may_change := may_change || '{customer_id}';
    END IF;
    IF to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change
        OR (OLD.status = 'reversed' AND (NEW.status, NEW.reversed_on, NEW.reversal_reason, NEW.reversed_by)
            IS DISTINCT FROM (OLD.status, OLD.reversed_on, OLD.reversal_reason, OLD.reversed_by))
        OR (OLD.cash_settlement_id IS NOT NULL AND NEW.cash_settlement_id IS DISTINCT FROM OLD.cash_settlement_id) THEN
        RAISE EXCEPTION 'refund % can only be reversed', OLD.voucher_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION payments_only_reversed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := '{status,reversed_on,reversal_reason,reversed_by,cash_settlement_id,updated_at}';
BEGIN
    IF NEW.customer_id <> OLD.customer_id AND follows_merge(OLD.customer_id, NEW.customer_id) THEN
        may_change := may_change || '{customer_id}';
    END IF;
    IF to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change
        OR (OLD.status = 'reversed' AND (NEW.status, NEW.reversed_on, NEW.reversal_reason, NEW.reversed_by)
            IS DISTINCT FROM (OLD.status, OLD.reversed_on, OLD.reversal_reason, OLD.reversed_by))
        OR (OLD.cash_settlement_id IS NOT NULL AND NEW.cash_settlement_id IS DISTINCT FROM OLD.cash_settlement_id) THEN
        RAISE EXCEPTION 'payment % can only be reversed', OLD.receipt_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION judge_confirmation(
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
    has_same_empties boolean;
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
        has_same_empties := empties_are_as_told(wanted, p_confirmation -> 'empties');
    END IF;
    code := CASE
        WHEN (p_confirmation ->> 'customer_id')::uuid <> customer_id THEN 'customer_mismatch'
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
"""


def upgrade() -> None:
    in_steps(CONSTRAINTS)
    run(AUDIT)
    run(FUNCTIONS)


def downgrade() -> None:
    run(FUNCTIONS_BEFORE)
    run("""
    DROP TRIGGER tr_audit_insert ON container_movements;
    DROP TRIGGER tr_audit_delete ON container_movements;
    DROP TRIGGER tr_audit_update ON container_movements;
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE containers DROP CONSTRAINT ck_containers_deposit_limited;
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE container_movements DROP CONSTRAINT ck_container_movements_counts_limited;
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE container_balances DROP CONSTRAINT ck_container_balances_balance_limited;
    """)
