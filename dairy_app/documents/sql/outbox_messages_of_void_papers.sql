-- Nobody is asked to pay an invoice that was voided.
CREATE FUNCTION outbox_messages_of_void_papers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE outbox_messages SET status = 'failed', error = 'the invoice is void', updated_at = now()
    WHERE invoice_id = NEW.id AND status = 'queued';
    RETURN NULL;
END $$;
CREATE TRIGGER tr_outbox_messages_of_void_papers AFTER UPDATE OF status ON invoices
    FOR EACH ROW WHEN (NEW.status = 'void') EXECUTE FUNCTION outbox_messages_of_void_papers();
