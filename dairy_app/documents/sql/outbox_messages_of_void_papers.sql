-- Nobody is asked to pay an invoice that was voided. What a sender has in hand is left to it: it is told as it
-- happened, and if it must be tried again, who leases it next finds the invoice void.
CREATE FUNCTION outbox_messages_of_void_papers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE outbox_messages SET status = 'withdrawn', last_error = 'the invoice is void', updated_at = now()
    WHERE invoice_id = NEW.id AND status = 'queued' AND leased_until IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_outbox_messages_of_void_papers AFTER UPDATE OF status ON invoices
    FOR EACH ROW WHEN (NEW.status = 'void') EXECUTE FUNCTION outbox_messages_of_void_papers();
