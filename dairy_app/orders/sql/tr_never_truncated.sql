CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON orders EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON order_items EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON archived_orders EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON archived_order_items EXECUTE FUNCTION never_truncated();
