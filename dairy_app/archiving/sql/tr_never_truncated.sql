CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON archived_days EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON archived_link_events EXECUTE FUNCTION never_truncated();
