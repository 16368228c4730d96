-- What is archived stays as it was, for everybody: `dairy archive` moves rows as the owner of the tables, with this off
-- for the one transaction. With their customer, or who pays for it, rows go to the one it was merged into.
-- refuses tr_archived_rows_stand: archived
CREATE FUNCTION archived_rows_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb := to_jsonb(OLD);
    is_now jsonb := to_jsonb(NEW);
BEGIN
    IF TG_OP = 'UPDATE' AND was - '{customer_id,payer_id}'::text[] = is_now - '{customer_id,payer_id}'::text[] THEN
        IF NOT EXISTS (SELECT FROM unnest('{customer_id,payer_id}'::text[]) AS whose
            WHERE was ->> whose IS DISTINCT FROM is_now ->> whose
                AND follows_merge((was ->> whose)::uuid, (is_now ->> whose)::uuid) IS NOT TRUE) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'rows of % stay as they were archived', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_archived_rows_stand';
END $$;
CREATE TRIGGER tr_archived_rows_stand BEFORE INSERT OR UPDATE OR DELETE ON archived_orders
    FOR EACH ROW EXECUTE FUNCTION archived_rows_stand();
CREATE TRIGGER tr_archived_rows_stand BEFORE INSERT OR UPDATE OR DELETE ON archived_order_items
    FOR EACH ROW EXECUTE FUNCTION archived_rows_stand();
