-- What an allocation may still learn: that it was released, and that its customer was merged into another.
-- refuses tr_money_frozen: illegal_transition
CREATE FUNCTION payment_allocations_only_released() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF follows_merge(OLD.customer_id, NEW.customer_id)
        AND to_jsonb(NEW) - '{customer_id,updated_at}'::text[] = to_jsonb(OLD) - '{customer_id,updated_at}'::text[] THEN
        RETURN NEW;
    ELSIF OLD.released_on IS NOT NULL OR NEW.released_on IS NULL
        OR to_jsonb(NEW) - '{released_on,updated_at}'::text[] <> to_jsonb(OLD) - '{released_on,updated_at}'::text[] THEN
        RAISE EXCEPTION 'an allocation can only be released'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_payment_allocations_only_released BEFORE UPDATE ON payment_allocations
    FOR EACH ROW EXECUTE FUNCTION payment_allocations_only_released();
