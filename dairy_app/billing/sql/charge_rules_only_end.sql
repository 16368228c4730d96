-- What bills were made by stays what it was: a rule is ended, described anew, taken back for good, or goes with its
-- customer when that is merged into another.
-- refuses tr_charge_rules_only_end: illegal_transition
CREATE FUNCTION charge_rules_only_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - '{valid,description,customer_id,replaced_at,updated_at}'::text[]
        <> to_jsonb(OLD) - '{valid,description,customer_id,replaced_at,updated_at}'::text[]
        OR lower(NEW.valid) <> lower(OLD.valid)
        OR (NEW.customer_id IS DISTINCT FROM OLD.customer_id
            AND NOT follows_merge(OLD.customer_id, NEW.customer_id))
        OR (NEW.replaced_at IS DISTINCT FROM OLD.replaced_at AND OLD.replaced_at IS NOT NULL) THEN
        RAISE EXCEPTION 'charge rule % can only be ended', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_charge_rules_only_end';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_charge_rules_only_end BEFORE UPDATE ON charge_rules
    FOR EACH ROW EXECUTE FUNCTION charge_rules_only_end();
