-- A month that is archived gets no order any more: it would be of no archive, and beside one of its standing order's.
-- refuses tr_orders_after_archive: archived
CREATE FUNCTION orders_after_archive() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    first date;
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        first := NEW.delivery_date;
    ELSE
        SELECT min(delivery_date) INTO first FROM arrived;
    END IF;
    IF first < (SELECT s.archived_before FROM settings s) THEN
        RAISE EXCEPTION 'the orders of % are archived', first
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_after_archive';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_orders_after_archive_insert AFTER INSERT ON orders REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION orders_after_archive();
CREATE TRIGGER tr_orders_after_archive_update AFTER UPDATE OF delivery_date ON orders
    FOR EACH ROW WHEN (NEW.delivery_date < OLD.delivery_date) EXECUTE FUNCTION orders_after_archive();
