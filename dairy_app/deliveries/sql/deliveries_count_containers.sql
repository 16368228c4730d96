-- What was delivered went out in its containers: counted when an order becomes delivered, by whichever door. What an
-- earlier system delivered went out in nothing that is counted here. A dairy without containers pays for one look into
-- an empty table.
CREATE FUNCTION deliveries_count_containers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    brought uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM containers) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        brought := ARRAY(SELECT n.order_id FROM arrived n WHERE n.status <> 'not_delivered');
    ELSIF EXISTS (SELECT FROM departed d WHERE d.status = 'not_delivered') THEN
        brought := ARRAY(SELECT n.order_id FROM arrived n JOIN departed d ON d.id = n.id
            WHERE d.status = 'not_delivered' AND n.status <> 'not_delivered');
    END IF;
    IF brought <> '{}' THEN
        PERFORM count_containers(brought, '{}');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_deliveries_count_containers_insert AFTER INSERT ON delivery_statuses
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION deliveries_count_containers();
CREATE TRIGGER tr_deliveries_count_containers_update AFTER UPDATE ON delivery_statuses
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_count_containers();
