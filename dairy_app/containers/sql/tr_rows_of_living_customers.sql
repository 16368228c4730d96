-- Who was merged into another gets no containers any more.
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON container_movements
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
