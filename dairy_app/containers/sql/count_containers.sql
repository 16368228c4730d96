-- What goes out with delivered orders: of each product in containers its quantity times their number per unit, a
-- started container whole. Once for an order and product; p_products: of each order this one only, where it is named.
-- More than the bound of a movement (ck_container_movements_counts_limited) is one too many, for that to refuse it.
CREATE FUNCTION count_containers(p_orders uuid[], p_products uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO container_movements (customer_id, container_id, order_id, product_id, per_unit, day, out, by)
    SELECT o.customer_id, p.container_id, o.id, p.id, p.containers_per_unit, o.delivered_on,
        least(ceil(i.delivered_quantity * p.containers_per_unit), 1000001),
        coalesce(o.delivery_boy_id, c.delivery_boy_id)
    FROM unnest(p_orders, p_products) AS w (order_id, product_id)
    JOIN orders o ON o.id = w.order_id
    JOIN customers c ON c.id = o.customer_id
    JOIN order_items i ON i.order_id = o.id AND i.product_id = coalesce(w.product_id, i.product_id)
    JOIN products p ON p.id = i.product_id
    WHERE i.delivered_quantity > 0 AND p.container_id IS NOT NULL AND o.delivered_on IS NOT NULL
        AND o.source <> 'import'
    ON CONFLICT (order_id, product_id) WHERE product_id IS NOT NULL DO NOTHING;
END $$;
