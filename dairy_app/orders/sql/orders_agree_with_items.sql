-- Deferred: within the transaction order and items may disagree for a moment, at its end they may not. An item without
-- delivered_quantity on a delivered order would be delivered and never billed.
-- By index: a session plans once, maybe while a new dairy's tables hold next to nothing. The WHENs are short because
-- PostgreSQL parses them anew for each statement; delivery_confirmed says the same as the two states (a CHECK).
-- refuses tr_orders_agree_with_items: illegal_transition
CREATE FUNCTION orders_agree_with_items() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    touched uuid;
    agrees boolean;
BEGIN
    -- The usual case asks one table: whether the row as this change left it fits the other table. A later change of
    -- the row is judged by its own call. Whatever does not fit is judged whole below, as both are by now.
    IF TG_TABLE_NAME = 'orders' THEN
        touched := NEW.id;
        IF NEW.status = 'DELIVERED' THEN
            SELECT bool_and(i.item_status IS NOT DISTINCT FROM 'full') INTO agrees
            FROM order_items i WHERE i.order_id = touched;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        touched := OLD.order_id;
    ELSE
        touched := NEW.order_id;
        -- With it the order agrees as much as without it: as before, or as judged for what else was changed.
        SELECT CASE o.status WHEN 'DELIVERED' THEN NEW.item_status IS NOT DISTINCT FROM 'full'
            WHEN 'PARTIALLY_DELIVERED' THEN false ELSE coalesce(NEW.delivered_quantity, 0) = 0 END
        INTO agrees FROM orders o WHERE o.id = touched;
    END IF;
    IF agrees THEN
        RETURN NULL;
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
    WHEN (OLD.delivery_confirmed OR NEW.delivery_confirmed)
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
