-- Three roles for one database, and what each may do. Run it as a superuser in that database: before the first
-- upgrade, and again after every upgrade (new tables get their rights then). Repeating it changes nothing.
--
-- dairy_owner   owns everything; `dairy db upgrade`, `dairy db restore` and `dairy import-mongo` run with it
-- dairy_app     serves: reads and writes rows; no DDL, no temporary table, no TRUNCATE, no trigger switched off
-- dairy_read    reports: reads rows, but no password, token, PIN or message that holds a link
--
-- The roles have no password: give each one with \password.
\set ON_ERROR_STOP on
BEGIN;

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['dairy_owner', 'dairy_app', 'dairy_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', role);
        END IF;
    END LOOP;
    -- Nobody but the owner makes tables, not even temporary ones: `dairy import-mongo` runs as the owner.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC, dairy_app, dairy_read', current_database());
    EXECUTE format('ALTER DATABASE %I OWNER TO dairy_owner', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO dairy_app, dairy_read', current_database());
END $$;

ALTER ROLE dairy_read SET default_transaction_read_only = on;
-- The application says so itself on each connection, but not behind a pool that shares them by transaction.
ALTER ROLE dairy_app SET jit = off;
ALTER ROLE dairy_app SET statement_timeout = '20s';
ALTER ROLE dairy_app SET lock_timeout = '5s';
ALTER ROLE dairy_app SET idle_in_transaction_session_timeout = '60s';
ALTER SCHEMA public OWNER TO dairy_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC, dairy_app, dairy_read;
GRANT USAGE ON SCHEMA public TO dairy_app, dairy_read;

-- What somebody else made before there were roles becomes the owner's; what extensions own stays theirs.
DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('ALTER %s %s OWNER TO dairy_owner',
            CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass)
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('e', 'i'))
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO dairy_owner', p.oid::regprocedure)
        FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, dairy_app, dairy_read;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, dairy_app, dairy_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO dairy_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO dairy_app;

-- Between an upgrade and the next run of this file the new tables serve already, but reports wait.
ALTER DEFAULT PRIVILEGES FOR ROLE dairy_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO dairy_app;
ALTER DEFAULT PRIVILEGES FOR ROLE dairy_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO dairy_app;

DO $$
DECLARE
    statement text;
BEGIN
    -- The log and the events are written by their triggers, with the owner's rights; the revision is only read.
    IF to_regclass('public.audit_log') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON audit_log FROM dairy_app;
    END IF;
    IF to_regclass('public.events') IS NOT NULL THEN
        REVOKE INSERT, UPDATE ON events FROM dairy_app;
    END IF;
    -- What is archived is moved by the owner; only a merge of customers says whose it is now.
    IF to_regclass('public.archived_orders') IS NOT NULL THEN
        REVOKE INSERT, DELETE ON archived_orders, archived_delivery_statuses FROM dairy_app;
        REVOKE INSERT, UPDATE, DELETE ON archived_order_items, archived_link_events, archived_days FROM dairy_app;
    END IF;
    IF to_regclass('public.alembic_version') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM dairy_app;
    END IF;
    -- Reports read columns by name: a secret that is added later is not among them until somebody thought of it.
    FOR statement IN
        SELECT format('GRANT SELECT (%s) ON %s TO dairy_read',
            string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), c.oid::regclass)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
            AND c.relname NOT IN ('idempotency_keys', 'invitations', 'login_attempts', 'refresh_tokens')
            AND a.attname !~ '(password|token|pin|login|key|secret|code).*hash'
            AND (c.relname, a.attname) NOT IN (('outbox_messages', 'body'), ('outbox_messages', 'told'),
                ('webhook_endpoints', 'secret'), ('webhook_endpoints', 'former_secret'),
                ('import_quarantine', 'document'), ('unlinked_delivery_statuses', 'document'))
        GROUP BY c.oid
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;

COMMIT;
