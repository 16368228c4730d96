-- On whose draft a delivery of a day belongs. Who is billed to another since now still stands on drafts of before:
-- those take what is delivered up to their end, and what comes later is on the next draft, of whom it is billed to. The
-- first of those drafts counts, as in draft_for. Nearly always nobody pays for the customer, and nobody did.
CREATE FUNCTION payer_for(p_customer uuid, p_day date) RETURNS uuid LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    payer uuid;
    is_elsewhere boolean;
BEGIN
    SELECT coalesce(c.billed_to, c.id),
        EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id AND o.payer_id <> o.customer_id)
    INTO payer, is_elsewhere
    FROM customers c WHERE c.id = p_customer;
    IF payer <> p_customer OR is_elsewhere THEN
        SELECT d.customer_id INTO payer FROM (
            SELECT i.customer_id, i.period_end, i.id FROM invoices i
            WHERE i.customer_id = p_customer AND i.status = 'draft' AND i.companion_of IS NULL
                AND i.period_end >= p_day
                AND EXISTS (SELECT FROM orders o WHERE o.invoice_id = i.id AND o.customer_id = p_customer)
            UNION ALL
            SELECT i.customer_id, i.period_end, i.id FROM orders o JOIN invoices i ON i.id = o.invoice_id
            WHERE o.customer_id = p_customer AND o.payer_id <> o.customer_id AND i.status = 'draft'
                AND i.period_end >= p_day
            UNION ALL
            SELECT payer, 'infinity', NULL
        ) d ORDER BY d.period_end, d.id LIMIT 1;
    END IF;
    RETURN payer;
END $$;
