-- A customer that is merged into another has nothing any more. Deferred: what it had moves after it is merged, so that
-- what is frozen knows where to. The lock waits for whoever is just adding something.
-- refuses tr_customers_leave_nothing: merge_refused
CREATE FUNCTION customers_leave_nothing() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.id FOR UPDATE;
    IF EXISTS (SELECT FROM orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM archived_orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM subscriptions WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM invoices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payments WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM opening_balances WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM write_offs WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM refunds WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payment_links WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_prices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM charge_rules WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_moves WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM container_movements WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_customers_leave_nothing AFTER UPDATE OF merged_into ON customers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.merged_into IS NULL AND NEW.merged_into IS NOT NULL)
    EXECUTE FUNCTION customers_leave_nothing();
