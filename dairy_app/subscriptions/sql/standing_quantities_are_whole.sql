-- Called only for a quantity with a fraction. What an earlier system wrote comes in as it was.
-- refuses tr_standing_quantities_are_whole: validation_failed
CREATE FUNCTION standing_quantities_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid := coalesce(to_jsonb(NEW) ->> 'subscription_id', to_jsonb(NEW) ->> 'id')::uuid;
    unit text;
    came_along boolean;
BEGIN
    SELECT p.unit, coalesce(s.legacy_id, to_jsonb(NEW) ->> 'legacy_id') IS NOT NULL INTO unit, came_along
    FROM products p LEFT JOIN subscriptions s ON s.id = wanted
    WHERE p.id = coalesce((to_jsonb(NEW) ->> 'product_id')::uuid, s.product_id);
    IF unit IN ('piece', 'packet', 'dozen')
        AND NOT (TG_OP = 'INSERT' AND came_along) THEN
        RAISE EXCEPTION 'a product that is sold whole is wanted whole'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_standing_quantities_are_whole';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_subscriptions_are_whole BEFORE INSERT OR UPDATE OF default_quantity, product_id ON subscriptions
    FOR EACH ROW WHEN (NEW.default_quantity <> trunc(NEW.default_quantity))
    EXECUTE FUNCTION standing_quantities_are_whole();
CREATE TRIGGER tr_subscription_overrides_are_whole BEFORE INSERT OR UPDATE OF quantity ON subscription_overrides
    FOR EACH ROW WHEN (NEW.quantity <> trunc(NEW.quantity)) EXECUTE FUNCTION standing_quantities_are_whole();
CREATE TRIGGER tr_subscription_quantities_are_whole BEFORE INSERT OR UPDATE OF quantity ON subscription_quantities
    FOR EACH ROW WHEN (NEW.quantity <> trunc(NEW.quantity)) EXECUTE FUNCTION standing_quantities_are_whole();
