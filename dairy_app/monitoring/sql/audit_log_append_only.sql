-- The log is written to, never changed.
-- refuses tr_audit_log_append_only: illegal_transition
CREATE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only written to, never changed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_audit_log_append_only';
END $$;
CREATE TRIGGER tr_audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only();
