-- An issued invoice is frozen and says who issued it when: the log needs no more than its number and total.
-- The plan is kept for the session: made for one voided invoice, it must do for a chunk of five thousand too.
CREATE FUNCTION audit_invoices() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO audit_log (table_name, row_id, action, before, after)
    SELECT TG_TABLE_NAME, n.id, TG_OP, jsonb_build_object('status', o.status), jsonb_strip_nulls(jsonb_build_object(
        'status', n.status, 'number', n.number, 'total', n.total, 'void_reason', n.void_reason,
        'voided_after_return', nullif(n.voided_after_return, false)))
    FROM arrived n JOIN departed o ON o.id = n.id WHERE n.status <> o.status;
    RETURN NULL;
END $$;
