-- An item stays with its order.
-- refuses tr_order_items_stay: illegal_transition
CREATE FUNCTION order_items_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an item stays with its order'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_stay';
END $$;
CREATE TRIGGER tr_order_items_stay BEFORE UPDATE OF order_id ON order_items
    FOR EACH ROW WHEN (OLD.order_id <> NEW.order_id) EXECUTE FUNCTION order_items_stay();
