-- What the office entered stays: a slip is taken back by an entry the other way. What went out with an order is
-- counted by the triggers of its delivery and by nobody else; what came back with it may be told anew. With its
-- customer's other rows a movement goes where that one was merged into. Quoted: BY is a word of PL/pgSQL.
-- refuses tr_container_movements_stay: illegal_transition
CREATE FUNCTION container_movements_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND (NEW.product_id IS NULL OR pg_trigger_depth() > 1) THEN
        RETURN NEW;
    ELSIF TG_OP = 'UPDATE' AND (NEW.customer_id = OLD.customer_id OR follows_merge(OLD.customer_id, NEW.customer_id))
        AND (NEW.adjustment_id IS NOT DISTINCT FROM OLD.adjustment_id OR NEW.adjustment_id IS NULL)
        AND (NEW.id, NEW.container_id, NEW.order_id, NEW.product_id, NEW.per_unit, NEW.day, NEW.lost, NEW."by",
            NEW.reason) IS NOT DISTINCT FROM (OLD.id, OLD.container_id, OLD.order_id, OLD.product_id, OLD.per_unit,
            OLD.day, OLD.lost, OLD."by", OLD.reason)
        AND (NEW.out = OLD.out OR NEW.order_id IS NOT NULL AND pg_trigger_depth() > 1)
        AND (NEW.back = OLD.back OR NEW.order_id IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a movement of containers stays as it is'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_container_movements_stay';
END $$;
CREATE TRIGGER tr_container_movements_stay BEFORE INSERT OR UPDATE OR DELETE ON container_movements
    FOR EACH ROW EXECUTE FUNCTION container_movements_stay();
