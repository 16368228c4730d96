"""Two customers that are one: who was merged, into whom, and what keeps whose it was.

Why: a household is registered twice, and both get deliveries, bills and payments. A merge moves the rows: what is
    frozen otherwise may change its customer along customers.merged_into and in no other way, and nothing new hangs on
    who was merged. The hash of an issued document covers its customer, so the document keeps who that was (issued_to).
    Keys that say twice whose a row is are judged at the commit in a merge, and at once everywhere else.
Locks: ACCESS EXCLUSIVE on customers, invoices and credit_notes for a moment each: columns without a value, keys and
    CHECKs that are NOT VALID (0038 validates them). The same on the tables whose keys become deferrable or that get a
    trigger: their catalogue changes, no row is read.
Undo: refuses while customers are merged, unless told: they would be two again, one of them with nothing, and documents
    that moved would no longer match their hashes.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE customers ADD COLUMN merged_into uuid;
ALTER TABLE customers ADD COLUMN merged_at timestamptz;
ALTER TABLE customers ADD COLUMN merge_reason text;
ALTER TABLE customers ADD CONSTRAINT fk_customers_merged_into
    FOREIGN KEY (merged_into) REFERENCES customers (id) NOT VALID;
ALTER TABLE customers ADD CONSTRAINT ck_customers_merged_whole
    CHECK (num_nonnulls(merged_into, merged_at, merge_reason) IN (0, 3)) NOT VALID;
ALTER TABLE customers ADD CONSTRAINT ck_customers_not_merged_into_itself CHECK (merged_into <> id) NOT VALID;
ALTER TABLE customers ADD CONSTRAINT ck_customers_merged_is_left
    CHECK (merged_into IS NULL OR (status = 'stopped' AND user_id IS NULL AND delivery_boy_id IS NULL)) NOT VALID;
ALTER TABLE customers ADD CONSTRAINT ck_customers_merge_reason_length
    CHECK (length(merge_reason) BETWEEN 3 AND 500) NOT VALID;
COMMENT ON COLUMN customers.merged_into IS
    'The customer that this one turned out to be: it has all that this one had. Never one that is merged itself.';
ALTER TABLE invoices ADD COLUMN issued_to uuid;
ALTER TABLE invoices ADD CONSTRAINT fk_invoices_issued_to FOREIGN KEY (issued_to) REFERENCES customers (id) NOT VALID;
ALTER TABLE invoices ADD CONSTRAINT ck_invoices_issued_to_another
    CHECK (issued_to IS NULL OR (issued_to <> customer_id AND status IN ('issued', 'void'))) NOT VALID;
COMMENT ON COLUMN invoices.issued_to IS
    'The customer whose it was when it was issued, where that one was merged into another since; its hash holds it.';
ALTER TABLE credit_notes ADD COLUMN issued_to uuid;
ALTER TABLE credit_notes ADD CONSTRAINT fk_credit_notes_issued_to
    FOREIGN KEY (issued_to) REFERENCES customers (id) NOT VALID;
ALTER TABLE credit_notes ADD CONSTRAINT ck_credit_notes_issued_to_another CHECK (issued_to <> customer_id) NOT VALID;
COMMENT ON COLUMN credit_notes.issued_to IS 'As of an invoice.';
"""

TOGETHER = """
ALTER TABLE orders
    ALTER CONSTRAINT fk_orders_subscription_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE orders
    ALTER CONSTRAINT fk_orders_invoice_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE orders
    ALTER CONSTRAINT fk_orders_placed_at_door_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE invoices
    ALTER CONSTRAINT fk_invoices_companion_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE adjustments
    ALTER CONSTRAINT fk_adjustments_invoice_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE credit_notes
    ALTER CONSTRAINT fk_credit_notes_invoice_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE payment_allocations
    ALTER CONSTRAINT fk_payment_allocations_payment_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE payment_allocations
    ALTER CONSTRAINT fk_payment_allocations_invoice_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE write_offs
    ALTER CONSTRAINT fk_write_offs_invoice_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE change_requests
    ALTER CONSTRAINT fk_change_requests_subscription_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE change_requests
    ALTER CONSTRAINT fk_change_requests_order_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE delivery_statuses
    ALTER CONSTRAINT fk_delivery_statuses_order_of_customer DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE outbox_messages
    ALTER CONSTRAINT fk_outbox_messages_invoice_of_customer DEFERRABLE INITIALLY IMMEDIATE;
"""

FOLLOWS = """
CREATE FUNCTION follows_merge(p_was uuid, p_is uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (SELECT FROM customers c WHERE c.id = p_was AND c.merged_into = p_is);
"""

FROZEN = """
CREATE OR REPLACE FUNCTION invoices_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF OLD.status = 'draft' AND NEW.status IN ('draft', 'issued')
        AND NEW.id = OLD.id AND NEW.customer_id = OLD.customer_id AND NEW.issued_to IS NULL
        AND NEW.companion_of IS NOT DISTINCT FROM OLD.companion_of THEN
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND NEW.status = 'void'
        AND to_jsonb(NEW) - '{status,void_reason,voided_at,voided_by,voided_after_return,updated_at}'::text[]
          = to_jsonb(OLD) - '{status,void_reason,voided_at,voided_by,voided_after_return,updated_at}'::text[] THEN
        IF NOT NEW.voided_after_return
            AND OLD.invoice_date <= returns_filed_through((NEW.voided_at AT TIME ZONE
                (SELECT time_zone FROM settings))::date) THEN
            RAISE EXCEPTION 'the return that holds invoice % is filed', OLD.number
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_return_filed';
        END IF;
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND OLD.irn IS NULL AND NEW.irn IS NOT NULL
        AND to_jsonb(NEW) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[]
          = to_jsonb(OLD) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[] THEN
        RETURN NEW;
    ELSIF OLD.status <> 'draft' AND TG_OP = 'UPDATE' AND follows_merge(OLD.customer_id, NEW.customer_id)
        AND NEW.issued_to IS NOT DISTINCT FROM
            (CASE WHEN OLD.status <> 'external' THEN coalesce(OLD.issued_to, OLD.customer_id) END)
        AND to_jsonb(NEW) - '{customer_id,issued_to,updated_at}'::text[]
          = to_jsonb(OLD) - '{customer_id,issued_to,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'invoice % is % and can no longer change', coalesce(OLD.number, OLD.id::text), OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_frozen';
END $$;
CREATE OR REPLACE FUNCTION credit_notes_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'credit_notes' AND TG_OP = 'UPDATE' THEN
        IF follows_merge(OLD.customer_id, NEW.customer_id)
            AND NEW.issued_to = coalesce(OLD.issued_to, OLD.customer_id)
            AND to_jsonb(NEW) - '{customer_id,issued_to,updated_at}'::text[]
              = to_jsonb(OLD) - '{customer_id,issued_to,updated_at}'::text[] THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a credit note is written once'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_frozen';
END $$;
CREATE OR REPLACE FUNCTION adjustments_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper_status text;
    paper_end date;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT status INTO paper_status FROM invoices WHERE id = OLD.invoice_id FOR SHARE;
        IF TG_OP = 'UPDATE' AND paper_status <> 'draft' AND follows_merge(OLD.customer_id, NEW.customer_id)
            AND to_jsonb(NEW) - '{customer_id,updated_at}'::text[]
              = to_jsonb(OLD) - '{customer_id,updated_at}'::text[] THEN
            RETURN NEW;
        ELSIF paper_status = 'issued' OR (paper_status <> 'draft'
            AND (TG_OP = 'DELETE' OR NEW.invoice_id = OLD.invoice_id)) THEN
            RAISE EXCEPTION 'adjustment % stands on an invoice that is %', OLD.id, paper_status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_touch_only_drafts';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    SELECT status, period_end INTO paper_status, paper_end
    FROM invoices WHERE id = NEW.invoice_id AND companion_of IS NULL FOR SHARE;
    IF paper_status IS DISTINCT FROM 'draft' THEN
        RAISE EXCEPTION 'an adjustment can only join a draft invoice'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_touch_only_drafts';
    ELSIF NEW.adjusted_on > paper_end THEN
        RAISE EXCEPTION 'an adjustment lies after the end of its invoice'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_within_period';
    END IF;
    RETURN NEW;
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
CREATE OR REPLACE FUNCTION money_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'write_offs' AND TG_OP = 'UPDATE' THEN
        IF follows_merge(OLD.customer_id, NEW.customer_id)
            AND to_jsonb(NEW) - '{customer_id,updated_at}'::text[]
              = to_jsonb(OLD) - '{customer_id,updated_at}'::text[] THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
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
CREATE OR REPLACE FUNCTION payment_allocations_only_released() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF follows_merge(OLD.customer_id, NEW.customer_id)
        AND to_jsonb(NEW) - '{customer_id,updated_at}'::text[] = to_jsonb(OLD) - '{customer_id,updated_at}'::text[] THEN
        RETURN NEW;
    ELSIF OLD.released_on IS NOT NULL OR NEW.released_on IS NULL
        OR to_jsonb(NEW) - '{released_on,updated_at}'::text[] <> to_jsonb(OLD) - '{released_on,updated_at}'::text[] THEN
        RAISE EXCEPTION 'an allocation can only be released'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION outbox_messages_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'queued' AND to_jsonb(NEW) - '{status,attempts,error,sent_at,updated_at}'::text[]
        = to_jsonb(OLD) - '{status,attempts,error,sent_at,updated_at}'::text[] THEN
        RETURN NEW;
    ELSIF follows_merge(OLD.customer_id, NEW.customer_id)
        AND to_jsonb(NEW) - '{customer_id,updated_at}'::text[] = to_jsonb(OLD) - '{customer_id,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'outbox message % is % and stays as it is', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_outbox_messages_stand';
END $$;
CREATE OR REPLACE FUNCTION change_requests_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF follows_merge(OLD.customer_id, NEW.customer_id)
        AND to_jsonb(NEW) - '{customer_id,updated_at}'::text[] = to_jsonb(OLD) - '{customer_id,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'change request % is already %', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_change_requests_stand';
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
CREATE OR REPLACE FUNCTION correct_delivery(
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

GUARDS = """
CREATE FUNCTION customers_merged_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - '{merged_into,updated_at}'::text[]
          = to_jsonb(OLD) - '{merged_into,updated_at}'::text[]
        AND (NEW.merged_into = OLD.merged_into OR follows_merge(OLD.merged_into, NEW.merged_into)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'customer % was merged into another and stays as it is', OLD.code
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_merged_stay';
END $$;
CREATE TRIGGER tr_customers_merged_stay BEFORE UPDATE OR DELETE ON customers
    FOR EACH ROW WHEN (OLD.merged_into IS NOT NULL) EXECUTE FUNCTION customers_merged_stay();
CREATE FUNCTION customers_merge_into_living() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.merged_into FOR SHARE;
    IF EXISTS (SELECT FROM customers WHERE id = NEW.merged_into AND merged_into IS NOT NULL)
        AND EXISTS (SELECT FROM customers WHERE id = NEW.id AND merged_into = NEW.merged_into)
        OR EXISTS (SELECT FROM customers WHERE merged_into = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into one that is merged itself', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_merge_into_living';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_customers_merge_into_living AFTER INSERT OR UPDATE OF merged_into ON customers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.merged_into IS NOT NULL)
    EXECUTE FUNCTION customers_merge_into_living();
CREATE FUNCTION rows_of_living_customers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM customers WHERE id = NEW.customer_id AND merged_into IS NOT NULL) THEN
        RAISE EXCEPTION 'customer % was merged into another', NEW.customer_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_rows_of_living_customers';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON customer_prices
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON invoices
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON orders
    FOR EACH ROW WHEN (NEW.subscription_id IS NULL) EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON payments
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON opening_balances
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON write_offs
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON outbox_messages
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON change_requests
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE FUNCTION customers_leave_nothing() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.id FOR UPDATE;
    IF EXISTS (SELECT FROM orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM subscriptions WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM invoices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payments WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM opening_balances WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM write_offs WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_prices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_customers_leave_nothing AFTER UPDATE OF merged_into ON customers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.merged_into IS NULL AND NEW.merged_into IS NOT NULL)
    EXECUTE FUNCTION customers_leave_nothing();
"""

FROZEN_BEFORE = """
CREATE OR REPLACE FUNCTION invoices_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF OLD.status = 'draft' AND NEW.status IN ('draft', 'issued')
        AND NEW.id = OLD.id AND NEW.customer_id = OLD.customer_id
        AND NEW.companion_of IS NOT DISTINCT FROM OLD.companion_of THEN
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND NEW.status = 'void'
        AND to_jsonb(NEW) - '{status,void_reason,voided_at,voided_by,voided_after_return,updated_at}'::text[]
          = to_jsonb(OLD) - '{status,void_reason,voided_at,voided_by,voided_after_return,updated_at}'::text[] THEN
        IF NOT NEW.voided_after_return
            AND OLD.invoice_date <= returns_filed_through((NEW.voided_at AT TIME ZONE
                (SELECT time_zone FROM settings))::date) THEN
            RAISE EXCEPTION 'the return that holds invoice % is filed', OLD.number
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_return_filed';
        END IF;
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND OLD.irn IS NULL AND NEW.irn IS NOT NULL
        AND to_jsonb(NEW) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[]
          = to_jsonb(OLD) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'invoice % is % and can no longer change', coalesce(OLD.number, OLD.id::text), OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_frozen';
END $$;
CREATE OR REPLACE FUNCTION credit_notes_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a credit note is written once'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_frozen';
END $$;
CREATE OR REPLACE FUNCTION adjustments_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper_status text;
    paper_end date;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT status INTO paper_status FROM invoices WHERE id = OLD.invoice_id FOR SHARE;
        IF paper_status = 'issued' OR (paper_status <> 'draft'
            AND (TG_OP = 'DELETE' OR NEW.invoice_id = OLD.invoice_id)) THEN
            RAISE EXCEPTION 'adjustment % stands on an invoice that is %', OLD.id, paper_status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_touch_only_drafts';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    SELECT status, period_end INTO paper_status, paper_end
    FROM invoices WHERE id = NEW.invoice_id AND companion_of IS NULL FOR SHARE;
    IF paper_status IS DISTINCT FROM 'draft' THEN
        RAISE EXCEPTION 'an adjustment can only join a draft invoice'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_touch_only_drafts';
    ELSIF NEW.adjusted_on > paper_end THEN
        RAISE EXCEPTION 'an adjustment lies after the end of its invoice'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_within_period';
    END IF;
    RETURN NEW;
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
CREATE OR REPLACE FUNCTION money_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
END $$;
CREATE OR REPLACE FUNCTION payments_only_reversed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := '{status,reversed_on,reversal_reason,reversed_by,cash_settlement_id,updated_at}';
BEGIN
    IF to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change
        OR (OLD.status = 'reversed' AND (NEW.status, NEW.reversed_on, NEW.reversal_reason, NEW.reversed_by)
            IS DISTINCT FROM (OLD.status, OLD.reversed_on, OLD.reversal_reason, OLD.reversed_by))
        OR (OLD.cash_settlement_id IS NOT NULL AND NEW.cash_settlement_id IS DISTINCT FROM OLD.cash_settlement_id) THEN
        RAISE EXCEPTION 'payment % can only be reversed', OLD.receipt_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION payment_allocations_only_released() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.released_on IS NOT NULL OR NEW.released_on IS NULL
        OR to_jsonb(NEW) - '{released_on,updated_at}'::text[] <> to_jsonb(OLD) - '{released_on,updated_at}'::text[] THEN
        RAISE EXCEPTION 'an allocation can only be released'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION outbox_messages_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'queued' AND to_jsonb(NEW) - '{status,attempts,error,sent_at,updated_at}'::text[]
        = to_jsonb(OLD) - '{status,attempts,error,sent_at,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'outbox message % is % and stays as it is', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_outbox_messages_stand';
END $$;
CREATE OR REPLACE FUNCTION change_requests_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'change request % is already %', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_change_requests_stand';
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
CREATE OR REPLACE FUNCTION correct_delivery(
    p_order uuid, p_items jsonb, p_reason text, p_corrected_by uuid, p_boy uuid, p_only_on date, p_at timestamptz
) RETURNS TABLE (outcome text, code text, detail text, order_status text, delivery_status jsonb)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    o orders;
    s delivery_statuses;
    paper text;
    n record;
    new_status text;
    is_brought boolean;
BEGIN
    PERFORM FROM customers c WHERE c.id = (SELECT x.customer_id FROM orders x WHERE x.id = p_order)
        FOR NO KEY UPDATE;
    SELECT x.* INTO o FROM orders x JOIN customers c ON c.id = x.customer_id
    WHERE x.id = p_order AND (p_boy IS NULL OR coalesce(x.delivery_boy_id, c.delivery_boy_id) = p_boy)
    FOR NO KEY UPDATE OF x;
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

NO_GUARDS = """
DROP TRIGGER tr_customers_leave_nothing ON customers;
DROP TRIGGER tr_customers_merge_into_living ON customers;
DROP TRIGGER tr_customers_merged_stay ON customers;
DROP TRIGGER tr_rows_of_living_customers ON customer_prices;
DROP TRIGGER tr_rows_of_living_customers ON invoices;
DROP TRIGGER tr_rows_of_living_customers ON orders;
DROP TRIGGER tr_rows_of_living_customers ON subscriptions;
DROP TRIGGER tr_rows_of_living_customers ON payments;
DROP TRIGGER tr_rows_of_living_customers ON opening_balances;
DROP TRIGGER tr_rows_of_living_customers ON write_offs;
DROP TRIGGER tr_rows_of_living_customers ON outbox_messages;
DROP TRIGGER tr_rows_of_living_customers ON change_requests;
-- squawk-ignore ban-drop-function
DROP FUNCTION customers_leave_nothing();
-- squawk-ignore ban-drop-function
DROP FUNCTION customers_merge_into_living();
-- squawk-ignore ban-drop-function
DROP FUNCTION customers_merged_stay();
-- squawk-ignore ban-drop-function
DROP FUNCTION rows_of_living_customers();
"""

APART = """
ALTER TABLE orders ALTER CONSTRAINT fk_orders_subscription_of_customer NOT DEFERRABLE;
ALTER TABLE orders ALTER CONSTRAINT fk_orders_invoice_of_customer NOT DEFERRABLE;
ALTER TABLE orders ALTER CONSTRAINT fk_orders_placed_at_door_of_customer NOT DEFERRABLE;
ALTER TABLE invoices ALTER CONSTRAINT fk_invoices_companion_of_customer NOT DEFERRABLE;
ALTER TABLE adjustments ALTER CONSTRAINT fk_adjustments_invoice_of_customer NOT DEFERRABLE;
ALTER TABLE credit_notes ALTER CONSTRAINT fk_credit_notes_invoice_of_customer NOT DEFERRABLE;
ALTER TABLE payment_allocations ALTER CONSTRAINT fk_payment_allocations_payment_of_customer NOT DEFERRABLE;
ALTER TABLE payment_allocations ALTER CONSTRAINT fk_payment_allocations_invoice_of_customer NOT DEFERRABLE;
ALTER TABLE write_offs ALTER CONSTRAINT fk_write_offs_invoice_of_customer NOT DEFERRABLE;
ALTER TABLE change_requests ALTER CONSTRAINT fk_change_requests_subscription_of_customer NOT DEFERRABLE;
ALTER TABLE change_requests ALTER CONSTRAINT fk_change_requests_order_of_customer NOT DEFERRABLE;
ALTER TABLE delivery_statuses ALTER CONSTRAINT fk_delivery_statuses_order_of_customer NOT DEFERRABLE;
ALTER TABLE outbox_messages ALTER CONSTRAINT fk_outbox_messages_invoice_of_customer NOT DEFERRABLE;
"""

NO_COLUMNS = """
-- squawk-ignore ban-drop-function
DROP FUNCTION follows_merge(uuid, uuid);
ALTER TABLE credit_notes DROP COLUMN issued_to;
ALTER TABLE invoices DROP COLUMN issued_to;
ALTER TABLE customers DROP COLUMN merged_into;
ALTER TABLE customers DROP COLUMN merged_at;
ALTER TABLE customers DROP COLUMN merge_reason;
"""


def upgrade() -> None:
    run(COLUMNS)
    run(TOGETHER)
    run(FOLLOWS)
    run(FROZEN)
    run(GUARDS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM customers WHERE merged_into IS NOT NULL", "who was merged into whom")
    run(NO_GUARDS)
    run(FROZEN_BEFORE)
    run(APART)
    run(NO_COLUMNS)
