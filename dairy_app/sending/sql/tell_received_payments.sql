-- Payments are told to who paid, with the receipt and what is still to pay; not what the import of the earlier system
-- brings, and not what came more than a week before it was entered.
CREATE FUNCTION tell_received_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM message_kinds k WHERE k.kind = 'payment_received' AND k.is_on) THEN
        RETURN NULL;
    END IF;
    PERFORM queue_told('payment_received', array_agg(a.customer_id), array_agg(jsonb_build_object('amount', a.amount,
            'day', jsonb_build_object('day', a.received_on), 'number', a.receipt_no, 'balance', b.balance)),
        array_agg('payment_received:' || a.id), NULL, NULL)
    FROM arrived a CROSS JOIN settings s
    CROSS JOIN LATERAL (SELECT greatest(coalesce(sum(l.debit - l.credit), 0), 0) AS balance FROM customer_ledger l
        WHERE l.customer_id = a.customer_id) b
    WHERE a.legacy_id IS NULL AND a.received_on >= (now() AT TIME ZONE s.time_zone)::date - 7;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_messages_insert AFTER INSERT ON payments REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_received_payments();
