-- The one place that decides which draft a delivery joins: confirming, importing and voiding call it. Its caller
-- holds the customers' rows FOR NO KEY UPDATE. Two statements on purpose: the second must see what the first opened.
CREATE FUNCTION open_drafts(p_customers uuid[], p_days date[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- A day that no live paper holds: the cycle's period, clipped to its neighbours.
    INSERT INTO invoices (customer_id, period_start, period_end)
    SELECT DISTINCT c.id,
        greatest(billing_period_start(c.billing_cycle, w.day), before.period_end + 1),
        least(billing_period_end(c.billing_cycle, w.day), after.period_start - 1)
    FROM unnest(p_customers, p_days) AS w (customer_id, day)
    JOIN customers c ON c.id = w.customer_id
    CROSS JOIN LATERAL (SELECT max(i.period_end) AS period_end FROM invoices i
        WHERE i.customer_id = c.id AND i.status IN ('draft', 'issued') AND i.companion_of IS NULL
            AND i.period_end < w.day) before
    CROSS JOIN LATERAL (SELECT min(i.period_start) AS period_start FROM invoices i
        WHERE i.customer_id = c.id AND i.status IN ('draft', 'issued') AND i.companion_of IS NULL
            AND i.period_start > w.day) after
    WHERE NOT EXISTS (SELECT FROM invoices i
        WHERE i.customer_id = c.id AND i.status IN ('draft', 'issued') AND i.companion_of IS NULL
            AND w.day BETWEEN i.period_start AND i.period_end);
    -- The day's paper is issued and no later draft takes the late delivery: open the next one.
    INSERT INTO invoices (customer_id, period_start, period_end)
    SELECT DISTINCT c.id, last.period_end + 1, billing_period_end(c.billing_cycle, last.period_end + 1)
    FROM unnest(p_customers, p_days) AS w (customer_id, day)
    JOIN customers c ON c.id = w.customer_id
    CROSS JOIN LATERAL (SELECT max(i.period_end) AS period_end FROM invoices i
        WHERE i.customer_id = c.id AND i.status IN ('draft', 'issued') AND i.companion_of IS NULL) last
    WHERE NOT EXISTS (SELECT FROM invoices i
        WHERE i.customer_id = c.id AND i.status = 'draft' AND i.companion_of IS NULL AND i.period_end >= w.day);
END $$;
