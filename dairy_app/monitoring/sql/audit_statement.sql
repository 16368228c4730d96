-- One entry a changed row, written with the rights of the owner: the application may not write the log itself.
-- Arguments of the triggers: columns that are not worth an entry, then the one or two columns of the key.
-- OFFSET 0: a row is made JSON once, not once for each of its columns.
CREATE FUNCTION audit_statement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    silent text[] := TG_ARGV[0];
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_log (table_name, row_id, action, after)  -- the shortest way: an import brings thousands
        SELECT TG_TABLE_NAME, concat_ws('/', n.r ->> TG_ARGV[1], n.r ->> TG_ARGV[2]), TG_OP,
            jsonb_strip_nulls(n.r - silent - '{password_hash,token_hash,pin_hash}'::text[])
        FROM (SELECT to_jsonb(arrived) AS r FROM arrived OFFSET 0) n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_log (table_name, row_id, action, before, after)
        SELECT TG_TABLE_NAME, concat_ws('/', o.r ->> TG_ARGV[1], o.r ->> TG_ARGV[2]), TG_OP, d.before, d.after
        FROM (SELECT to_jsonb(departed) AS r FROM departed OFFSET 0) o CROSS JOIN audit_difference(o.r, NULL, silent) d;
    ELSIF TG_OP = 'UPDATE' THEN  -- a key that changed finds no partner: its row left and another came
        INSERT INTO audit_log (table_name, row_id, action, before, after)
        SELECT TG_TABLE_NAME, coalesce(n.key, o.key), TG_OP, d.before, d.after
        FROM (SELECT r, concat_ws('/', r ->> TG_ARGV[1], r ->> TG_ARGV[2]) AS key
            FROM (SELECT to_jsonb(departed) AS r FROM departed OFFSET 0) image OFFSET 0) o
        FULL JOIN (SELECT r, concat_ws('/', r ->> TG_ARGV[1], r ->> TG_ARGV[2]) AS key
            FROM (SELECT to_jsonb(arrived) AS r FROM arrived OFFSET 0) image OFFSET 0) n ON n.key = o.key
        CROSS JOIN audit_difference(o.r, n.r, silent) d;
    ELSE  -- TRUNCATE has no transition tables
        EXECUTE format('INSERT INTO audit_log (table_name, row_id, action, before)'
            ' SELECT $1, concat_ws(''/'', o.r ->> $2, o.r ->> $3), ''TRUNCATE'', d.before'
            ' FROM (SELECT to_jsonb(t) AS r FROM %I t OFFSET 0) o CROSS JOIN audit_difference(o.r, NULL, $4) d',
            TG_TABLE_NAME)
        USING TG_TABLE_NAME, TG_ARGV[1], TG_ARGV[2], silent;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION audit_statement(), audit_row(), audit_invoices() FROM PUBLIC;
