-- Whether what is told of empties is what was written down when an order was confirmed; none is as good as nothing
-- told.
CREATE FUNCTION empties_are_as_told(p_order uuid, p_empties jsonb) RETURNS boolean LANGUAGE sql STABLE
RETURN (SELECT count(*) = 0
    FROM (SELECT m.container_id, m.back FROM container_movements m
        WHERE m.order_id = p_order AND m.product_id IS NULL AND m.back > 0) written
    FULL JOIN (SELECT (x ->> 'container_id')::uuid AS container_id, (x ->> 'back')::integer AS back
        FROM jsonb_array_elements(coalesce(p_empties, '[]')) x WHERE (x ->> 'back')::integer > 0) told
        ON told.container_id = written.container_id
    WHERE told.back IS DISTINCT FROM written.back);
