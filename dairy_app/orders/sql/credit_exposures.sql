-- What each of some customers owes (balance; below 0 it is credit), has on its draft, and has ordered besides, in
-- rupees with the tax that a bill would have; exposure is the sum, which is held against the limit. Each order counts
-- once: until it is delivered as ordered, then as delivered on a draft, then on a bill in the balance. What is ordered
-- counts for whom it is billed to. What a bill rounds to the rupee is not rounded here. p_customers NULL: of all who
-- have a limit; p_day decides the rates of tax. Planned for each call, as open_items is: for a few customers by index,
-- for many without.
CREATE FUNCTION credit_exposures(p_customers uuid[], p_day date) RETURNS TABLE (
    customer_id uuid, credit_limit numeric, balance numeric, draft numeric, ordered numeric, exposure numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    v_customers uuid[] := coalesce(p_customers, ARRAY(SELECT c.id FROM customers c
        WHERE c.credit_limit IS NOT NULL OR c.payment_terms = 'prepaid'));
    v_own uuid[] := ARRAY(SELECT c.id FROM customers c WHERE c.id = ANY (v_customers) AND c.billed_to IS NULL);
    v_others uuid[] := ARRAY(SELECT c.id FROM customers c WHERE c.billed_to = ANY (v_customers));
BEGIN
RETURN QUERY WITH goods AS (
    SELECT o.customer_id, p.tax_class, false AS is_delivered, sum(round(i.quantity * i.unit_price, 2)) AS amount
    FROM orders o
    JOIN order_items i ON i.order_id = o.id
    JOIN products p ON p.id = i.product_id
    WHERE o.customer_id = ANY (v_own) AND o.status IN ('PENDING', 'OUT_FOR_DELIVERY')
    GROUP BY 1, 2
    UNION ALL
    SELECT c.billed_to, p.tax_class, false, sum(round(i.quantity * i.unit_price, 2))
    FROM customers c
    JOIN orders o ON o.customer_id = c.id
    JOIN order_items i ON i.order_id = o.id
    JOIN products p ON p.id = i.product_id
    WHERE c.id = ANY (v_others) AND o.status IN ('PENDING', 'OUT_FOR_DELIVERY')
    GROUP BY 1, 2
    UNION ALL
    SELECT d.customer_id, p.tax_class, true, sum(round(i.delivered_quantity * i.unit_price, 2))
    FROM invoices d
    JOIN orders o ON o.invoice_id = d.id
    JOIN order_items i ON i.order_id = o.id
    JOIN products p ON p.id = i.product_id
    WHERE d.customer_id = ANY (v_customers) AND d.status = 'draft'
    GROUP BY 1, 2
    UNION ALL
    SELECT d.customer_id, a.tax_class, true, sum(a.amount)
    FROM invoices d
    JOIN adjustments a ON a.invoice_id = d.id
    WHERE d.customer_id = ANY (v_customers) AND d.status = 'draft'
    GROUP BY 1, 2
), valued AS (
    SELECT g.customer_id, coalesce(sum(v.amount) FILTER (WHERE g.is_delivered), 0) AS draft,
        coalesce(sum(v.amount) FILTER (WHERE NOT g.is_delivered), 0) AS ordered
    FROM goods g
    LEFT JOIN tax_factors(p_day) f ON f.tax_class = g.tax_class
    CROSS JOIN LATERAL (SELECT round(g.amount * coalesce(f.factor, 1), 2) AS amount) v
    GROUP BY 1
), owed AS (
    SELECT l.customer_id, sum(l.debit - l.credit) AS balance FROM customer_ledger l
    WHERE l.customer_id = ANY (v_customers) GROUP BY 1
)
SELECT c.id, coalesce(c.credit_limit, CASE c.payment_terms WHEN 'prepaid' THEN 0 END), coalesce(w.balance, 0),
    coalesce(v.draft, 0), coalesce(v.ordered, 0), coalesce(w.balance, 0) + coalesce(v.draft, 0) + coalesce(v.ordered, 0)
FROM customers c
LEFT JOIN owed w ON w.customer_id = c.id
LEFT JOIN valued v ON v.customer_id = c.id
WHERE c.id = ANY (v_customers);
END $$;
