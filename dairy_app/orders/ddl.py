"""What keeps orders and the papers they stand on in step, against raw SQL too.

A CHECK sees one row only. These triggers add: an order joins nothing but a draft that has not ended before
the day it was delivered; it leaves no issued paper; its items change only on a draft; its status says what its
items say. They read the invoice FOR SHARE, so that a run issuing it at the same moment is waited for.
"""

from dairy_app.database.ddl import after_tables

ORDERS_TOUCH_ONLY_DRAFTS = """
CREATE FUNCTION orders_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER tr_orders_touch_only_drafts_insert BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.invoice_id IS NOT NULL) EXECUTE FUNCTION orders_touch_only_drafts();
CREATE TRIGGER tr_orders_touch_only_drafts_update
    BEFORE UPDATE OF id, customer_id, order_type, subscription_id, delivery_date, status, delivered_on, invoice_id
    ON orders FOR EACH ROW WHEN (OLD.invoice_id IS NOT NULL OR NEW.invoice_id IS NOT NULL)
    EXECUTE FUNCTION orders_touch_only_drafts();
CREATE TRIGGER tr_orders_touch_only_drafts_delete BEFORE DELETE ON orders
    FOR EACH ROW WHEN (OLD.invoice_id IS NOT NULL) EXECUTE FUNCTION orders_touch_only_drafts();
"""

ORDER_ITEMS_TOUCH_ONLY_DRAFTS = """
CREATE FUNCTION order_items_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    papers uuid[];
    frozen boolean;
    unsaid boolean;
BEGIN
    SELECT array_agg(DISTINCT o.invoice_id), bool_or(changed.delivered_quantity IS NULL) INTO papers, unsaid
    FROM changed JOIN orders o ON o.id = changed.order_id WHERE o.invoice_id IS NOT NULL;
    IF TG_OP = 'UPDATE' THEN
        SELECT papers || array_agg(DISTINCT o.invoice_id) INTO papers
        FROM arrived JOIN orders o ON o.id = arrived.order_id WHERE o.invoice_id IS NOT NULL;
    END IF;
    IF papers IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT bool_or(NOT (status = 'draft' OR (status = 'external' AND TG_OP = 'INSERT'))) INTO frozen
    FROM (SELECT status FROM invoices WHERE id = ANY (papers) ORDER BY id FOR SHARE) paper;
    IF frozen THEN
        RAISE EXCEPTION 'items of an invoiced order are frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_touch_only_drafts';
    ELSIF TG_OP = 'INSERT' AND unsaid THEN
        RAISE EXCEPTION 'an item joins a delivered order only with what was delivered of it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_agree_with_items';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_order_items_touch_only_drafts_insert AFTER INSERT ON order_items
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
CREATE TRIGGER tr_order_items_touch_only_drafts_update AFTER UPDATE ON order_items
    REFERENCING OLD TABLE AS changed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
CREATE TRIGGER tr_order_items_touch_only_drafts_delete AFTER DELETE ON order_items
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
"""

# Of what is sold whole nobody orders or gets a part. What an earlier system delivered stays as it was, and a standing
# order's quantity is judged where it is said (``subscriptions.ddl``), lest an imported one hold up everybody's day. A
# part that was ordered when that was allowed is delivered, corrected and taken back as it is.
ORDER_ITEMS_ARE_WHOLE = """
CREATE FUNCTION order_items_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := EXISTS (SELECT FROM changed i
            JOIN products p ON p.id = i.product_id JOIN orders o ON o.id = i.order_id
            WHERE (i.quantity <> trunc(i.quantity) OR i.delivered_quantity <> trunc(i.delivered_quantity))
                AND p.unit IN ('piece', 'packet', 'dozen') AND o.source <> 'import'
                AND (o.order_type = 'one_time' OR i.quantity = trunc(i.quantity)));
    ELSE
        broken := EXISTS (SELECT FROM changed i
            JOIN products p ON p.id = i.product_id JOIN orders o ON o.id = i.order_id
            LEFT JOIN departed d ON d.order_id = i.order_id AND d.line_no = i.line_no AND d.quantity = i.quantity
            WHERE (i.quantity <> trunc(i.quantity) OR i.delivered_quantity <> trunc(i.delivered_quantity))
                AND p.unit IN ('piece', 'packet', 'dozen') AND o.source <> 'import'
                AND (i.quantity = trunc(i.quantity) OR o.order_type = 'one_time' AND d.order_id IS NULL));
    END IF;
    IF broken THEN
        RAISE EXCEPTION 'a product that is sold whole is ordered and delivered whole'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_are_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_order_items_are_whole_insert AFTER INSERT ON order_items
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION order_items_are_whole();
CREATE TRIGGER tr_order_items_are_whole_update AFTER UPDATE ON order_items
    REFERENCING OLD TABLE AS departed NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION order_items_are_whole();
"""

# Deferred: within the transaction order and items may disagree for a moment, at its end they may not.
# An item without delivered_quantity on a delivered order would be delivered and never billed.
# By index: a session plans once, maybe while a new dairy's tables hold next to nothing.
ORDERS_AGREE_WITH_ITEMS = """
CREATE FUNCTION orders_agree_with_items() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    touched uuid;
    agrees boolean;
BEGIN
    IF TG_TABLE_NAME = 'orders' THEN
        touched := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        touched := OLD.order_id;
    ELSE
        touched := NEW.order_id;
    END IF;
    SELECT CASE o.status
        WHEN 'DELIVERED' THEN count(i.order_id) > 0 AND count(*) FILTER (WHERE i.item_status = 'full') = count(*)
        WHEN 'PARTIALLY_DELIVERED' THEN count(i.delivered_quantity) = count(*)
            AND sum(i.delivered_quantity) > 0 AND sum(i.delivered_quantity) < sum(i.quantity)
        ELSE coalesce(sum(i.delivered_quantity), 0) = 0 END
    INTO agrees
    FROM orders o LEFT JOIN order_items i ON i.order_id = o.id WHERE o.id = touched GROUP BY o.id;
    IF NOT agrees THEN
        RAISE EXCEPTION 'order % and its items disagree about what was delivered', touched
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_agree_with_items';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_orders_agree_with_items_insert AFTER INSERT ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) EXECUTE FUNCTION orders_agree_with_items();
CREATE CONSTRAINT TRIGGER tr_orders_agree_with_items_update AFTER UPDATE OF status ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR OLD.status IN ('DELIVERED', 'PARTIALLY_DELIVERED'))
    EXECUTE FUNCTION orders_agree_with_items();
CREATE CONSTRAINT TRIGGER tr_order_items_agree_insert AFTER INSERT ON order_items
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.delivered_quantity IS NOT NULL)
    EXECUTE FUNCTION orders_agree_with_items();
CREATE CONSTRAINT TRIGGER tr_order_items_agree_update AFTER UPDATE ON order_items
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.delivered_quantity IS NOT NULL OR NEW.delivered_quantity IS NOT NULL)
    EXECUTE FUNCTION orders_agree_with_items();
CREATE CONSTRAINT TRIGGER tr_order_items_agree_delete AFTER DELETE ON order_items
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.delivered_quantity IS NOT NULL)
    EXECUTE FUNCTION orders_agree_with_items();
"""

# The state machine, for psql too: what is delivered becomes undelivered only by a correction, what is cancelled
# comes back only when the standing order's change that cancelled it is lifted. An item stays with its order.
ORDER_TRANSITIONS = """
CREATE FUNCTION orders_follow_transitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'order % cannot become % from %', NEW.id, NEW.status, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_follow_transitions';
END $$;
CREATE TRIGGER tr_orders_follow_transitions BEFORE UPDATE OF status ON orders
    FOR EACH ROW WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
        WHEN 'PENDING' THEN true
        WHEN 'OUT_FOR_DELIVERY' THEN NEW.status <> 'PENDING'
        WHEN 'CANCELLED' THEN NEW.status = 'PENDING' AND OLD.cancelled_by_subscription
        WHEN 'NOT_DELIVERED' THEN NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'CANCELLED')
        ELSE NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED') END)
    EXECUTE FUNCTION orders_follow_transitions();
CREATE FUNCTION order_items_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an item stays with its order'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_stay';
END $$;
CREATE TRIGGER tr_order_items_stay BEFORE UPDATE OF order_id ON order_items
    FOR EACH ROW WHEN (OLD.order_id <> NEW.order_id) EXECUTE FUNCTION order_items_stay();
"""

after_tables(
    ORDER_TRANSITIONS,
    {"tr_orders_follow_transitions": "illegal_transition", "tr_order_items_stay": "illegal_transition"},
)
after_tables(
    ORDERS_TOUCH_ONLY_DRAFTS,
    {"tr_orders_touch_only_drafts": "invoice_issued", "tr_orders_within_period": "illegal_transition"},
)
after_tables(ORDER_ITEMS_TOUCH_ONLY_DRAFTS, {"tr_order_items_touch_only_drafts": "invoice_issued"})
after_tables(ORDER_ITEMS_ARE_WHOLE, {"tr_order_items_are_whole": "validation_failed"})
after_tables(ORDERS_AGREE_WITH_ITEMS, {"tr_orders_agree_with_items": "illegal_transition"})
