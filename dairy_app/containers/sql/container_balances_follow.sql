-- What a customer has of a container is what went out less what came back and what is lost. Kept as a number: a round
-- of hundreds of doors asks for it every morning, and the movements of years would be summed up for it.
CREATE FUNCTION container_balances_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    came integer := 0;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        came := OLD.back + OLD.lost - OLD.out;
        IF TG_OP = 'DELETE' OR (OLD.customer_id, OLD.container_id) <> (NEW.customer_id, NEW.container_id) THEN
            UPDATE container_balances SET balance = balance + came, updated_at = now()
            WHERE customer_id = OLD.customer_id AND container_id = OLD.container_id;
            came := 0;
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        came := came + NEW.out - NEW.back - NEW.lost;
        IF came <> 0 THEN
            INSERT INTO container_balances AS b (customer_id, container_id, balance)
            VALUES (NEW.customer_id, NEW.container_id, came)
            ON CONFLICT (customer_id, container_id) DO UPDATE SET balance = b.balance + excluded.balance,
                updated_at = now();
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_container_balances_follow AFTER INSERT OR UPDATE OR DELETE ON container_movements
    FOR EACH ROW EXECUTE FUNCTION container_balances_follow();
