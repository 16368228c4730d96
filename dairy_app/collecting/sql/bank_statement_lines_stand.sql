-- A line of a bank stays as the bank wrote it, and is booked or dismissed; when it is booked, again only when its
-- payment was reversed.
-- refuses tr_bank_statement_lines_stand: illegal_transition
CREATE FUNCTION bank_statement_lines_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate constant text[] := '{payment_id,accepted_by,accepted_at,dismissed_by,dismissed_at,dismissed_reason,'
        'updated_at}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - v_fate = to_jsonb(OLD) - v_fate
            AND (OLD.payment_id IS NULL
                OR EXISTS (SELECT FROM payments p WHERE p.id = OLD.payment_id AND p.status = 'reversed')) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'line % of a bank statement stays as it is', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_bank_statement_lines_stand';
END $$;
CREATE TRIGGER tr_bank_statement_lines_stand BEFORE UPDATE OR DELETE ON bank_statement_lines
    FOR EACH ROW EXECUTE FUNCTION bank_statement_lines_stand();
