"""Empties: containers that go out with goods and come back, counted from what is delivered.

Why: glass bottles and cans are worth more than what is in them, and nobody knew how many a customer still had.
Locks: SHARE ROW EXCLUSIVE on customers, orders, products, adjustments, users, order_items and delivery_statuses for
    keys and triggers, ACCESS EXCLUSIVE on products for two columns without a default: milliseconds, no table is read.
Undo: drops the tables; refused while there are containers. Adjustments of lost ones stay on their documents.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE containers (
    id UUID DEFAULT uuid7() NOT NULL,
    name TEXT NOT NULL,
    deposit NUMERIC(12, 2) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_containers PRIMARY KEY (id),
    CONSTRAINT ck_containers_name_length CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT ck_containers_deposit_not_negative CHECK (deposit >= 0 AND deposit <> 'NaN')
);
CREATE UNIQUE INDEX uq_containers_name ON containers (lower(name));
COMMENT ON TABLE containers IS
    'A kind of container that goes out with goods and comes back: a glass bottle, a can, a crate.';
COMMENT ON COLUMN containers.deposit IS
    'Rupees that one is charged with when it is lost; 0: nothing.';
CREATE TABLE container_movements (
    id UUID DEFAULT uuid7() NOT NULL,
    customer_id UUID NOT NULL,
    container_id UUID NOT NULL,
    order_id UUID,
    product_id UUID,
    per_unit NUMERIC(10, 3),
    day DATE NOT NULL,
    out INTEGER DEFAULT 0 NOT NULL,
    back INTEGER DEFAULT 0 NOT NULL,
    lost INTEGER DEFAULT 0 NOT NULL,
    by UUID,
    reason TEXT,
    adjustment_id UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_container_movements PRIMARY KEY (id),
    CONSTRAINT fk_container_movements_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_container_movements_container_id FOREIGN KEY(container_id) REFERENCES containers (id),
    CONSTRAINT fk_container_movements_order_of_customer
        FOREIGN KEY(order_id, customer_id) REFERENCES orders (id, customer_id) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT fk_container_movements_product_id FOREIGN KEY(product_id) REFERENCES products (id),
    CONSTRAINT fk_container_movements_adjustment_id
        FOREIGN KEY(adjustment_id) REFERENCES adjustments (id) ON DELETE SET NULL,
    CONSTRAINT fk_container_movements_by FOREIGN KEY(by) REFERENCES users (id),
    CONSTRAINT ck_container_movements_counts_not_negative CHECK (out >= 0 AND back >= 0 AND lost >= 0),
    CONSTRAINT ck_container_movements_kind_of_row
        CHECK (CASE WHEN product_id IS NOT NULL THEN order_id IS NOT NULL AND per_unit > 0 AND back = 0
            AND lost = 0 WHEN order_id IS NOT NULL THEN per_unit IS NULL AND out = 0 AND lost = 0
            ELSE per_unit IS NULL AND num_nonnulls(nullif(out, 0), nullif(back, 0), nullif(lost, 0)) = 1 END),
    CONSTRAINT ck_container_movements_only_lost_is_charged CHECK (adjustment_id IS NULL OR lost > 0),
    CONSTRAINT ck_container_movements_day_finite CHECK (isfinite(day)),
    CONSTRAINT ck_container_movements_reason_length CHECK (length(reason) <= 500)
);
CREATE INDEX ix_container_movements_adjustment ON container_movements (adjustment_id) WHERE adjustment_id IS NOT NULL;
CREATE INDEX ix_container_movements_customer_day ON container_movements (customer_id, day);
CREATE INDEX ix_container_movements_day ON container_movements (day);
CREATE UNIQUE INDEX uq_container_movements_back_of_order ON container_movements (order_id, container_id)
        WHERE order_id IS NOT NULL AND product_id IS NULL;
CREATE UNIQUE INDEX uq_container_movements_product_of_order ON container_movements (order_id, product_id)
        WHERE product_id IS NOT NULL;
COMMENT ON TABLE container_movements IS
    'Containers of one kind that went to a customer, came back, or are lost.';
COMMENT ON COLUMN container_movements.product_id IS
    'Of which goods of the order they were.';
COMMENT ON COLUMN container_movements.per_unit IS
    'Containers to one unit of the product when it was delivered: a correction counts with it, whatever holds by then.';
COMMENT ON COLUMN container_movements.by IS
    'Whose round it was; without an order, who entered it.';
COMMENT ON COLUMN container_movements.adjustment_id IS
    'What a lost container was charged with.';
CREATE TABLE container_balances (
    customer_id UUID NOT NULL,
    container_id UUID NOT NULL,
    balance INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_container_balances PRIMARY KEY (customer_id, container_id),
    CONSTRAINT fk_container_balances_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_container_balances_container_id FOREIGN KEY(container_id) REFERENCES containers (id)
);
CREATE INDEX ix_container_balances_container_id ON container_balances (container_id);
COMMENT ON TABLE container_balances IS
    'How many containers of a kind a customer has: the sum of its movements, written by their trigger.';
COMMENT ON COLUMN container_balances.balance IS
    'Never below 0 at the end of a transaction.';
"""

PRODUCTS = """
ALTER TABLE products ADD COLUMN container_id UUID;
ALTER TABLE products ADD COLUMN containers_per_unit NUMERIC(10, 3);
COMMENT ON COLUMN products.container_id IS
    'In which it goes out and comes back, and how many of them to one unit; NULL: nothing comes back.';
ALTER TABLE products ADD CONSTRAINT fk_products_container_id FOREIGN KEY (container_id) REFERENCES containers (id)
    NOT VALID;
ALTER TABLE products ADD CONSTRAINT ck_products_container_with_number
    CHECK ((container_id IS NULL) = (containers_per_unit IS NULL)) NOT VALID;
ALTER TABLE products ADD CONSTRAINT ck_products_containers_per_unit_range
    CHECK (containers_per_unit > 0 AND containers_per_unit <= 1000) NOT VALID;
"""

COUNTING = """
CREATE FUNCTION count_containers(p_orders uuid[], p_products uuid[]) RETURNS void LANGUAGE plpgsql AS $$
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
CREATE FUNCTION container_balances_are_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.balance = 0 THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a balance of containers is the sum of their movements'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_container_balances_are_sums';
END $$;
CREATE TRIGGER tr_container_balances_are_sums BEFORE INSERT OR UPDATE OR DELETE ON container_balances
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION container_balances_are_sums();
CREATE FUNCTION container_balances_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    came integer := 0;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        came := OLD.back + OLD.lost - OLD.out;
        IF TG_OP = 'DELETE' OR (OLD.customer_id, OLD.container_id) <> (NEW.customer_id, NEW.container_id) THEN
            UPDATE container_balances SET balance = balance + came, updated_at = now()
            WHERE customer_id = OLD.customer_id AND container_id = OLD.container_id;
            came := 0;
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        came := came + NEW.out - NEW.back - NEW.lost;
        IF came <> 0 THEN
            INSERT INTO container_balances AS b (customer_id, container_id, balance)
            VALUES (NEW.customer_id, NEW.container_id, came)
            ON CONFLICT (customer_id, container_id) DO UPDATE SET balance = b.balance + excluded.balance,
                updated_at = now();
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_container_balances_follow AFTER INSERT OR UPDATE OR DELETE ON container_movements
    FOR EACH ROW EXECUTE FUNCTION container_balances_follow();
CREATE FUNCTION container_balances_not_negative() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM container_balances b
        WHERE b.customer_id = NEW.customer_id AND b.container_id = NEW.container_id AND b.balance < 0) THEN
        RAISE EXCEPTION 'more containers came back from customer % than went out', NEW.customer_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_container_balances_not_negative';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_container_balances_not_negative AFTER INSERT OR UPDATE ON container_balances
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.balance < 0)
    EXECUTE FUNCTION container_balances_not_negative();
CREATE FUNCTION empties_are_as_told(p_order uuid, p_empties jsonb) RETURNS boolean LANGUAGE sql STABLE
RETURN (SELECT count(*) = 0
    FROM (SELECT m.container_id, m.back FROM container_movements m
        WHERE m.order_id = p_order AND m.product_id IS NULL AND m.back > 0) written
    FULL JOIN (SELECT (x ->> 'container_id')::uuid AS container_id, (x ->> 'back')::integer AS back
        FROM jsonb_array_elements(coalesce(p_empties, '[]')) x WHERE (x ->> 'back')::integer > 0) told
        ON told.container_id = written.container_id
    WHERE told.back IS DISTINCT FROM written.back);
CREATE FUNCTION judge_empties(
    p_empties jsonb, p_customer uuid, p_order uuid, p_status text, p_items jsonb, p_extras jsonb, OUT code text,
    OUT detail text
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    wrong record;
BEGIN
    SELECT t.name, t.back, t.has INTO wrong
    FROM (SELECT e.n, c.name, (e.x ->> 'back')::integer AS back,
            coalesce((SELECT b.balance FROM container_balances b
                WHERE b.customer_id = p_customer AND b.container_id = c.id), 0)
            + coalesce((SELECT sum(ceil(g.quantity * p.containers_per_unit))
                FROM (SELECT i.product_id, CASE p_status WHEN 'DELIVERED' THEN i.quantity WHEN 'NOT_DELIVERED' THEN 0
                        ELSE (SELECT (y ->> 'delivered_quantity')::numeric FROM jsonb_array_elements(p_items) y
                            WHERE (y ->> 'product_id')::uuid = i.product_id) END AS quantity
                    FROM order_items i WHERE i.order_id = p_order
                    UNION ALL
                    SELECT (y ->> 'product_id')::uuid, (y ->> 'quantity')::numeric
                    FROM jsonb_array_elements(p_extras) y) g
                JOIN products p ON p.id = g.product_id WHERE p.container_id = c.id), 0) AS has
        FROM jsonb_array_elements(p_empties) WITH ORDINALITY AS e (x, n)
        LEFT JOIN containers c ON c.id = (e.x ->> 'container_id')::uuid) t
    WHERE t.name IS NULL OR t.back > t.has ORDER BY t.n LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    ELSIF wrong.name IS NULL THEN
        code := 'container_not_found';
        detail := 'No such container.';
    ELSE
        code := 'more_back_than_out';
        detail := format('%s × %s came back; the customer has %s.', wrong.back, wrong.name, wrong.has);
    END IF;
END $$;
CREATE FUNCTION write_empties(
    p_orders uuid[], p_customers uuid[], p_days date[], p_boys uuid[], p_empties jsonb[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE container_movements m SET back = 0, updated_at = now()
    FROM unnest(p_orders) WITH ORDINALITY AS j (order_id, n)
    WHERE m.order_id = j.order_id AND m.product_id IS NULL AND m.back > 0 AND p_empties[j.n] IS NOT NULL
        AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_empties[j.n]) x
            WHERE (x ->> 'container_id')::uuid = m.container_id AND (x ->> 'back')::integer > 0);
    INSERT INTO container_movements AS m (customer_id, container_id, order_id, day, back, by)
    SELECT p_customers[j.n], (x ->> 'container_id')::uuid, j.order_id, p_days[j.n], (x ->> 'back')::integer,
        p_boys[j.n]
    FROM unnest(p_orders) WITH ORDINALITY AS j (order_id, n)
    CROSS JOIN LATERAL jsonb_array_elements(p_empties[j.n]) AS x
    WHERE (x ->> 'back')::integer > 0
    ON CONFLICT (order_id, container_id) WHERE order_id IS NOT NULL AND product_id IS NULL
        DO UPDATE SET back = excluded.back, updated_at = now() WHERE m.back <> excluded.back;
END $$;
CREATE FUNCTION container_movements_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND (NEW.product_id IS NULL OR pg_trigger_depth() > 1) THEN
        RETURN NEW;
    ELSIF TG_OP = 'UPDATE' AND (NEW.customer_id = OLD.customer_id OR follows_merge(OLD.customer_id, NEW.customer_id))
        AND (NEW.adjustment_id IS NOT DISTINCT FROM OLD.adjustment_id OR NEW.adjustment_id IS NULL)
        AND (NEW.id, NEW.container_id, NEW.order_id, NEW.product_id, NEW.per_unit, NEW.day, NEW.lost, NEW."by",
            NEW.reason) IS NOT DISTINCT FROM (OLD.id, OLD.container_id, OLD.order_id, OLD.product_id, OLD.per_unit,
            OLD.day, OLD.lost, OLD."by", OLD.reason)
        AND (NEW.out = OLD.out OR NEW.order_id IS NOT NULL AND pg_trigger_depth() > 1)
        AND (NEW.back = OLD.back OR NEW.order_id IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a movement of containers stays as it is'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_container_movements_stay';
END $$;
CREATE TRIGGER tr_container_movements_stay BEFORE INSERT OR UPDATE OR DELETE ON container_movements
    FOR EACH ROW EXECUTE FUNCTION container_movements_stay();
CREATE FUNCTION corrections_recount_containers() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER tr_corrections_recount_containers AFTER UPDATE ON order_items
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION corrections_recount_containers();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON container_movements EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON container_balances EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON container_movements
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
"""

AUDIT = """
CREATE TRIGGER tr_audit_insert AFTER INSERT ON containers REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON containers REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON containers
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_update AFTER UPDATE ON containers REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
"""

CONFIRMING = """
CREATE FUNCTION deliveries_count_containers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    brought uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM containers) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        brought := ARRAY(SELECT n.order_id FROM arrived n WHERE n.status <> 'not_delivered');
    ELSIF EXISTS (SELECT FROM departed d WHERE d.status = 'not_delivered') THEN
        brought := ARRAY(SELECT n.order_id FROM arrived n JOIN departed d ON d.id = n.id
            WHERE d.status = 'not_delivered' AND n.status <> 'not_delivered');
    END IF;
    IF brought <> '{}' THEN
        PERFORM count_containers(brought, '{}');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_deliveries_count_containers_insert AFTER INSERT ON delivery_statuses
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION deliveries_count_containers();
CREATE TRIGGER tr_deliveries_count_containers_update AFTER UPDATE ON delivery_statuses
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_count_containers();
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
CREATE OR REPLACE FUNCTION confirm_deliveries(
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
-- squawk-ignore ban-drop-function
DROP FUNCTION correct_delivery(uuid, jsonb, text, uuid, uuid, date, timestamptz);
CREATE FUNCTION correct_delivery(
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
"""

CONFIRMING_BEFORE = """
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
CREATE OR REPLACE FUNCTION confirm_deliveries(
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
                row_number() OVER (PARTITION BY (e.c ->> 'order_id')::uuid ORDER BY e.n) - 1 AS turn
            FROM jsonb_array_elements(p_confirmations) WITH ORDINALITY AS e (c, n)) t;
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
-- squawk-ignore ban-drop-function
DROP FUNCTION correct_delivery(uuid, jsonb, jsonb, text, uuid, uuid, date, timestamptz);
CREATE FUNCTION correct_delivery(
    p_order uuid, p_items jsonb, p_reason text, p_corrected_by uuid, p_boy uuid, p_only_on date, p_at timestamptz
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

MERGES = """
CREATE OR REPLACE FUNCTION customers_leave_nothing() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.id FOR UPDATE;
    IF EXISTS (SELECT FROM orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM subscriptions WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM invoices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payments WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM opening_balances WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM write_offs WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM refunds WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_prices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_moves WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM container_movements WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
"""

MERGES_BEFORE = """
CREATE OR REPLACE FUNCTION customers_leave_nothing() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.id FOR UPDATE;
    IF EXISTS (SELECT FROM orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM subscriptions WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM invoices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payments WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM opening_balances WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM write_offs WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM refunds WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_prices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_moves WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    for each in (TABLES, PRODUCTS, COUNTING, AUDIT, CONFIRMING, MERGES):
        run(each)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM containers", "containers and who has them")
    run(MERGES_BEFORE)
    run(CONFIRMING_BEFORE)
    run("""
    DROP TRIGGER tr_deliveries_count_containers_insert ON delivery_statuses;
    DROP TRIGGER tr_deliveries_count_containers_update ON delivery_statuses;
    DROP TRIGGER tr_corrections_recount_containers ON order_items;
    -- squawk-ignore ban-drop-column
    ALTER TABLE products DROP COLUMN container_id, DROP COLUMN containers_per_unit;
    -- squawk-ignore ban-drop-function
    DROP FUNCTION empties_are_as_told(uuid, jsonb);
    -- squawk-ignore ban-drop-table
    DROP TABLE container_balances, container_movements, containers;
    -- squawk-ignore ban-drop-function
    DROP FUNCTION deliveries_count_containers(), corrections_recount_containers(), container_balances_follow(),
        container_balances_not_negative(), container_balances_are_sums(), container_movements_stay(),
        count_containers(uuid[], uuid[]),
        judge_empties(jsonb, uuid, uuid, text, jsonb, jsonb), write_empties(uuid[], uuid[], date[], uuid[], jsonb[]);
    """)
