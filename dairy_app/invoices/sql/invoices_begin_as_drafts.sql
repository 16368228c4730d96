-- An invoice is issued by changing its draft, so that the rules of issuing are asked.
-- refuses tr_invoices_begin_as_drafts: illegal_transition
CREATE FUNCTION invoices_begin_as_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an invoice begins as a draft'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_begin_as_drafts';
END $$;
CREATE TRIGGER tr_invoices_begin_as_drafts BEFORE INSERT ON invoices
    FOR EACH ROW WHEN (NEW.status NOT IN ('draft', 'external')) EXECUTE FUNCTION invoices_begin_as_drafts();
