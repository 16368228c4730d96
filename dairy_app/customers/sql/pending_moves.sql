-- How a customer differs from its own columns from first_day until before next_day (NULL: for good), while the moves
-- that say so were not applied. A later move adds to an earlier one. Of an address second line and map go with the
-- first line: those of before lead to another door.
CREATE VIEW pending_moves AS
SELECT m.customer_id, m.moves_on AS first_day,
    lead(m.moves_on) OVER (PARTITION BY m.customer_id ORDER BY m.moves_on) AS next_day, n.*
FROM customer_moves m CROSS JOIN LATERAL (
    SELECT (array_agg(p.address_line1 ORDER BY p.moves_on DESC) FILTER (WHERE p.address_line1 IS NOT NULL))[1]
            AS address_line1,
        (array_agg(p.address_line2 ORDER BY p.moves_on DESC) FILTER (WHERE p.address_line1 IS NOT NULL))[1]
            AS address_line2,
        (array_agg(p.map_link ORDER BY p.moves_on DESC) FILTER (WHERE p.address_line1 IS NOT NULL))[1] AS map_link,
        (array_agg(p.city ORDER BY p.moves_on DESC) FILTER (WHERE p.city IS NOT NULL))[1] AS city,
        (array_agg(p.pincode ORDER BY p.moves_on DESC) FILTER (WHERE p.pincode IS NOT NULL))[1] AS pincode,
        (array_agg(p.area_id ORDER BY p.moves_on DESC) FILTER (WHERE p.area_id IS NOT NULL))[1] AS area_id,
        (array_agg(p.delivery_boy_id ORDER BY p.moves_on DESC) FILTER (WHERE p.delivery_boy_id IS NOT NULL))[1]
            AS delivery_boy_id,
        (array_agg(p.stop_sequence ORDER BY p.moves_on DESC) FILTER (WHERE p.stop_sequence IS NOT NULL))[1]
            AS stop_sequence
    FROM customer_moves p
    WHERE p.customer_id = m.customer_id AND p.applied_at IS NULL AND p.moves_on <= m.moves_on
) n
WHERE m.applied_at IS NULL;
