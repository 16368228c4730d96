"""A decided request stands, against raw SQL too: what was approved has been applied already."""

from dairy_app.database.ddl import after_tables

CHANGE_REQUESTS_STAND = """
CREATE FUNCTION change_requests_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'change request % is already %', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_change_requests_stand';
END $$;
CREATE TRIGGER tr_change_requests_stand BEFORE UPDATE ON change_requests
    FOR EACH ROW WHEN (OLD.status <> 'pending') EXECUTE FUNCTION change_requests_stand();
"""

after_tables(CHANGE_REQUESTS_STAND, {"tr_change_requests_stand": "illegal_transition"})
