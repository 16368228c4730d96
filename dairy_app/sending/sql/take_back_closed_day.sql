-- A day that is opened again before its messages went out was never closed.
CREATE FUNCTION take_back_closed_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM withdraw_told('not_delivered', NULL, ARRAY['not_delivered:' || OLD.id || ':'],
        'the day was opened again');
    RETURN NULL;
END $$;
CREATE TRIGGER tr_messages_delete AFTER DELETE ON closed_days
    FOR EACH ROW EXECUTE FUNCTION take_back_closed_day();
