CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON delivery_photos EXECUTE FUNCTION never_truncated();
