-- Orders from p_first on that did not start say where their day's moves lead: helper, area, address. A helper that was
-- given by hand for a day (a stand-in) stays; one of the moves, pending or in p_helpers (of a move that was just
-- applied or taken back), goes with them. What is NULL is the customer's own.
CREATE FUNCTION follow_moves(p_customers uuid[], p_first date, p_helpers uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders o SET delivery_boy_id = w.delivery_boy_id, area_id = w.area_id, address = w.address,
        updated_at = now()
    FROM (
        SELECT x.id, m.area_id,
            CASE WHEN x.delivery_boy_id = ANY (p_helpers) OR x.delivery_boy_id IS NULL
                    OR EXISTS (SELECT FROM customer_moves q WHERE q.customer_id = x.customer_id
                        AND q.applied_at IS NULL AND q.delivery_boy_id = x.delivery_boy_id)
                THEN m.delivery_boy_id ELSE x.delivery_boy_id END AS delivery_boy_id,
            CASE
                WHEN m.customer_id IS NULL AND x.source = 'generator' THEN NULL
                WHEN m.customer_id IS NULL AND x.source = 'import' THEN x.address
                ELSE jsonb_build_object('address_line1', coalesce(m.address_line1, c.address_line1),
                    'address_line2', CASE WHEN m.address_line1 IS NULL THEN c.address_line2 ELSE m.address_line2 END,
                    'city', coalesce(m.city, c.city), 'state_code', c.state_code,
                    'pincode', coalesce(m.pincode, c.pincode),
                    'map_link', CASE WHEN m.address_line1 IS NULL THEN c.map_link ELSE m.map_link END, 'area', a.name)
            END AS address
        FROM orders x
        JOIN customers c ON c.id = x.customer_id
        LEFT JOIN pending_moves m ON m.customer_id = x.customer_id AND x.delivery_date >= m.first_day
            AND (m.next_day IS NULL OR x.delivery_date < m.next_day)
        LEFT JOIN areas a ON a.id = coalesce(m.area_id, c.area_id)
        WHERE x.customer_id = ANY (p_customers) AND x.delivery_date >= p_first AND x.status IN ('PENDING', 'CANCELLED')
    ) w
    WHERE o.id = w.id
        AND (o.delivery_boy_id, o.area_id, o.address) IS DISTINCT FROM (w.delivery_boy_id, w.area_id, w.address);
END $$;
