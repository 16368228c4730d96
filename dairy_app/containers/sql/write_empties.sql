-- What came back at the doors of orders, a place of the arrays a door; what was written of it before is replaced, and
-- stays where nothing is told (NULL).
CREATE FUNCTION write_empties(
    p_orders uuid[], p_customers uuid[], p_days date[], p_boys uuid[], p_empties jsonb[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE container_movements m SET back = 0, updated_at = now()
    FROM unnest(p_orders) WITH ORDINALITY AS j (order_id, n)
    WHERE m.order_id = j.order_id AND m.product_id IS NULL AND m.back > 0 AND p_empties[j.n] IS NOT NULL
        AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_empties[j.n]) x
            WHERE (x ->> 'container_id')::uuid = m.container_id AND (x ->> 'back')::integer > 0);
    INSERT INTO container_movements AS m (customer_id, container_id, order_id, day, back, by)
    SELECT p_customers[j.n], (x ->> 'container_id')::uuid, j.order_id, p_days[j.n], (x ->> 'back')::integer,
        p_boys[j.n]
    FROM unnest(p_orders) WITH ORDINALITY AS j (order_id, n)
    CROSS JOIN LATERAL jsonb_array_elements(p_empties[j.n]) AS x
    WHERE (x ->> 'back')::integer > 0
    ON CONFLICT (order_id, container_id) WHERE order_id IS NOT NULL AND product_id IS NULL
        DO UPDATE SET back = excluded.back, updated_at = now() WHERE m.back <> excluded.back;
END $$;
