-- What is wrong with empties that are told with a confirmation: an unknown container, or more than the customer has
-- together with what is brought just now. p_status: what the confirmation comes to; p_items: what it tells of a part;
-- p_extras: what is handed over besides. The caller holds the customer's row.
CREATE FUNCTION judge_empties(
    p_empties jsonb, p_customer uuid, p_order uuid, p_status text, p_items jsonb, p_extras jsonb, OUT code text,
    OUT detail text
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    wrong record;
BEGIN
    SELECT t.name, t.back, t.has INTO wrong
    FROM (SELECT e.n, c.name, (e.x ->> 'back')::integer AS back,
            coalesce((SELECT b.balance FROM container_balances b
                WHERE b.customer_id = p_customer AND b.container_id = c.id), 0)
            + coalesce((SELECT sum(ceil(g.quantity * p.containers_per_unit))
                FROM (SELECT i.product_id, CASE p_status WHEN 'DELIVERED' THEN i.quantity WHEN 'NOT_DELIVERED' THEN 0
                        ELSE (SELECT (y ->> 'delivered_quantity')::numeric FROM jsonb_array_elements(p_items) y
                            WHERE (y ->> 'product_id')::uuid = i.product_id) END AS quantity
                    FROM order_items i WHERE i.order_id = p_order
                    UNION ALL
                    SELECT (y ->> 'product_id')::uuid, (y ->> 'quantity')::numeric
                    FROM jsonb_array_elements(p_extras) y) g
                JOIN products p ON p.id = g.product_id WHERE p.container_id = c.id), 0) AS has
        FROM jsonb_array_elements(p_empties) WITH ORDINALITY AS e (x, n)
        LEFT JOIN containers c ON c.id = (e.x ->> 'container_id')::uuid) t
    WHERE t.name IS NULL OR t.back > t.has ORDER BY t.n LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    ELSIF wrong.name IS NULL THEN
        code := 'container_not_found';
        detail := 'No such container.';
    ELSE
        code := 'more_back_than_out';
        detail := format('%s × %s came back; the customer has %s.', wrong.back, wrong.name, wrong.has);
    END IF;
END $$;
