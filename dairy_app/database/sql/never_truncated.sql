-- TRUNCATE asks no trigger of a row: whatever was delivered and billed would be forgotten.
-- refuses tr_never_truncated: illegal_transition
CREATE FUNCTION never_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never truncated: it holds what was delivered and billed', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_never_truncated';
END $$;
