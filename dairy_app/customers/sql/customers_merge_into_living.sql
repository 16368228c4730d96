-- Nobody is merged into one that is merged, so that a pointer leads there in one step. Deferred: a merge of somebody
-- whom others were merged into is two statements. The lock makes two merges at once wait for each other.
-- refuses tr_customers_merge_into_living: merge_refused
CREATE FUNCTION customers_merge_into_living() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.merged_into FOR SHARE;
    IF EXISTS (SELECT FROM customers WHERE id = NEW.merged_into AND merged_into IS NOT NULL)
        AND EXISTS (SELECT FROM customers WHERE id = NEW.id AND merged_into = NEW.merged_into)
        OR EXISTS (SELECT FROM customers WHERE merged_into = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into one that is merged itself', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_merge_into_living';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_customers_merge_into_living AFTER INSERT OR UPDATE OF merged_into ON customers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.merged_into IS NOT NULL)
    EXECUTE FUNCTION customers_merge_into_living();
