-- Their items.
CREATE VIEW all_order_items AS
SELECT order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity FROM order_items
UNION ALL
SELECT order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity FROM archived_order_items;
