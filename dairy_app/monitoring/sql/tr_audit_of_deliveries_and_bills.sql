-- A first confirmation is recorded in the rows themselves, and so are the empties that it brings; the log tells what is
-- changed after it, and what the office enters of empties.
CREATE TRIGGER tr_audit_update AFTER UPDATE OF status, delivered_on ON orders FOR EACH ROW
    WHEN (OLD.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED')
        AND (OLD.status <> NEW.status OR OLD.delivered_on IS DISTINCT FROM NEW.delivered_on))
    EXECUTE FUNCTION audit_row('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON orders FOR EACH ROW WHEN (OLD.status <> 'PENDING')
    EXECUTE FUNCTION audit_row('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON order_items FOR EACH ROW
    WHEN (OLD.delivered_quantity IS NOT NULL AND (OLD.delivered_quantity IS DISTINCT FROM NEW.delivered_quantity
        OR OLD.quantity <> NEW.quantity OR OLD.unit_price <> NEW.unit_price OR OLD.product_id <> NEW.product_id))
    EXECUTE FUNCTION audit_row('{}', 'order_id', 'line_no');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON order_items FOR EACH ROW WHEN (OLD.delivered_quantity IS NOT NULL)
    EXECUTE FUNCTION audit_row('{}', 'order_id', 'line_no');
CREATE TRIGGER tr_audit_update AFTER UPDATE OR DELETE ON delivery_statuses FOR EACH ROW
    EXECUTE FUNCTION audit_row('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_insert AFTER INSERT ON container_movements FOR EACH ROW WHEN (NEW.order_id IS NULL)
    EXECUTE FUNCTION audit_row('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON container_movements FOR EACH ROW
    WHEN (OLD.out <> NEW.out OR OLD.back <> NEW.back OR OLD.adjustment_id IS DISTINCT FROM NEW.adjustment_id)
    EXECUTE FUNCTION audit_row('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON container_movements FOR EACH ROW
    EXECUTE FUNCTION audit_row('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON invoices REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_invoices();
