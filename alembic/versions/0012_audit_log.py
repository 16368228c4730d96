"""Who changed what, when and from what to what: an audit log that is only written to.

Why: "one row per order; its history is in the audit log" was a promise without a table. Prices, customers, standing
    orders, settings, logins, and deliveries or papers that change after they were confirmed or issued leave an entry,
    also when psql changes them; nobody can alter an entry.
Locks: SHARE ROW EXCLUSIVE on the audited tables, each for the moment a trigger takes: readers go on, writers wait.
Undo: drops the log; refuses while it holds entries unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz DEFAULT now() NOT NULL,
    actor_user_id uuid DEFAULT nullif(current_setting('dairy.actor_user_id', true), '')::uuid,
    actor_role text DEFAULT nullif(current_setting('dairy.actor_role', true), '')::text,
    shared_link_id uuid DEFAULT nullif(current_setting('dairy.shared_link_id', true), '')::uuid,
    request_id text DEFAULT nullif(current_setting('dairy.request_id', true), '')::text,
    ip inet DEFAULT nullif(current_setting('dairy.ip', true), '')::inet,
    db_user text DEFAULT session_user NOT NULL,
    table_name text NOT NULL,
    row_id text NOT NULL,
    action text NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT pk_audit_log PRIMARY KEY (id),
    CONSTRAINT ck_audit_log_action_known CHECK (action IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))
);
CREATE INDEX ix_audit_log_at ON audit_log (at, id);
CREATE INDEX ix_audit_log_row ON audit_log (table_name, row_id);
CREATE INDEX ix_audit_log_actor ON audit_log (actor_user_id, at, id) WHERE actor_user_id IS NOT NULL;
"""

APPEND_ONLY = """
CREATE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only written to, never changed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_audit_log_append_only';
END $$;
CREATE TRIGGER tr_audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only();
"""

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
CREATE FUNCTION audit_statement() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE FUNCTION audit_invoices() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO audit_log (table_name, row_id, action, before, after)
    SELECT TG_TABLE_NAME, n.id, TG_OP, jsonb_build_object('status', o.status), jsonb_strip_nulls(jsonb_build_object(
        'status', n.status, 'number', n.number, 'total', n.total, 'void_reason', n.void_reason))
    FROM arrived n JOIN departed o ON o.id = n.id WHERE n.status <> o.status;
    RETURN NULL;
END $$;
"""

STATEMENT = """
CREATE TRIGGER tr_audit_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
CREATE TRIGGER tr_audit_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
"""
UPDATE = """
CREATE TRIGGER tr_audit_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement({arguments});
"""
UPDATE_OF = """
CREATE TRIGGER tr_audit_update AFTER UPDATE OF {columns} ON {table}
    FOR EACH ROW EXECUTE FUNCTION audit_row({arguments});
"""
#: table → its key.
WHOLE = {
    "customers": "id",
    "customer_prices": "id",
    "products": "id",
    "product_prices": "id",
    "tax_classes": "code",
    "tax_rates": "id",
    "settings": "id",
    "subscription_overrides": "id",
    "subscription_pauses": "id",
    "subscription_quantities": "id",
    "change_requests": "id",
}
#: table → columns that are no news, columns that are.
AMID_MOVEMENT = {
    "users": (
        "last_login_at",
        "id, name, email, phone, password_hash, role, is_active, token_version, legacy_id",
    ),
    "subscriptions": (
        "last_delivery_date,last_delivery_at,last_delivery_confirmed",
        "id, customer_id, product_id, mode, default_quantity, weekly_pattern, interval_days, anchor_date, shift,"
        " price_per_unit, start_date, stop_date, status, auto_start, legacy_id, requested_by, channel, change_reason",
    ),
    "shared_links": (
        "failed_attempts,locked_until,use_count,last_used_at,window_started_at,window_cost",
        "id, token_hash, name, delivery_boy_id, area_id, link_date, is_rolling, shift, pin_hash, expires_at,"
        " revoked_at, revoked_by, created_by",
    ),
}

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

#: With them go their triggers.
TEAR_DOWN = """
DROP FUNCTION audit_statement() CASCADE;
DROP FUNCTION audit_row() CASCADE;
DROP FUNCTION audit_invoices() CASCADE;
DROP FUNCTION audit_difference(jsonb, jsonb, text[]);
DROP TABLE audit_log;
DROP FUNCTION audit_log_append_only();
"""


def upgrade() -> None:
    run(TABLE)
    run(APPEND_ONLY)
    run(AUDIT_FUNCTIONS)
    for table, key in WHOLE.items():
        arguments = f"'{{created_at,updated_at}}', '{key}'"
        run((STATEMENT + UPDATE).format(table=table, arguments=arguments))
    for table, (moving, news) in AMID_MOVEMENT.items():
        arguments = f"'{{created_at,updated_at,{moving}}}', 'id'"
        run((STATEMENT + UPDATE_OF).format(table=table, columns=news, arguments=arguments))
    run(DELIVERED_AND_BILLED)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM audit_log", "the audit log")
    run(TEAR_DOWN)
