-- One statement for a chunk of a billing run; the plan of one voided invoice must do for it too.
CREATE FUNCTION tell_invoices() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT CASE n.status WHEN 'issued' THEN 'invoice.issued' ELSE 'invoice.voided' END, 'invoice', n.id,
        jsonb_build_object('customer_id', n.customer_id, 'number', n.number, 'invoice_date', n.invoice_date,
            'total', n.total::text)
    FROM arrived n JOIN departed o ON o.id = n.id
    WHERE n.status <> o.status AND n.status IN ('issued', 'void') AND (SELECT s.event_days > 0 FROM settings s);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_update AFTER UPDATE ON invoices REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_invoices();
