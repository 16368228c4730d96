-- An issued invoice equals its lines, and its lines what was delivered to each and adjusted. Asked once a statement,
-- because nothing of an issued invoice can change afterwards; an invoice and its companion are issued by one statement.
-- Planned for each statement: it issues one invoice or thousands. What is compared is laid in one heap and summed, not
-- joined: a chunk that was taken for a single row would be compared each with each.
-- refuses tr_invoices_equal_their_lines: illegal_transition
-- refuses tr_invoices_dated_after_return: return_filed
CREATE FUNCTION invoices_equal_their_lines() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    papers uuid[];
    carrying uuid[];
    wrong text;
BEGIN
    SELECT array_agg(n.id), array_agg(DISTINCT coalesce(n.companion_of, n.id)) INTO papers, carrying
    FROM arrived n JOIN departed d ON d.id = n.id WHERE d.status = 'draft' AND n.status = 'issued';
    IF papers IS NULL THEN
        RETURN NULL;
    END IF;
    WITH billed AS (
        SELECT l.invoice_id, l.delivered_to, sum(l.line_total) AS total,
            sum(l.quantity) FILTER (WHERE l.product_id IS NOT NULL) AS quantity,
            sum(l.gross_amount) FILTER (WHERE l.source = 'adjustment') AS adjusted
        FROM invoice_lines l WHERE l.invoice_id = ANY (papers) GROUP BY 1, 2
    ), documents AS (  -- a companion's lines count for the paper that carries the orders
        SELECT coalesce(n.companion_of, n.id) AS paper, n.number, n.total - n.round_off AS total, b.total AS billed,
            b.delivered_to, b.quantity, b.adjusted
        FROM arrived n LEFT JOIN billed b ON b.invoice_id = n.id WHERE n.id = ANY (papers)
    )
    SELECT number INTO wrong FROM documents GROUP BY number, total HAVING sum(billed) IS DISTINCT FROM total
    UNION ALL
    SELECT coalesce(min(e.number), e.paper::text) FROM (
        SELECT paper, number, delivered_to, quantity, adjusted FROM documents
        UNION ALL
        SELECT o.invoice_id, NULL, nullif(o.customer_id, o.payer_id), -sum(i.delivered_quantity), NULL
        FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.invoice_id = ANY (carrying) GROUP BY 1, 3
        UNION ALL
        SELECT a.invoice_id, NULL, NULL, NULL, -a.amount FROM adjustments a WHERE a.invoice_id = ANY (carrying)
    ) e
    GROUP BY e.paper, e.delivered_to HAVING coalesce(sum(e.quantity), 0) <> 0 OR coalesce(sum(e.adjusted), 0) <> 0
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % does not equal its lines and deliveries', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_equal_their_lines';
    END IF;
    SELECT n.number INTO wrong FROM arrived n
    WHERE n.id = ANY (papers) AND n.invoice_date <= (SELECT late_through((min(m.issued_at) AT TIME ZONE
        (SELECT time_zone FROM settings))::date) FROM arrived m)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % is dated into a month whose return is filed', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_dated_after_return';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_invoices_equal_their_lines AFTER UPDATE ON invoices
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_equal_their_lines();
