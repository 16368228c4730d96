-- What an issued invoice bills does not change.
-- refuses tr_order_items_touch_only_drafts: invoice_issued
-- refuses tr_orders_agree_with_items: illegal_transition
CREATE FUNCTION order_items_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    papers uuid[];
    frozen boolean;
    unsaid boolean;
BEGIN
    -- Row by row, by key: a join is planned once for many rows, and for a day's thousands it reads all billed orders.
    IF NOT EXISTS (SELECT FROM changed c
        WHERE (SELECT o.invoice_id FROM orders o WHERE o.id = c.order_id) IS NOT NULL) THEN
        RETURN NULL;  -- an item stays with its order (order_items_stay): where it was is where it is
    END IF;
    SELECT array_agg(DISTINCT q.paper), bool_or(q.said IS NULL) INTO papers, unsaid
    FROM (SELECT (SELECT o.invoice_id FROM orders o WHERE o.id = c.order_id) AS paper, c.delivered_quantity AS said
        FROM changed c OFFSET 0) q
    WHERE q.paper IS NOT NULL;
    SELECT bool_or(NOT (status = 'draft' OR (status = 'external' AND TG_OP = 'INSERT'))) INTO frozen
    FROM (SELECT status FROM invoices WHERE id = ANY (papers) ORDER BY id FOR SHARE) paper;
    IF frozen THEN
        RAISE EXCEPTION 'items of an invoiced order are frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_touch_only_drafts';
    ELSIF TG_OP = 'INSERT' AND unsaid THEN
        RAISE EXCEPTION 'an item joins a delivered order only with what was delivered of it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_agree_with_items';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_order_items_touch_only_drafts_insert AFTER INSERT ON order_items
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
CREATE TRIGGER tr_order_items_touch_only_drafts_update AFTER UPDATE ON order_items
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
CREATE TRIGGER tr_order_items_touch_only_drafts_delete AFTER DELETE ON order_items
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
