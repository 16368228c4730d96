-- A cheque that bounced, money that was not handed over after all.
CREATE FUNCTION tell_reversal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT TG_ARGV[1] || '.reversed', TG_ARGV[1], NEW.id, jsonb_build_object('customer_id', NEW.customer_id,
        'number', to_jsonb(NEW) -> TG_ARGV[0], 'amount', NEW.amount::text)
    FROM settings s WHERE s.event_days > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_update AFTER UPDATE OF status ON payments FOR EACH ROW
    WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION tell_reversal('receipt_no', 'payment');
CREATE TRIGGER tr_events_update AFTER UPDATE OF status ON refunds FOR EACH ROW
    WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION tell_reversal('voucher_no', 'refund');
