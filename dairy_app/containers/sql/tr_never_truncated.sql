CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON container_movements EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON container_balances EXECUTE FUNCTION never_truncated();
