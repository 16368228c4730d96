CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON payment_links EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON gateway_events EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON bank_statements EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON bank_statement_lines EXECUTE FUNCTION never_truncated();
