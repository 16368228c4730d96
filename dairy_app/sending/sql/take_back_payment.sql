-- A payment that is reversed before its message went out is not thanked for.
CREATE FUNCTION take_back_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM withdraw_told('payment_received', ARRAY[NEW.customer_id], ARRAY['payment_received:' || NEW.id],
        'the payment was reversed');
    RETURN NULL;
END $$;
CREATE TRIGGER tr_messages_update AFTER UPDATE OF status ON payments FOR EACH ROW
    WHEN (NEW.status = 'reversed' AND OLD.status <> 'reversed') EXECUTE FUNCTION take_back_payment();
