-- An issued invoice equals its lines, and its lines what was delivered and adjusted. Asked once a statement, because
-- nothing of an issued invoice can change afterwards; an invoice and its companion are issued by one statement.
-- refuses tr_invoices_equal_their_lines: illegal_transition
-- refuses tr_invoices_dated_after_return: return_filed
CREATE FUNCTION invoices_equal_their_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    -- Summed per paper before they are joined: a chunk has thousands of papers.
    WITH issued AS (
        SELECT n.* FROM arrived n JOIN departed d ON d.id = n.id WHERE d.status = 'draft' AND n.status = 'issued'
    ), billed AS (
        SELECT l.invoice_id, sum(l.line_total) AS total,
            coalesce(sum(l.quantity) FILTER (WHERE l.source <> 'adjustment'), 0) AS quantity,
            coalesce(sum(l.gross_amount) FILTER (WHERE l.source = 'adjustment'), 0) AS adjusted
        FROM issued n JOIN invoice_lines l ON l.invoice_id = n.id GROUP BY 1
    ), together AS (  -- a companion's lines count for the paper that carries the orders
        SELECT coalesce(n.companion_of, n.id) AS invoice_id, min(n.number) AS number, sum(b.quantity) AS quantity,
            sum(b.adjusted) AS adjusted
        FROM issued n LEFT JOIN billed b ON b.invoice_id = n.id GROUP BY 1
    ), delivered AS (
        SELECT n.invoice_id, sum(i.delivered_quantity) AS quantity
        FROM together n JOIN orders o ON o.invoice_id = n.invoice_id JOIN order_items i ON i.order_id = o.id
        GROUP BY 1
    ), adjusted AS (
        SELECT n.invoice_id, sum(a.amount) AS amount
        FROM together n JOIN adjustments a ON a.invoice_id = n.invoice_id GROUP BY 1
    )
    SELECT n.number INTO wrong
    FROM issued n LEFT JOIN billed b ON b.invoice_id = n.id
    WHERE b.total IS DISTINCT FROM n.total - n.round_off
    UNION ALL
    SELECT n.number
    FROM together n LEFT JOIN delivered d ON d.invoice_id = n.invoice_id
    LEFT JOIN adjusted a ON a.invoice_id = n.invoice_id
    WHERE coalesce(n.quantity, 0) <> coalesce(d.quantity, 0) OR coalesce(n.adjusted, 0) <> coalesce(a.amount, 0)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % does not equal its lines and deliveries', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_equal_their_lines';
    END IF;
    SELECT n.number INTO wrong FROM arrived n JOIN departed d ON d.id = n.id AND d.status = 'draft'
    WHERE n.status = 'issued' AND n.invoice_date <= (SELECT late_through((min(m.issued_at) AT TIME ZONE
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
