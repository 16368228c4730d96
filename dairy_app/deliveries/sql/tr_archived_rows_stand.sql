-- What goes with archived orders; see the function.
CREATE TRIGGER tr_archived_rows_stand BEFORE INSERT OR UPDATE OR DELETE ON archived_delivery_statuses
    FOR EACH ROW EXECUTE FUNCTION archived_rows_stand();
