-- The words on deliveries of orders at work and of those that are archived.
CREATE VIEW all_delivery_statuses AS
SELECT order_id, delivery_date, status, delivery_boy_id, confirmed_by_name, confirmation_method, reason_code
FROM delivery_statuses
UNION ALL
SELECT order_id, delivery_date, status, delivery_boy_id, confirmed_by_name, confirmation_method, reason_code
FROM archived_delivery_statuses;
