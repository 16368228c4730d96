-- Whether what is told of extra items is what was written down at the door of an order when it was confirmed. As it was
-- told then: what the office corrected since is no reason to take a phone's repeat for something new.
CREATE FUNCTION extras_are_as_told(p_order uuid, p_extras jsonb) RETURNS boolean LANGUAGE sql STABLE
RETURN (SELECT count(*) = 0
    FROM (SELECT i.product_id, i.quantity FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.placed_at_door_of = p_order) written
    FULL JOIN (SELECT (x ->> 'product_id')::uuid AS product_id, (x ->> 'quantity')::numeric AS quantity
        FROM jsonb_array_elements(coalesce(p_extras, '[]')) x) told ON told.product_id = written.product_id
    WHERE told.quantity IS DISTINCT FROM written.quantity);
