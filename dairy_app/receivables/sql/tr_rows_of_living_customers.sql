-- Whatever has no other key to its customer; see the function.
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON payments
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON opening_balances
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON write_offs
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON refunds
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
