-- Whatever has no other key to its customer; see the function.
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON payment_links
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
