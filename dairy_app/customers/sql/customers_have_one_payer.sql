-- Who is billed to another is nobody's payer, so that a pointer leads to the payer in one step: billed_to names the
-- payer_key of another, which is set here, and which one that is billed to another itself cannot have (a CHECK). So
-- the foreign key refuses chains and rings, also of two changes at once: the one that comes second waits for the row.
CREATE FUNCTION customers_have_one_payer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.billed_to IS NOT NULL OR NEW.merged_into IS NOT NULL THEN
        NEW.payer_key := NULL;
    END IF;
    IF NEW.billed_to IS NOT NULL AND NEW.billed_to <> NEW.id THEN
        UPDATE customers SET payer_key = id, updated_at = now() WHERE id = NEW.billed_to AND payer_key IS NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_customers_have_one_payer BEFORE INSERT OR UPDATE OF billed_to, merged_into ON customers
    FOR EACH ROW WHEN (NEW.billed_to IS NOT NULL OR NEW.merged_into IS NOT NULL)
    EXECUTE FUNCTION customers_have_one_payer();
