"""The triggers that write the audit log, on tables of all packages, and the one that keeps it as it was written.

Where one statement may change many rows, one trigger a statement reads its transition tables; where rows change
all day without being worth an entry (deliveries), a trigger a row is not even called for them.
"""

from dairy_app.accounts.models import User
from dairy_app.database.ddl import after_tables
from dairy_app.database.models import Base
from dairy_app.sharing.models import SharedLink
from dairy_app.subscriptions.models import Subscription

APPEND_ONLY = """
CREATE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only written to, never changed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_audit_log_append_only';
END $$;
CREATE TRIGGER tr_audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only();
"""

# They write with the rights of their owner: the application may not write the log itself, nor use them elsewhere.
# Arguments of the triggers: columns that are not worth an entry, then the one or two columns of the key.
AUDIT_FUNCTIONS = """
CREATE FUNCTION audit_difference(was jsonb, is_now jsonb, silent text[]) RETURNS TABLE (before jsonb, after jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN was IS NOT NULL THEN jsonb_object_agg(d.shown, CASE WHEN d.secret AND d.old <> 'null' THEN '"***"'
        ELSE d.old END) END,
    CASE WHEN is_now IS NOT NULL THEN jsonb_object_agg(d.shown, CASE WHEN d.secret AND d.new <> 'null' THEN '"***"'
        ELSE d.new END) END
FROM (
    SELECT was -> c.name AS old, is_now -> c.name AS new, s.secret,
        CASE WHEN s.secret THEN left(c.name, -5) ELSE c.name END AS shown
    FROM jsonb_object_keys(coalesce(is_now, was)) AS c (name)
    CROSS JOIN LATERAL (SELECT c.name IN ('password_hash', 'token_hash', 'pin_hash') AS secret) s
    WHERE c.name <> ALL (silent) AND nullif(was -> c.name, 'null') IS DISTINCT FROM nullif(is_now -> c.name, 'null')
) d HAVING count(*) > 0
$$;
-- OFFSET 0: a row is made JSON once, not once for each of its columns.
CREATE FUNCTION audit_statement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    silent text[] := TG_ARGV[0];
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_log (table_name, row_id, action, after)  -- the shortest way: an import brings thousands
        SELECT TG_TABLE_NAME, concat_ws('/', n.r ->> TG_ARGV[1], n.r ->> TG_ARGV[2]), TG_OP,
            jsonb_strip_nulls(n.r - silent - '{password_hash,token_hash,pin_hash}'::text[])
        FROM (SELECT to_jsonb(arrived) AS r FROM arrived OFFSET 0) n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_log (table_name, row_id, action, before, after)
        SELECT TG_TABLE_NAME, concat_ws('/', o.r ->> TG_ARGV[1], o.r ->> TG_ARGV[2]), TG_OP, d.before, d.after
        FROM (SELECT to_jsonb(departed) AS r FROM departed OFFSET 0) o CROSS JOIN audit_difference(o.r, NULL, silent) d;
    ELSIF TG_OP = 'UPDATE' THEN  -- a key that changed finds no partner: its row left and another came
        INSERT INTO audit_log (table_name, row_id, action, before, after)
        SELECT TG_TABLE_NAME, coalesce(n.key, o.key), TG_OP, d.before, d.after
        FROM (SELECT r, concat_ws('/', r ->> TG_ARGV[1], r ->> TG_ARGV[2]) AS key
            FROM (SELECT to_jsonb(departed) AS r FROM departed OFFSET 0) image OFFSET 0) o
        FULL JOIN (SELECT r, concat_ws('/', r ->> TG_ARGV[1], r ->> TG_ARGV[2]) AS key
            FROM (SELECT to_jsonb(arrived) AS r FROM arrived OFFSET 0) image OFFSET 0) n ON n.key = o.key
        CROSS JOIN audit_difference(o.r, n.r, silent) d;
    ELSE  -- TRUNCATE has no transition tables
        EXECUTE format('INSERT INTO audit_log (table_name, row_id, action, before)'
            ' SELECT $1, concat_ws(''/'', o.r ->> $2, o.r ->> $3), ''TRUNCATE'', d.before'
            ' FROM (SELECT to_jsonb(t) AS r FROM %I t OFFSET 0) o CROSS JOIN audit_difference(o.r, NULL, $4) d',
            TG_TABLE_NAME)
        USING TG_TABLE_NAME, TG_ARGV[1], TG_ARGV[2], silent;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    was jsonb := to_jsonb(OLD);
    is_now jsonb := to_jsonb(NEW);
BEGIN
    INSERT INTO audit_log (table_name, row_id, action, before, after)
    SELECT TG_TABLE_NAME, concat_ws('/', r ->> TG_ARGV[1], r ->> TG_ARGV[2]), TG_OP, d.before, d.after
    FROM coalesce(is_now, was) AS r CROSS JOIN audit_difference(was, is_now, TG_ARGV[0]::text[]) d;
    RETURN NULL;
END $$;
-- The plan is kept for the session: made for one voided paper, it must do for a chunk of five thousand too.
CREATE FUNCTION audit_invoices() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO audit_log (table_name, row_id, action, before, after)
    SELECT TG_TABLE_NAME, n.id, TG_OP, jsonb_build_object('status', o.status), jsonb_strip_nulls(jsonb_build_object(
        'status', n.status, 'number', n.number, 'total', n.total, 'void_reason', n.void_reason,
        'voided_after_return', nullif(n.voided_after_return, false)))
    FROM arrived n JOIN departed o ON o.id = n.id WHERE n.status <> o.status;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION audit_statement(), audit_row(), audit_invoices() FROM PUBLIC;
"""

#: Tables of which everything is told, and the column of their key.
WHOLE = {
    "users": "id",
    "customers": "id",
    "customer_prices": "id",
    "products": "id",
    "product_prices": "id",
    "tax_classes": "code",
    "tax_rates": "id",
    "settings": "id",
    "subscriptions": "id",
    "subscription_overrides": "id",
    "subscription_pauses": "id",
    "subscription_quantities": "id",
    "shared_links": "id",
    "invoice_links": "invoice_id",
    "change_requests": "id",
    "adjustments": "id",
    "credit_notes": "id",
    "payments": "id",
    "payment_allocations": "id",
    "opening_balances": "id",
    "write_offs": "id",
    "cash_settlements": "id",
}
#: Columns that move with every login, delivery or use of a link: no news, and their trigger is not called for them.
MOVING: dict[type[Base], tuple[str, ...]] = {
    User: ("last_login_at",),
    Subscription: ("last_delivery_date", "last_delivery_at", "last_delivery_confirmed"),
    SharedLink: (
        "failed_attempts",
        "locked_until",
        "use_count",
        "last_used_at",
        "window_started_at",
        "window_cost",
    ),
}
TIMESTAMPS = ("created_at", "updated_at")

_COMING_AND_GOING = """
CREATE TRIGGER tr_audit_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
CREATE TRIGGER tr_audit_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
"""
_CHANGING = """
CREATE TRIGGER tr_audit_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
"""
_CHANGING_AMID_MOVEMENT = """
CREATE TRIGGER tr_audit_update AFTER UPDATE OF {columns} ON {table}
    FOR EACH ROW EXECUTE FUNCTION audit_row({arguments});
"""


def _triggers(table: str, key: str) -> str:
    model = next((each for each in MOVING if each.__tablename__ == table), None)
    silent = (*TIMESTAMPS, *(MOVING[model] if model else ()))
    news = ", ".join(column.name for column in model.__table__.columns if column.name not in silent) if model else ""
    update = _CHANGING_AMID_MOVEMENT if model else _CHANGING
    arguments = f"'{{{','.join(silent)}}}', '{key}'"
    return (_COMING_AND_GOING + update).format(table=table, columns=news, arguments=arguments)


# What a confirmation does the first time stands in the rows themselves; told is what is changed after it. An issued
# invoice is frozen and says who issued it when: of it the log needs no more than its number and total.
DELIVERED_AND_BILLED = """
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
CREATE TRIGGER tr_audit_update AFTER UPDATE ON invoices REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_invoices();
"""

after_tables(APPEND_ONLY, {"tr_audit_log_append_only": "illegal_transition"})
after_tables(AUDIT_FUNCTIONS)
after_tables("".join(_triggers(table, key) for table, key in WHOLE.items()))
after_tables(DELIVERED_AND_BILLED)
