-- What is open as of a day. Rows with open 0 are settled debits. What was received and found no debit is one row of
-- kind credit, below 0: so the sum of open is the balance.
-- Planned for each call: for a few customers by index, for all without. An SQL function has one plan for both, which
-- reads all for one: before PostgreSQL 18 always, from then on after a few calls.
CREATE FUNCTION open_items(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, kind text, document_id uuid, document text, document_date date, due_date date, amount numeric,
    open numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY WITH
-- include as_of
, pools AS (
    SELECT f.customer_id, sum(f.rest) AS amount FROM free f GROUP BY 1
)
SELECT o.customer_id, o.kind, o.id, o.document, o.day, o.due_day, o.amount,
    least(greatest(o.upto - coalesce(p.amount, 0), 0), o.rest)
FROM owed o LEFT JOIN pools p ON p.customer_id = o.customer_id
UNION ALL
SELECT p.customer_id, 'credit', NULL, NULL, NULL, NULL, 0, coalesce(w.amount, 0) - p.amount
FROM pools p LEFT JOIN (SELECT o.customer_id, sum(o.rest) AS amount FROM owed o GROUP BY 1) w
    ON w.customer_id = p.customer_id
WHERE p.amount > coalesce(w.amount, 0);
END $$;
