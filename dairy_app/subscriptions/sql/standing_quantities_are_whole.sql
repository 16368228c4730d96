-- Called only for a quantity with a fraction. What an earlier system wrote comes in as it was.
-- refuses tr_standing_quantities_are_whole: validation_failed
CREATE FUNCTION standing_quantities_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entered jsonb := to_jsonb(NEW);
    wanted uuid := coalesce(entered ->> 'subscription_id', entered ->> 'id')::uuid;
    day date := coalesce(entered ->> 'date', entered ->> 'valid_from')::date;
    unit text;
    came_along boolean;
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME IN ('subscriptions', 'subscription_schedules')
        AND (entered -> 'product_id', entered -> 'default_quantity', entered -> 'weekly_quantities')
            IS NOT DISTINCT FROM (to_jsonb(OLD) -> 'product_id', to_jsonb(OLD) -> 'default_quantity',
                to_jsonb(OLD) -> 'weekly_quantities') THEN
        RETURN NEW;  -- written again as it was
    END IF;
    SELECT p.unit, coalesce(s.legacy_id, entered ->> 'legacy_id') IS NOT NULL INTO unit, came_along
    FROM products p LEFT JOIN subscriptions s ON s.id = wanted
    WHERE p.id = coalesce((entered ->> 'product_id')::uuid,
        (SELECT c.product_id FROM subscription_schedules c WHERE c.subscription_id = wanted AND c.valid @> day),
        s.product_id);
    IF unit IN ('piece', 'packet', 'dozen')
        AND NOT (TG_OP = 'INSERT' AND came_along) THEN
        RAISE EXCEPTION 'a product that is sold whole is wanted whole'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_standing_quantities_are_whole';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_subscriptions_are_whole
    BEFORE INSERT OR UPDATE OF default_quantity, product_id, weekly_quantities ON subscriptions
    FOR EACH ROW WHEN (NEW.default_quantity <> trunc(NEW.default_quantity)
        OR NEW.weekly_quantities::text ~ '[.][0-9]*[1-9]')
    EXECUTE FUNCTION standing_quantities_are_whole();
CREATE TRIGGER tr_subscription_schedules_are_whole
    BEFORE INSERT OR UPDATE OF default_quantity, product_id, weekly_quantities ON subscription_schedules
    FOR EACH ROW WHEN (NEW.default_quantity <> trunc(NEW.default_quantity)
        OR NEW.weekly_quantities::text ~ '[.][0-9]*[1-9]')
    EXECUTE FUNCTION standing_quantities_are_whole();
CREATE TRIGGER tr_subscription_overrides_are_whole BEFORE INSERT OR UPDATE OF quantity ON subscription_overrides
    FOR EACH ROW WHEN (NEW.quantity <> trunc(NEW.quantity)) EXECUTE FUNCTION standing_quantities_are_whole();
CREATE TRIGGER tr_subscription_quantities_are_whole BEFORE INSERT OR UPDATE OF quantity ON subscription_quantities
    FOR EACH ROW WHEN (NEW.quantity <> trunc(NEW.quantity)) EXECUTE FUNCTION standing_quantities_are_whole();
