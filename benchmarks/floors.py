"""The floors: the least plain SQL that does each case's work.

What writes has a bare floor, run without our triggers, and one that gives the same guarantees: our triggers are on,
rows are locked before anything is decided, the audit log learns who acts. Foreign keys and CHECKs are on for both.
"""

#: Issue every draft of the month: lines, numbers, totals, one statement each over all drafts. No checks beforehand.
#: The database demands neither a snapshot nor a true chain of hashes, only that the columns are filled.
BILLING = """
SET work_mem = '256MB';
SET jit = off;
BEGIN;
{locks}
INSERT INTO invoice_lines (invoice_id, line_no, product_id, description, hsn_code, unit, source, prior_period,
    deliveries, first_date, last_date, quantity, unit_price, gross_amount, supply_type, gst_rate, taxable_value, cgst,
    sgst, igst, line_total)
SELECT invoice_id, row_number() OVER (PARTITION BY invoice_id), product_id, name, hsn_code, unit, order_type, false,
    deliveries, first_date, last_date, quantity, unit_price, gross, supply_type, gst_rate, taxable, tax, tax, 0,
    CASE WHEN gst_rate > 0 THEN taxable + 2 * tax ELSE gross END
FROM (SELECT o.invoice_id, i.product_id, i.unit_price, o.order_type, sum(i.delivered_quantity) AS quantity,
        count(*) AS deliveries, min(o.delivered_on) AS first_date, max(o.delivered_on) AS last_date
    FROM invoices d JOIN orders o ON o.invoice_id = d.id JOIN order_items i ON i.order_id = o.id
    WHERE d.status = 'draft' AND d.period_end <= '{last}' GROUP BY 1, 2, 3, 4) q
JOIN products p ON p.id = q.product_id
JOIN tax_rates r ON r.tax_class = p.tax_class AND r.valid @> date '{last}'
CROSS JOIN LATERAL (SELECT round(quantity * unit_price, 2) AS gross) g
CROSS JOIN LATERAL (SELECT round(gross * gst_rate / (2 * (100 + gst_rate)), 2) AS tax) x
CROSS JOIN LATERAL (SELECT CASE WHEN gst_rate > 0 THEN gross - 2 * tax ELSE 0 END AS taxable) t;
UPDATE invoices d SET status = 'issued', series = 'INV', financial_year = '{year}', sequence_no = n.n,
    number = 'INV/{year}/' || lpad(n.n::text, 7, '0'), invoice_date = '{last}', due_date = date '{last}' + 10,
    document_type = 'invoice_cum_bill_of_supply', snapshot = '{{}}', taxable_value = s.taxable, exempt_value = s.exempt,
    cgst = s.cgst, sgst = s.cgst, igst = 0, round_off = round(s.total) - s.total, total = round(s.total),
    previous_balance = 0, issued_at = now(), document_hash = repeat('0', 64), previous_hash = repeat('0', 64),
    hash_version = 1
FROM (SELECT d.id, {issued} + row_number() OVER (ORDER BY c.code) AS n FROM invoices d
        JOIN customers c ON c.id = d.customer_id WHERE d.status = 'draft' AND d.period_end <= '{last}') n
JOIN (SELECT invoice_id, sum(taxable_value) AS taxable, sum(cgst) AS cgst, sum(line_total) AS total,
        coalesce(sum(line_total) FILTER (WHERE gst_rate = 0), 0) AS exempt
    FROM invoice_lines GROUP BY invoice_id) s ON s.invoice_id = n.id
WHERE d.id = n.id;
INSERT INTO number_series (series, financial_year, next_no) VALUES ('INV', '{year}', {issued} + {customers} + 1)
ON CONFLICT (series, financial_year) DO UPDATE SET next_no = excluded.next_no;
COMMIT;
"""

#: Nobody else gives numbers, touches these customers' money or these drafts meanwhile.
BILLING_LOCKS = """
SELECT pg_advisory_xact_lock(hashtextextended('numbers of invoices', 0));
SELECT count(*) FROM (SELECT FROM customers WHERE id IN (SELECT customer_id FROM invoices WHERE status = 'draft'
    AND period_end <= '{last}') ORDER BY id FOR NO KEY UPDATE) c;
SELECT count(*) FROM (SELECT FROM invoices WHERE status = 'draft' AND period_end <= '{last}' ORDER BY id
    FOR NO KEY UPDATE) d;
"""

#: The next order of the queue, delivered in full.
_NEXT = "(SELECT order_id FROM bench_queue WHERE n = (SELECT nextval('bench_turn')))"

CONFIRM_SAME_FUNCTION = f"""
SELECT * FROM confirm_deliveries(
    (SELECT jsonb_build_array(jsonb_build_object('order_id', {_NEXT}, 'status', 'delivered'))),
    '{{admin}}', 'Asha Admin', 'admin', NULL, NULL, NULL, NULL, NULL, NULL, '127.0.0.1', 'pgbench', now());
"""

#: One transaction of one statement, nothing locked beforehand, nothing judged.
CONFIRM_MINIMUM = f"""
WITH o AS (
    UPDATE orders SET status = 'DELIVERED', delivered_on = '{{today}}', delivered_at = now(), delivery_confirmed = true,
        payer_id = customer_id,
        invoice_id = (SELECT d.id FROM invoices d WHERE d.customer_id = orders.customer_id AND d.status = 'draft'
            AND d.period_end >= '{{today}}' ORDER BY d.period_end LIMIT 1)
    WHERE id = {_NEXT} RETURNING id, customer_id
), i AS (
    UPDATE order_items SET delivered_quantity = quantity FROM o WHERE order_id = o.id
)
INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, delivered_at, confirmed_at,
    confirmation_method, confirmed_by_user_id)
SELECT id, customer_id, '{{today}}', 'delivered', now(), now(), 'admin', '{{admin}}' FROM o;
"""

#: One call, planned once a session and by index, as ours is: the lock, the draft, three writes.
CONFIRM_FUNCTION = f"""
CREATE OR REPLACE FUNCTION bench_confirm_next(p_admin uuid, p_day date) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_mergejoin = off AS $$
DECLARE
    wanted uuid := {_NEXT};
    customer uuid;
BEGIN
    PERFORM set_config('dairy.actor_user_id', p_admin::text, true), set_config('dairy.actor_role', 'admin', true);
    SELECT c.id INTO customer FROM customers c
    WHERE c.id = (SELECT customer_id FROM orders WHERE id = wanted) FOR NO KEY UPDATE;
    PERFORM open_drafts(ARRAY[customer], ARRAY[p_day]);
    UPDATE order_items SET delivered_quantity = quantity WHERE order_id = wanted;
    UPDATE orders SET status = 'DELIVERED', delivered_on = p_day, delivered_at = now(), delivery_confirmed = true,
        payer_id = customer, invoice_id = draft_for(customer, p_day) WHERE id = wanted;
    INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, delivered_at, confirmed_at,
        confirmation_method, confirmed_by_user_id)
    VALUES (wanted, customer, p_day, 'delivered', now(), now(), 'admin', p_admin);
END $$;
"""

CONFIRM_GUARANTEED = "SELECT bench_confirm_next('{admin}', '{today}');"

CONFIRM_SET = """
BEGIN;
{locks}
UPDATE order_items i SET delivered_quantity = quantity
FROM bench_queue q WHERE q.n BETWEEN {first} AND {last} AND i.order_id = q.order_id;
UPDATE orders o SET status = 'DELIVERED', delivered_on = '{today}', delivered_at = now(), delivery_confirmed = true,
    payer_id = d.customer_id, invoice_id = d.id
FROM bench_queue q, invoices d
WHERE q.n BETWEEN {first} AND {last} AND o.id = q.order_id AND d.customer_id = o.customer_id AND d.status = 'draft'
    AND '{today}' BETWEEN d.period_start AND d.period_end;
INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, delivered_at, confirmed_at,
    confirmation_method, confirmed_by_user_id)
SELECT o.id, o.customer_id, '{today}', 'delivered', now(), now(), 'admin', '{admin}'
FROM bench_queue q JOIN orders o ON o.id = q.order_id WHERE q.n BETWEEN {first} AND {last};
COMMIT;
"""

CONFIRM_SET_LOCKS = """
SELECT set_config('dairy.actor_user_id', '{admin}', true), set_config('dairy.actor_role', 'admin', true);
SELECT count(*) FROM (SELECT FROM customers WHERE id IN (SELECT o.customer_id FROM bench_queue q
    JOIN orders o ON o.id = q.order_id WHERE q.n BETWEEN {first} AND {last}) ORDER BY id FOR NO KEY UPDATE) c;
SELECT open_drafts(array_agg(o.customer_id), array_agg(date '{today}'))
FROM bench_queue q JOIN orders o ON o.id = q.order_id WHERE q.n BETWEEN {first} AND {last};
"""

#: The same columns as they stand, in the same order.
CSV_LINES = (
    "\\copy (SELECT i.number, i.invoice_date, c.code, c.name, l.line_no, l.source, l.prior_period, l.first_date,"
    " l.last_date, p.sku, l.description, l.hsn_code, l.supply_type, l.quantity, l.unit, l.unit_price, l.gross_amount,"
    " l.discount, l.taxable_value, l.gst_rate, l.cgst, l.sgst, l.igst, l.line_total"
    " FROM invoices i JOIN customers c ON c.id = i.customer_id JOIN invoice_lines l ON l.invoice_id = i.id"
    " JOIN products p ON p.id = l.product_id"
    " WHERE i.status = 'issued' AND i.invoice_date BETWEEN '{first}' AND '{last}'"
    " ORDER BY i.sequence_no, l.line_no) TO '/dev/null' (FORMAT csv, HEADER)\n"
)

#: Number and value of an area's drafts.
PREVIEW = """
SELECT count(DISTINCT d.id), sum(round(i.delivered_quantity * i.unit_price, 2))
FROM customers c JOIN invoices d ON d.customer_id = c.id JOIN orders o ON o.invoice_id = d.id
JOIN order_items i ON i.order_id = o.id
WHERE c.area_id = '{area}' AND d.status = 'draft' AND d.period_end BETWEEN '{first}' AND '{last}';
"""

ORDER_LIST = """
SELECT o.*, s.*, d.number, d.status, (SELECT jsonb_agg(i) FROM order_items i WHERE i.order_id = o.id)
FROM (SELECT * FROM orders WHERE delivery_date <= '{last}' ORDER BY delivery_date DESC, id DESC LIMIT 50) o
LEFT JOIN delivery_statuses s ON s.order_id = o.id LEFT JOIN invoices d ON d.id = o.invoice_id;
"""

#: Whose token it is.
LOGIN = "SELECT * FROM users WHERE id = '{admin}';"

LEDGER = """
SELECT *, sum(debit - credit) OVER (ORDER BY entry_date, place, document_id) FROM customer_ledger
WHERE customer_id = '{customer}' ORDER BY entry_date, place, document_id LIMIT 50;
"""

#: What every customer owes, by days past due; the first page of them.
AGEING = """
SELECT c.code, c.name, w.*, count(*) OVER (), sum(w.net) OVER ()
FROM (SELECT customer_id, sum(open) FILTER (WHERE due_date >= '{today}') AS not_due,
        sum(open) FILTER (WHERE due_date < '{today}') AS overdue, sum(open) AS net
    FROM open_items(NULL, '{today}') WHERE open <> 0 GROUP BY 1) w
JOIN customers c ON c.id = w.customer_id ORDER BY c.code LIMIT 50;
"""

ROUND = """
SELECT o.*, c.*, a.name, s.*, (SELECT jsonb_agg(i) FROM order_items i WHERE i.order_id = o.id)
FROM orders o JOIN customers c ON c.id = o.customer_id LEFT JOIN areas a ON a.id = c.area_id
LEFT JOIN delivery_statuses s ON s.order_id = o.id
WHERE o.delivery_date = '{day}' AND o.delivery_boy_id IS NULL AND c.delivery_boy_id = '{boy}'
    AND o.status <> 'CANCELLED'
ORDER BY c.stop_sequence, c.name;
"""

#: One order and one item for every fixed_daily standing order on a day; no overrides, pauses, agreed prices or counts.
GENERATE = """
BEGIN;
{locks}
CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
SELECT uuid7() AS id, s.id AS subscription_id, s.customer_id, s.product_id, s.default_quantity, p.price
FROM subscriptions s JOIN product_prices p ON p.product_id = s.product_id AND p.valid @> date '{day}';
INSERT INTO orders (id, customer_id, order_type, subscription_id, delivery_date, source)
SELECT id, customer_id, 'subscription', subscription_id, '{day}', 'generator' FROM wanted;
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source)
SELECT id, 1, product_id, default_quantity, price, 'product' FROM wanted;
COMMIT;
"""

#: Nobody changes a standing order or makes the day meanwhile; the day is known to have its orders.
GENERATE_LOCKS = """
SELECT pg_advisory_xact_lock(x'6F7264657273'::bigint);
INSERT INTO generated_days (delivery_date) VALUES ('{day}') ON CONFLICT DO NOTHING;
"""
