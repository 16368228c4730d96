-- Two queues of amounts laid side by side: where a credit and a debit cover the same stretch, that much is settled.
-- Planned for each call, as open_items is.
CREATE FUNCTION applications(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, credit_kind text, credit_id uuid, debit_kind text, debit_id uuid, amount numeric,
    is_chosen boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY WITH
-- include as_of
SELECT d.customer_id, o.kind, o.id, d.kind, d.id,
    least(o.upto, d.own_upto) - greatest(o.upto - o.amount, d.own_upto - d.amount), true
FROM own o JOIN debits d ON d.own_of = o.invoice_id
    AND o.upto > d.own_upto - d.amount AND d.own_upto > o.upto - o.amount
UNION ALL
SELECT d.customer_id, 'payment', c.payment_id, 'invoice', d.id, c.amount, true
FROM chosen c JOIN debits d ON d.kind = 'invoice' AND d.id = c.invoice_id WHERE c.amount > 0
UNION ALL
SELECT f.customer_id, f.kind, f.id, o.kind, o.id,
    least(f.upto, o.upto) - greatest(f.upto - f.rest, o.upto - o.rest), false
FROM free f JOIN owed o ON o.customer_id = f.customer_id
    AND f.upto > o.upto - o.rest AND o.upto > f.upto - f.rest
WHERE f.rest > 0 AND o.rest > 0
UNION ALL
SELECT f.customer_id, f.kind, f.id, 'refund', r.id,
    least(f.returned_upto, r.upto) - greatest(f.returned_before, r.upto - r.amount), false
FROM free f JOIN refunded r ON r.customer_id = f.customer_id
    AND f.returned_upto > r.upto - r.amount AND r.upto > f.returned_before
WHERE f.returned_upto > f.returned_before;
END $$;
