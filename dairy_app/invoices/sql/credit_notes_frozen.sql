-- A credit note is final from the moment it is written.
-- refuses tr_credit_notes_frozen: illegal_transition
CREATE FUNCTION credit_notes_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a credit note is written once'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_frozen';
END $$;
CREATE TRIGGER tr_credit_notes_frozen BEFORE UPDATE OR DELETE ON credit_notes
    FOR EACH ROW EXECUTE FUNCTION credit_notes_frozen();
CREATE TRIGGER tr_credit_note_lines_frozen BEFORE UPDATE OR DELETE ON credit_note_lines
    FOR EACH ROW EXECUTE FUNCTION credit_notes_frozen();
