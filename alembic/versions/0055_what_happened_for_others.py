"""What happened, for other programs: a list that they read on from, and messages to addresses that want them.

Why: a shop, a ledger or a telephone service that works beside the dairy asked for all lists again and again, and missed
    what had changed in between. Triggers write each event in the transaction that does it, so none is lost or invented.
Locks: SHARE ROW EXCLUSIVE on each table that gets a trigger, and on users for a foreign key, for milliseconds: writers
    wait, readers do not. ACCESS EXCLUSIVE on settings for milliseconds: a column with a constant default.
Undo: drops it all. What happened is in the tables; who was told of what is lost, so it is refused while there are
    addresses.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

TABLES = """
CREATE SEQUENCE event_ids;
CREATE TABLE events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    id BIGINT,
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    kind TEXT NOT NULL,
    object_type TEXT NOT NULL,
    object_id UUID NOT NULL,
    data JSONB NOT NULL,
    CONSTRAINT pk_events PRIMARY KEY (seq),
    CONSTRAINT ck_events_kind_known CHECK (kind IN ('order.placed', 'order.cancelled', 'delivery.confirmed',
        'delivery.corrected', 'invoice.issued', 'invoice.voided', 'credit_note.issued', 'payment.received',
        'payment.reversed', 'refund.paid', 'refund.reversed', 'customer.created', 'customer.changed',
        'subscription.changed')),
    CONSTRAINT ck_events_object_of_kind CHECK (object_type = split_part(kind, '.', 1)),
    CONSTRAINT ck_events_id_positive CHECK (id > 0),
    CONSTRAINT uq_events_id UNIQUE (id)
);
CREATE INDEX ix_events_at ON events USING brin (at);
CREATE INDEX ix_events_unnumbered ON events (txid, seq) WHERE id IS NULL;
CREATE TABLE webhook_endpoints (
    id UUID DEFAULT uuid7() NOT NULL,
    url TEXT NOT NULL,
    description TEXT,
    kinds TEXT[] DEFAULT '{}' NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    secret TEXT NOT NULL,
    secret_since TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    former_secret TEXT,
    former_secret_until TIMESTAMP WITH TIME ZONE,
    told_through BIGINT NOT NULL,
    rests_until TIMESTAMP WITH TIME ZONE,
    created_by UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_webhook_endpoints PRIMARY KEY (id),
    CONSTRAINT fk_webhook_endpoints_created_by FOREIGN KEY(created_by) REFERENCES users (id),
    CONSTRAINT ck_webhook_endpoints_url_format CHECK (url ~ '^https?://[^[:space:]]+$' AND length(url) <= 500),
    CONSTRAINT ck_webhook_endpoints_description_length CHECK (length(description) BETWEEN 1 AND 200),
    CONSTRAINT ck_webhook_endpoints_kinds_known CHECK (kinds <@
        '{order.placed,order.cancelled,delivery.confirmed,delivery.corrected,invoice.issued,invoice.voided,credit_note.issued,
        payment.received,payment.reversed,refund.paid,refund.reversed,customer.created,customer.changed,subscription.changed}'),
    CONSTRAINT ck_webhook_endpoints_secret_format CHECK (secret ~ '^whsec_[A-Za-z0-9+/=]{32,88}$'),
    CONSTRAINT ck_webhook_endpoints_former_secret_format CHECK (former_secret ~ '^whsec_[A-Za-z0-9+/=]{32,88}$'),
    CONSTRAINT ck_webhook_endpoints_former_secret_ends CHECK ((former_secret IS NULL) = (former_secret_until IS
        NULL)),
    CONSTRAINT ck_webhook_endpoints_told_through_not_negative CHECK (told_through >= 0)
);
CREATE TABLE webhook_deliveries (
    endpoint_id UUID NOT NULL,
    event_id BIGINT NOT NULL,
    status TEXT DEFAULT 'queued' NOT NULL,
    attempts SMALLINT DEFAULT 0 NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    leased_until TIMESTAMP WITH TIME ZONE,
    answer_status SMALLINT,
    last_error TEXT,
    delivered_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_webhook_deliveries PRIMARY KEY (endpoint_id, event_id),
    CONSTRAINT fk_webhook_deliveries_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES webhook_endpoints (id) ON
        DELETE CASCADE,
    CONSTRAINT fk_webhook_deliveries_event_id FOREIGN KEY(event_id) REFERENCES events (id) ON DELETE CASCADE,
    CONSTRAINT ck_webhook_deliveries_status_known CHECK (status IN ('queued', 'delivered', 'failed')),
    CONSTRAINT ck_webhook_deliveries_attempts_range CHECK (attempts BETWEEN 0 AND 8),
    CONSTRAINT ck_webhook_deliveries_delivered_iff_dated CHECK ((status = 'delivered') = (delivered_at IS NOT NULL)),
    CONSTRAINT ck_webhook_deliveries_failed_has_error CHECK (status <> 'failed' OR last_error IS NOT NULL),
    CONSTRAINT ck_webhook_deliveries_answer_status_range CHECK (answer_status BETWEEN 100 AND 999),
    CONSTRAINT ck_webhook_deliveries_last_error_length CHECK (length(last_error) <= 500)
);
CREATE INDEX ix_webhook_deliveries_due ON webhook_deliveries (due_at) WHERE status = 'queued';
CREATE INDEX ix_webhook_deliveries_event ON webhook_deliveries (event_id);
CREATE INDEX ix_webhook_deliveries_status ON webhook_deliveries (endpoint_id, status, event_id);
COMMENT ON TABLE events IS 'Something that happened, written by a trigger in the transaction that did it.';
COMMENT ON COLUMN events.seq IS 'In the order of writing, which is not the order in which transactions end.';
COMMENT ON COLUMN events.object_id IS 'Of a delivery the order''s, by which deliveries are addressed.';
COMMENT ON COLUMN events.data IS 'What a reader needs to decide whether it has to ask for the object.';
COMMENT ON TABLE webhook_deliveries IS
    'One event for one endpoint: whether it was taken there, and what the last try came to.';
COMMENT ON COLUMN webhook_deliveries.due_at IS 'Not tried before.';
COMMENT ON COLUMN webhook_deliveries.leased_until IS 'Until then it is in the hands of a sender.';
COMMENT ON COLUMN webhook_deliveries.answer_status IS 'What the other side answered last, as HTTP counts.';
COMMENT ON TABLE webhook_endpoints IS
    'An address of another program that is told of events, with what its messages are signed by.';
COMMENT ON COLUMN webhook_endpoints.kinds IS 'Empty: all kinds.';
COMMENT ON COLUMN webhook_endpoints.secret IS
    'Messages are signed with it (Standard Webhooks): it is shown once, when it is made.';
COMMENT ON COLUMN webhook_endpoints.former_secret IS
    'While the other side changes over, messages are signed with both.';
COMMENT ON COLUMN webhook_endpoints.told_through IS
    'The id of the last event for which a delivery was queued, or which it did not want.';
COMMENT ON COLUMN webhook_endpoints.rests_until IS 'After a failure nothing is sent there before.';
"""
SETTINGS = """
ALTER TABLE settings ADD COLUMN event_days smallint DEFAULT 30 NOT NULL;
COMMENT ON COLUMN settings.event_days IS
    'How long what happened is kept for other programs to read; 0: nothing is written for them.';
ALTER TABLE settings ADD CONSTRAINT ck_settings_event_days_range CHECK (event_days BETWEEN 0 AND 366) NOT VALID;
"""
TELLING = """
CREATE FUNCTION number_events(most integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    reached bigint;
    numbered integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('number_events', 0)) THEN
        RETURN 0;
    END IF;
    SELECT CASE WHEN q.is_called THEN q.last_value ELSE 0 END INTO reached FROM event_ids q;
    UPDATE events e SET id = reached + d.n
    FROM (SELECT u.seq, row_number() OVER (ORDER BY u.txid, u.seq) AS n FROM events u
        WHERE u.id IS NULL AND (u.txid < pg_snapshot_xmin(pg_current_snapshot())
            OR u.txid >= pg_snapshot_xmax(pg_current_snapshot()))
        ORDER BY u.txid, u.seq LIMIT most) d
    WHERE e.seq = d.seq;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    IF numbered > 0 THEN
        PERFORM setval('event_ids', reached + numbered);
    END IF;
    RETURN numbered;
END $$;
CREATE FUNCTION tell_cancelled_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT CASE NEW.status WHEN 'CANCELLED' THEN 'order.cancelled' ELSE 'order.placed' END, 'order', NEW.id,
        jsonb_build_object('customer_id', NEW.customer_id, 'delivery_date', NEW.delivery_date,
            'order_type', NEW.order_type, 'source', NEW.source)
    FROM settings s WHERE s.event_days > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_update AFTER UPDATE OF status ON orders FOR EACH ROW
    WHEN ((OLD.status = 'CANCELLED') <> (NEW.status = 'CANCELLED')) EXECUTE FUNCTION tell_cancelled_order();
CREATE FUNCTION tell_changed_standing_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT 'subscription.changed', 'subscription', NEW.id, jsonb_build_object('customer_id', NEW.customer_id,
        'status', NEW.status, 'about', 'subscriptions')
    FROM settings s WHERE s.event_days > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_update AFTER UPDATE OF product_id, mode, default_quantity, weekly_pattern, interval_days,
    anchor_date, shift, price_per_unit, start_date, stop_date, status, auto_start, weekly_quantities ON subscriptions
    FOR EACH ROW WHEN (OLD.product_id IS DISTINCT FROM NEW.product_id OR OLD.mode IS DISTINCT FROM NEW.mode OR
        OLD.default_quantity IS DISTINCT FROM NEW.default_quantity OR OLD.weekly_pattern IS DISTINCT FROM
        NEW.weekly_pattern OR OLD.interval_days IS DISTINCT FROM NEW.interval_days OR OLD.anchor_date IS DISTINCT FROM
        NEW.anchor_date OR OLD.shift IS DISTINCT FROM NEW.shift OR OLD.price_per_unit IS DISTINCT FROM
        NEW.price_per_unit OR OLD.start_date IS DISTINCT FROM NEW.start_date OR OLD.stop_date IS DISTINCT FROM
        NEW.stop_date OR OLD.status IS DISTINCT FROM NEW.status OR OLD.auto_start IS DISTINCT FROM NEW.auto_start OR
        OLD.weekly_quantities IS DISTINCT FROM NEW.weekly_quantities)
    EXECUTE FUNCTION tell_changed_standing_order();
CREATE FUNCTION tell_correction() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT 'delivery.corrected', 'delivery', NEW.order_id, jsonb_build_object('customer_id', NEW.customer_id,
        'delivery_date', NEW.delivery_date, 'status', NEW.status)
    FROM settings s WHERE s.event_days > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_update AFTER UPDATE ON delivery_statuses FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.corrected_at IS DISTINCT FROM NEW.corrected_at)
    EXECUTE FUNCTION tell_correction();
CREATE FUNCTION tell_customers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO events (kind, object_type, object_id, data)
        SELECT 'customer.created', 'customer', a.id, jsonb_build_object('code', a.code, 'status', a.status)
        FROM arrived a WHERE a.legacy_id IS NULL AND (SELECT s.event_days > 0 FROM settings s);
    ELSE
        INSERT INTO events (kind, object_type, object_id, data)
        SELECT 'customer.changed', 'customer', n.id, jsonb_strip_nulls(jsonb_build_object('code', n.code,
            'status', n.status, 'merged_into', n.merged_into, 'changed', c.changed))
        FROM arrived n JOIN departed o ON o.id = n.id
        CROSS JOIN LATERAL (SELECT jsonb_agg(i.key ORDER BY i.key) AS changed FROM jsonb_each(to_jsonb(n)) i
            WHERE i.key NOT IN ('payer_key', 'updated_at') AND i.value IS DISTINCT FROM to_jsonb(o) -> i.key) c
        WHERE c.changed IS NOT NULL AND (SELECT s.event_days > 0 FROM settings s);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_insert AFTER INSERT ON customers REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_customers();
CREATE TRIGGER tr_events_update AFTER UPDATE ON customers REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_customers();
CREATE FUNCTION tell_deliveries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT 'delivery.confirmed', 'delivery', a.order_id, jsonb_build_object('customer_id', a.customer_id,
        'delivery_date', a.delivery_date, 'status', a.status)
    FROM arrived a WHERE a.confirmation_method <> 'import' AND (SELECT s.event_days > 0 FROM settings s);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_insert AFTER INSERT ON delivery_statuses REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_deliveries();
CREATE FUNCTION tell_invoices() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT CASE n.status WHEN 'issued' THEN 'invoice.issued' ELSE 'invoice.voided' END, 'invoice', n.id,
        jsonb_build_object('customer_id', n.customer_id, 'number', n.number, 'invoice_date', n.invoice_date,
            'total', n.total::text)
    FROM arrived n JOIN departed o ON o.id = n.id
    WHERE n.status <> o.status AND n.status IN ('issued', 'void') AND (SELECT s.event_days > 0 FROM settings s);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_update AFTER UPDATE ON invoices REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_invoices();
CREATE FUNCTION tell_money() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT TG_ARGV[1] || '.' || TG_ARGV[2], TG_ARGV[1], (a.r ->> 'id')::uuid, jsonb_build_object(
        'customer_id', a.r -> 'customer_id', 'number', a.r -> TG_ARGV[0],
        'amount', (coalesce(a.r ->> 'total', a.r ->> 'amount'))::numeric(12, 2)::text)
    FROM (SELECT to_jsonb(arrived) AS r FROM arrived OFFSET 0) a
    WHERE a.r ->> 'legacy_id' IS NULL AND (SELECT s.event_days > 0 FROM settings s);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_insert AFTER INSERT ON credit_notes REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_money('number', 'credit_note', 'issued');
CREATE TRIGGER tr_events_insert AFTER INSERT ON payments REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_money('receipt_no', 'payment', 'received');
CREATE TRIGGER tr_events_insert AFTER INSERT ON refunds REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_money('voucher_no', 'refund', 'paid');
CREATE FUNCTION tell_placed_orders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT 'order.placed', 'order', a.id, jsonb_build_object('customer_id', a.customer_id,
        'delivery_date', a.delivery_date, 'order_type', a.order_type, 'source', a.source)
    FROM arrived a WHERE a.source <> 'import' AND (SELECT s.event_days > 0 FROM settings s);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_insert AFTER INSERT ON orders REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_placed_orders();
CREATE FUNCTION tell_reversal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT TG_ARGV[1] || '.reversed', TG_ARGV[1], NEW.id, jsonb_build_object('customer_id', NEW.customer_id,
        'number', to_jsonb(NEW) -> TG_ARGV[0], 'amount', NEW.amount::text)
    FROM settings s WHERE s.event_days > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_update AFTER UPDATE OF status ON payments FOR EACH ROW
    WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION tell_reversal('receipt_no', 'payment');
CREATE TRIGGER tr_events_update AFTER UPDATE OF status ON refunds FOR EACH ROW
    WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION tell_reversal('voucher_no', 'refund');
CREATE FUNCTION tell_standing_orders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_TABLE_NAME = 'subscriptions' THEN
        INSERT INTO events (kind, object_type, object_id, data)
        SELECT 'subscription.changed', 'subscription', a.id, jsonb_build_object('customer_id', a.customer_id,
            'status', a.status, 'about', 'subscriptions')
        FROM arrived a WHERE a.legacy_id IS NULL AND (SELECT s.event_days > 0 FROM settings s);
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT d.subscription_id) INTO touched FROM departed d;
    ELSE
        SELECT array_agg(DISTINCT a.subscription_id) INTO touched
        FROM arrived a WHERE a.channel IS DISTINCT FROM 'import';
    END IF;
    INSERT INTO events (kind, object_type, object_id, data)
    SELECT 'subscription.changed', 'subscription', o.id, jsonb_build_object('customer_id', o.customer_id,
        'status', o.status, 'about', TG_TABLE_NAME)
    FROM subscriptions o
    WHERE o.id = ANY (touched) AND o.created_at < now() AND (SELECT s.event_days > 0 FROM settings s);
    RETURN NULL;
END $$;
CREATE TRIGGER tr_events_insert AFTER INSERT ON subscriptions REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_insert AFTER INSERT ON subscription_overrides REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_update AFTER UPDATE ON subscription_overrides REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_delete AFTER DELETE ON subscription_overrides REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_insert AFTER INSERT ON subscription_pauses REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_update AFTER UPDATE ON subscription_pauses REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_delete AFTER DELETE ON subscription_pauses REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_insert AFTER INSERT ON subscription_quantities REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_update AFTER UPDATE ON subscription_quantities REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_delete AFTER DELETE ON subscription_quantities REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_insert AFTER INSERT ON subscription_schedules REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_update AFTER UPDATE ON subscription_schedules REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
CREATE TRIGGER tr_events_delete AFTER DELETE ON subscription_schedules REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tell_standing_orders();
"""
LOG = """
CREATE TRIGGER tr_audit_insert AFTER INSERT ON webhook_endpoints REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION
        audit_statement('{created_at,updated_at,told_through,rests_until,secret,former_secret}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON webhook_endpoints REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION
        audit_statement('{created_at,updated_at,told_through,rests_until,secret,former_secret}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON webhook_endpoints
    FOR EACH STATEMENT EXECUTE FUNCTION
        audit_statement('{created_at,updated_at,told_through,rests_until,secret,former_secret}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE OF id, url, description, kinds, active, secret_since,
    former_secret_until, created_by ON webhook_endpoints
    FOR EACH ROW EXECUTE FUNCTION
        audit_row('{created_at,updated_at,told_through,rests_until,secret,former_secret}', 'id');
"""


def upgrade() -> None:
    for each in (TABLES, SETTINGS, TELLING, LOG):
        run(each)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM webhook_endpoints", "the addresses that are told of events")
    run("""
    DROP TRIGGER tr_events_update ON orders;
    DROP TRIGGER tr_events_update ON subscriptions;
    DROP TRIGGER tr_events_update ON delivery_statuses;
    DROP TRIGGER tr_events_insert ON customers;
    DROP TRIGGER tr_events_update ON customers;
    DROP TRIGGER tr_events_insert ON delivery_statuses;
    DROP TRIGGER tr_events_update ON invoices;
    DROP TRIGGER tr_events_insert ON credit_notes;
    DROP TRIGGER tr_events_insert ON payments;
    DROP TRIGGER tr_events_insert ON refunds;
    DROP TRIGGER tr_events_insert ON orders;
    DROP TRIGGER tr_events_update ON payments;
    DROP TRIGGER tr_events_update ON refunds;
    DROP TRIGGER tr_events_insert ON subscriptions;
    DROP TRIGGER tr_events_insert ON subscription_overrides;
    DROP TRIGGER tr_events_update ON subscription_overrides;
    DROP TRIGGER tr_events_delete ON subscription_overrides;
    DROP TRIGGER tr_events_insert ON subscription_pauses;
    DROP TRIGGER tr_events_update ON subscription_pauses;
    DROP TRIGGER tr_events_delete ON subscription_pauses;
    DROP TRIGGER tr_events_insert ON subscription_quantities;
    DROP TRIGGER tr_events_update ON subscription_quantities;
    DROP TRIGGER tr_events_delete ON subscription_quantities;
    DROP TRIGGER tr_events_insert ON subscription_schedules;
    DROP TRIGGER tr_events_update ON subscription_schedules;
    DROP TRIGGER tr_events_delete ON subscription_schedules;
    -- squawk-ignore ban-drop-function
    DROP FUNCTION number_events(integer),
        tell_cancelled_order(),
        tell_changed_standing_order(),
        tell_correction(),
        tell_customers(),
        tell_deliveries(),
        tell_invoices(),
        tell_money(),
        tell_placed_orders(),
        tell_reversal(),
        tell_standing_orders();
    -- squawk-ignore ban-drop-table
    DROP TABLE webhook_deliveries, webhook_endpoints, events;
    DROP SEQUENCE event_ids;
    -- squawk-ignore ban-drop-column
    ALTER TABLE settings DROP COLUMN event_days;
    """)
