-- A merge is for good, and who was merged stays as it was then: its code, name and phone lead to the other one. When
-- that one is merged in turn, the pointer follows.
-- refuses tr_customers_merged_stay: customer_merged
CREATE FUNCTION customers_merged_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - '{merged_into,updated_at}'::text[]
          = to_jsonb(OLD) - '{merged_into,updated_at}'::text[]
        AND (NEW.merged_into = OLD.merged_into OR follows_merge(OLD.merged_into, NEW.merged_into)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'customer % was merged into another and stays as it is', OLD.code
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_merged_stay';
END $$;
CREATE TRIGGER tr_customers_merged_stay BEFORE UPDATE OR DELETE ON customers
    FOR EACH ROW WHEN (OLD.merged_into IS NOT NULL) EXECUTE FUNCTION customers_merged_stay();
