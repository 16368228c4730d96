"""Whether issued invoices equal their lines and deliveries is asked of all together, not of each with each.

Why: the check of a chunk of invoices was planned as if it were one, and compared the sums of each invoice with those of
    every other: two million comparisons for two thousand invoices, twelve million for five thousand. It took as long as
    writing the month's lines. Now it is planned for each statement, and what is compared is summed in one pass. What is
    refused, and with which name, is the same.
    The guard of lines finds its invoices by key for the same reason.
Locks: none on tables; a statement that issues invoices meanwhile ends with the function it began with.
Undo: brings back the function as it was.
"""

from dairy_app.common.revisions import run

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
CREATE OR REPLACE FUNCTION invoices_equal_their_lines() RETURNS trigger LANGUAGE plpgsql
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
        SELECT l.invoice_id, sum(l.line_total) AS total,
            sum(l.quantity) FILTER (WHERE l.source <> 'adjustment') AS quantity,
            sum(l.gross_amount) FILTER (WHERE l.source = 'adjustment') AS adjusted
        FROM invoice_lines l WHERE l.invoice_id = ANY (papers) GROUP BY 1
    ), documents AS (  -- a companion's lines count for the paper that carries the orders
        SELECT coalesce(n.companion_of, n.id) AS paper, n.number, n.total - n.round_off AS total, b.total AS billed,
            b.quantity, b.adjusted
        FROM arrived n LEFT JOIN billed b ON b.invoice_id = n.id WHERE n.id = ANY (papers)
    )
    SELECT number INTO wrong FROM documents WHERE billed IS DISTINCT FROM total
    UNION ALL
    SELECT min(e.number) FROM (
        SELECT paper, number, quantity, adjusted FROM documents
        UNION ALL
        SELECT o.invoice_id, NULL, -sum(i.delivered_quantity), NULL
        FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.invoice_id = ANY (carrying) GROUP BY 1
        UNION ALL
        SELECT a.invoice_id, NULL, NULL, -a.amount FROM adjustments a WHERE a.invoice_id = ANY (carrying)
    ) e
    GROUP BY e.paper HAVING coalesce(sum(e.quantity), 0) <> 0 OR coalesce(sum(e.adjusted), 0) <> 0
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
CREATE OR REPLACE FUNCTION invoice_lines_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen boolean;
BEGIN
    SELECT bool_or(status <> 'draft') INTO frozen
    FROM (SELECT status FROM invoices WHERE id = ANY (ARRAY(SELECT DISTINCT invoice_id FROM changed))
        ORDER BY id FOR SHARE) paper;
    IF frozen THEN
        RAISE EXCEPTION 'lines of an issued invoice are frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoice_lines_frozen';
    END IF;
    RETURN NULL;
END $$;
""")


def downgrade() -> None:
    run("""
CREATE OR REPLACE FUNCTION invoices_equal_their_lines() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE OR REPLACE FUNCTION invoice_lines_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen boolean;
BEGIN
    SELECT bool_or(status <> 'draft') INTO frozen
    FROM (SELECT status FROM invoices WHERE id IN (SELECT invoice_id FROM changed) ORDER BY id FOR SHARE) paper;
    IF frozen THEN
        RAISE EXCEPTION 'lines of an issued invoice are frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoice_lines_frozen';
    END IF;
    RETURN NULL;
END $$;
""")
