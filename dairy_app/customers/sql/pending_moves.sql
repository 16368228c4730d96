-- How a customer differs from its own columns from first_day until before next_day (NULL: for good), while the moves
-- that say so were not applied. A later move adds to an earlier one. Of an address second line and map go with the
-- first line: those of before lead to another door.
-- Materialized: few move, and all orders of a day are joined with them; it would be reckoned anew for each.
CREATE VIEW pending_moves AS
WITH moving AS MATERIALIZED (
    SELECT customer_id, moves_on AS first_day, lag(moves_on) OVER (PARTITION BY customer_id ORDER BY moves_on DESC)
            AS next_day,
        (array_agg(address_line1) FILTER (WHERE address_line1 IS NOT NULL) OVER so_far)[1] AS address_line1,
        (array_agg(address_line2) FILTER (WHERE address_line1 IS NOT NULL) OVER so_far)[1] AS address_line2,
        (array_agg(map_link) FILTER (WHERE address_line1 IS NOT NULL) OVER so_far)[1] AS map_link,
        (array_agg(city) FILTER (WHERE city IS NOT NULL) OVER so_far)[1] AS city,
        (array_agg(pincode) FILTER (WHERE pincode IS NOT NULL) OVER so_far)[1] AS pincode,
        (array_agg(area_id) FILTER (WHERE area_id IS NOT NULL) OVER so_far)[1] AS area_id,
        (array_agg(delivery_boy_id) FILTER (WHERE delivery_boy_id IS NOT NULL) OVER so_far)[1] AS delivery_boy_id,
        (array_agg(stop_sequence) FILTER (WHERE stop_sequence IS NOT NULL) OVER so_far)[1] AS stop_sequence
    FROM customer_moves WHERE applied_at IS NULL
    WINDOW so_far AS (PARTITION BY customer_id ORDER BY moves_on DESC
        ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
)
SELECT * FROM moving;
