-- An adjustment without a tax class takes the one of the settings; a regular seller's needs one.
-- refuses tr_adjustments_take_class: validation_failed
CREATE FUNCTION adjustments_take_class() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT default_adjustment_class INTO NEW.tax_class FROM settings;
    IF NEW.tax_class IS NULL AND EXISTS (SELECT FROM settings WHERE gst_scheme = 'regular') THEN
        RAISE EXCEPTION 'an adjustment of a regular seller needs a tax class'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_take_class';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_adjustments_take_class BEFORE INSERT ON adjustments
    FOR EACH ROW WHEN (NEW.tax_class IS NULL) EXECUTE FUNCTION adjustments_take_class();
