-- What a standing order brings is of that one's customer, by its foreign key: a day's thousands are not asked.
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON orders
    FOR EACH ROW WHEN (NEW.subscription_id IS NULL) EXECUTE FUNCTION rows_of_living_customers();
