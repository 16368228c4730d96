-- A correction counts anew what went out, as it was counted first: with the number per unit of that day. Goods that had
-- no container when they were delivered get none by it; goods of a delivered order that came after all do.
-- A dairy without containers pays for one look into an empty table.
CREATE FUNCTION corrections_recount_containers() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER tr_corrections_recount_containers AFTER UPDATE ON order_items
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION corrections_recount_containers();
