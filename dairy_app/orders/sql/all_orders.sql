-- Orders at work and archived, for who asks for what was delivered and billed, and not for what is to be done.
CREATE VIEW all_orders AS
SELECT id, customer_id, order_type, delivery_date, status, delivered_on, invoice_id, payer_id, area_id FROM orders
UNION ALL
SELECT id, customer_id, order_type, delivery_date, status, delivered_on, invoice_id, payer_id, area_id
FROM archived_orders;
