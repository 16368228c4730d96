-- Credit and debit notes, payments and refunds as they come; what the import of the earlier system brings is no news.
CREATE FUNCTION tell_money() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT TG_ARGV[1] || '.' || TG_ARGV[2], TG_ARGV[1], (a.r ->> 'id')::uuid, jsonb_build_object(
        'customer_id', a.r -> 'customer_id', 'number', a.r -> TG_ARGV[0],
        'amount', (coalesce(a.r ->> 'total', a.r ->> 'amount'))::numeric(12, 2)::text)
    FROM (SELECT to_jsonb(arrived) AS r FROM arrived OFFSET 0) a
    WHERE a.r ->> 'legacy_id' IS NULL AND (SELECT s.event_days > 0 FROM settings s);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_insert AFTER INSERT ON credit_notes REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_money('number', 'credit_note', 'issued');
CREATE TRIGGER tr_events_insert AFTER INSERT ON debit_notes REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_money('number', 'debit_note', 'issued');
CREATE TRIGGER tr_events_insert AFTER INSERT ON payments REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_money('receipt_no', 'payment', 'received');
CREATE TRIGGER tr_events_insert AFTER INSERT ON refunds REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_money('voucher_no', 'refund', 'paid');
