-- Nothing hangs on a customer that was merged into another: what comes later belongs to that one. Asked after the row's
-- foreign key, whose check comes first by its name and waits for a merge that is under way.
-- refuses tr_rows_of_living_customers: customer_merged
CREATE FUNCTION rows_of_living_customers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM customers WHERE id = NEW.customer_id AND merged_into IS NOT NULL) THEN
        RAISE EXCEPTION 'customer % was merged into another', NEW.customer_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_rows_of_living_customers';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON customer_prices
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON customer_moves
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
