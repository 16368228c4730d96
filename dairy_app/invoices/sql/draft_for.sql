-- The draft that a delivery or an adjustment of a day joins; NULL when none is open.
CREATE FUNCTION draft_for(p_customer uuid, p_day date) RETURNS uuid LANGUAGE sql STABLE
RETURN (SELECT i.id FROM invoices i
    WHERE i.customer_id = p_customer AND i.status = 'draft' AND i.companion_of IS NULL AND i.period_end >= p_day
    ORDER BY i.period_start LIMIT 1);
