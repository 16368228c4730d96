-- A photo proves what happened at a door: of an order that has not left, or was cancelled, there is none.
-- refuses tr_delivery_photos_of_orders_out: illegal_transition
CREATE FUNCTION delivery_photos_of_orders_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders WHERE id = NEW.order_id AND status IN ('PENDING', 'CANCELLED')) THEN
        RAISE EXCEPTION 'order % is neither out nor confirmed', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_delivery_photos_of_orders_out';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_delivery_photos_of_orders_out BEFORE INSERT OR UPDATE OF order_id, file_name ON delivery_photos
    FOR EACH ROW EXECUTE FUNCTION delivery_photos_of_orders_out();
