CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON delivery_statuses EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON archived_delivery_statuses EXECUTE FUNCTION never_truncated();
