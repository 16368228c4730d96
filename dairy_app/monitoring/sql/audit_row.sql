-- For tables whose rows change all day without being worth an entry: the trigger is not even called for those.
CREATE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    was jsonb := to_jsonb(OLD);
    is_now jsonb := to_jsonb(NEW);
BEGIN
    INSERT INTO audit_log (table_name, row_id, action, before, after)
    SELECT TG_TABLE_NAME, concat_ws('/', r ->> TG_ARGV[1], r ->> TG_ARGV[2]), TG_OP, d.before, d.after
    FROM coalesce(is_now, was) AS r CROSS JOIN audit_difference(was, is_now, TG_ARGV[0]::text[]) d;
    RETURN NULL;
END $$;
