-- An order's delivery status says what the order says, and goes only when the order is no longer delivered.
-- refuses tr_delivery_statuses_agree: illegal_transition
CREATE FUNCTION delivery_statuses_agree_with_orders() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    disagrees boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        SELECT o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') AND s.id IS NULL INTO disagrees
        FROM orders o LEFT JOIN delivery_statuses s ON s.order_id = o.id WHERE o.id = OLD.order_id;
    ELSE
        -- A row that was changed again is asked for by that change; only what disagrees is read once more.
        SELECT CASE WHEN o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED')
            THEN NEW.status <> lower(o.status) OR NEW.delivery_date <> o.delivered_on
            ELSE NEW.status <> 'not_delivered' END INTO disagrees
        FROM orders o WHERE o.id = NEW.order_id;
        IF disagrees THEN
            SELECT CASE WHEN o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED')
                THEN s.status <> lower(o.status) OR s.delivery_date <> o.delivered_on
                ELSE s.status <> 'not_delivered' END INTO disagrees
            FROM delivery_statuses s JOIN orders o ON o.id = s.order_id WHERE s.id = NEW.id;
        END IF;
    END IF;
    IF disagrees THEN
        RAISE EXCEPTION 'an order and its delivery status disagree'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_delivery_statuses_agree';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_delivery_statuses_agree AFTER INSERT OR UPDATE OR DELETE ON delivery_statuses
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION delivery_statuses_agree_with_orders();
