-- What is sold whole is not ordered or delivered in part. What an earlier system delivered stays as it was, and a
-- standing order's quantity is judged where it is entered (standing_quantities_are_whole), lest an imported one hold up
-- everybody's day. A part that was ordered when that was allowed is delivered, corrected and taken back as it is.
-- refuses tr_order_items_are_whole: validation_failed
CREATE FUNCTION order_items_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM changed i
        WHERE i.quantity <> trunc(i.quantity) OR i.delivered_quantity <> trunc(i.delivered_quantity)) THEN
        RETURN NULL;  -- the rest would join three tables to find it out
    END IF;
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
