"""Customers pay online: links of a payment gateway, and what the gateway tells.

Why: who paid over a gateway was seen in its dashboard and entered by hand. A link is made here, and what the gateway
    tells is kept as it came and booked once. Nobody recorded a refund that a gateway told of.
Locks: SHARE ROW EXCLUSIVE on customers, invoices, users, payments and refunds for milliseconds, for the foreign keys of
    tables that are empty; ACCESS EXCLUSIVE on refunds for as long: no row is written.
Undo: refused while there are links or events, and refunds that nobody recorded: those are the first admin's then.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

LINKS = """
CREATE TABLE payment_links (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    invoice_id uuid,
    amount numeric(12, 2) NOT NULL,
    gateway text NOT NULL,
    gateway_id text,
    url text,
    description text NOT NULL,
    status text DEFAULT 'creating' NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    last_error text,
    created_by uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_payment_links PRIMARY KEY (id),
    CONSTRAINT fk_payment_links_customer_id FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT fk_payment_links_invoice_of_customer FOREIGN KEY (invoice_id, customer_id) REFERENCES invoices
        (id, customer_id) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT fk_payment_links_created_by FOREIGN KEY (created_by) REFERENCES users (id),
    CONSTRAINT uq_payment_links_gateway_gateway_id UNIQUE (gateway, gateway_id),
    CONSTRAINT ck_payment_links_gateway_known CHECK (gateway IN ('razorpay')),
    CONSTRAINT ck_payment_links_status_known CHECK (status IN ('creating', 'created', 'paid', 'cancelled',
        'expired', 'failed')),
    CONSTRAINT ck_payment_links_amount_range CHECK (amount >= 1 AND amount <> 'NaN'),
    CONSTRAINT ck_payment_links_created_has_address CHECK (status <> 'created' OR num_nonnulls(gateway_id, url)
        = 2),
    CONSTRAINT ck_payment_links_paid_iff_dated CHECK ((status = 'paid') = (paid_at IS NOT NULL)),
    CONSTRAINT ck_payment_links_failed_has_error CHECK (status <> 'failed' OR last_error IS NOT NULL),
    CONSTRAINT ck_payment_links_expires_after CHECK (isfinite(expires_at) AND expires_at > created_at),
    CONSTRAINT ck_payment_links_url_format CHECK (url ~ '^https?://[^[:space:]]+$' AND length(url) <= 500),
    CONSTRAINT ck_payment_links_text_lengths CHECK (length(gateway_id) > 0 AND length(gateway_id) <= 100 AND
        length(last_error) <= 500 AND length(description) BETWEEN 1 AND 200)
);
CREATE INDEX ix_payment_links_customer ON payment_links (customer_id, id);
CREATE INDEX ix_payment_links_invoice ON payment_links (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX ix_payment_links_status ON payment_links (status, id);
CREATE UNIQUE INDEX uq_payment_links_live ON payment_links (customer_id, coalesce(invoice_id, customer_id),
        amount) WHERE status IN ('creating', 'created');
COMMENT ON TABLE payment_links IS
        'A page of a gateway on which a customer pays so much, of an invoice or of whatever it owes.';
COMMENT ON COLUMN payment_links.invoice_id IS 'What it settles first; NULL: what is oldest.';
COMMENT ON COLUMN payment_links.gateway_id IS 'The gateway''s own id; NULL until it has answered.';
COMMENT ON COLUMN payment_links.url IS 'The page on which is paid.';
COMMENT ON COLUMN payment_links.description IS 'What stands on that page.';
COMMENT ON COLUMN payment_links.last_error IS 'What the gateway said when it was asked last and it did not do it.';
CREATE TRIGGER tr_audit_insert AFTER INSERT ON payment_links REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON payment_links REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON payment_links
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON payment_links REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
"""

EVENTS = """
CREATE TABLE gateway_events (
    id uuid DEFAULT uuid7() NOT NULL,
    gateway text NOT NULL,
    event_id text NOT NULL,
    body bytea NOT NULL,
    body_sha256 bytea NOT NULL,
    kind text,
    object_type text,
    gateway_payment_id text,
    gateway_refund_id text,
    gateway_link_id text,
    amount numeric(12, 2),
    currency text,
    method text,
    happened_at timestamp with time zone,
    payment_link_id uuid,
    status text DEFAULT 'received' NOT NULL,
    reason text,
    detail text,
    payment_id uuid,
    refund_id uuid,
    decided_by uuid,
    decided_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_gateway_events PRIMARY KEY (id),
    CONSTRAINT fk_gateway_events_payment_link_id FOREIGN KEY (payment_link_id) REFERENCES payment_links (id),
    CONSTRAINT fk_gateway_events_payment_id FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT fk_gateway_events_refund_id FOREIGN KEY (refund_id) REFERENCES refunds (id),
    CONSTRAINT fk_gateway_events_decided_by FOREIGN KEY (decided_by) REFERENCES users (id),
    CONSTRAINT uq_gateway_events_gateway_event_id UNIQUE (gateway, event_id),
    CONSTRAINT uq_gateway_events_gateway_body_sha256 UNIQUE (gateway, body_sha256),
    CONSTRAINT ck_gateway_events_gateway_known CHECK (gateway IN ('razorpay')),
    CONSTRAINT ck_gateway_events_status_known CHECK (status IN ('received', 'booked', 'repeated', 'noted',
        'waiting', 'held', 'dismissed')),
    CONSTRAINT ck_gateway_events_object_type_known CHECK (object_type IN ('payment', 'refund', 'payment_link')),
    CONSTRAINT ck_gateway_events_body_sha256_is_of_body CHECK (body_sha256 = sha256(body)),
    CONSTRAINT ck_gateway_events_body_length CHECK (octet_length(body) BETWEEN 1 AND 262144),
    CONSTRAINT ck_gateway_events_names_its_object CHECK (CASE object_type WHEN 'payment' THEN
        gateway_payment_id IS NOT NULL WHEN 'refund' THEN num_nonnulls(gateway_payment_id, gateway_refund_id) =
        2 ELSE true END),
    CONSTRAINT ck_gateway_events_booked_as_what_it_is CHECK (num_nonnulls(payment_id, refund_id) = CASE WHEN
        status IN ('booked', 'repeated') THEN 1 ELSE 0 END AND (payment_id IS NULL OR object_type = 'payment')
        AND (refund_id IS NULL OR object_type = 'refund')),
    CONSTRAINT ck_gateway_events_only_money_is_booked CHECK (status <> 'booked' OR amount IS NOT NULL),
    CONSTRAINT ck_gateway_events_reason_while_open CHECK ((reason IS NOT NULL) = (status IN ('waiting', 'held',
        'dismissed'))),
    CONSTRAINT ck_gateway_events_decided_whole CHECK (num_nonnulls(decided_by, decided_at) IN (0, 2)),
    CONSTRAINT ck_gateway_events_amount_positive CHECK (amount > 0 AND amount <> 'NaN'),
    CONSTRAINT ck_gateway_events_happened_at_finite CHECK (isfinite(happened_at)),
    CONSTRAINT ck_gateway_events_text_lengths CHECK (length(kind) <= 100 AND length(gateway_payment_id) <= 100
        AND length(gateway_refund_id) <= 100 AND length(gateway_link_id) <= 100 AND length(currency) <= 10 AND
        length(method) <= 40 AND length(reason) <= 60 AND length(detail) <= 500 AND length(event_id) BETWEEN 1
        AND 100)
);
CREATE INDEX ix_gateway_events_link ON gateway_events (payment_link_id) WHERE payment_link_id IS NOT NULL;
CREATE INDEX ix_gateway_events_payment ON gateway_events (gateway, gateway_payment_id);
CREATE INDEX ix_gateway_events_status ON gateway_events (status, id);
CREATE UNIQUE INDEX uq_gateway_events_booked_as ON gateway_events (payment_id) WHERE status = 'booked' AND
        payment_id IS NOT NULL;
CREATE UNIQUE INDEX uq_gateway_events_paid_back_as ON gateway_events (refund_id) WHERE status = 'booked' AND
        refund_id IS NOT NULL;
CREATE UNIQUE INDEX uq_gateway_events_payment ON gateway_events (gateway, gateway_payment_id) WHERE status =
        'booked' AND object_type = 'payment';
CREATE UNIQUE INDEX uq_gateway_events_refund ON gateway_events (gateway, gateway_refund_id) WHERE status =
        'booked' AND object_type = 'refund';
COMMENT ON TABLE gateway_events IS 'What a gateway told, as it came, and what was booked of it.';
COMMENT ON COLUMN gateway_events.event_id IS
        'The gateway''s own id of the event; where it names none, the SHA-256 of the body.';
COMMENT ON COLUMN gateway_events.body IS 'What was signed, byte by byte.';
COMMENT ON COLUMN gateway_events.kind IS
        'What happened, in the gateway''s words; NULL: the body could not be read.';
COMMENT ON COLUMN gateway_events.object_type IS 'What may be booked of it; NULL: nothing.';
COMMENT ON COLUMN gateway_events.amount IS 'In the currency; of Indian rupees the gateway tells paise.';
COMMENT ON COLUMN gateway_events.method IS 'How it was paid, in the gateway''s word.';
COMMENT ON COLUMN gateway_events.happened_at IS 'When the money moved.';
COMMENT ON COLUMN gateway_events.payment_link_id IS 'The link of the dairy that it is about.';
COMMENT ON COLUMN gateway_events.reason IS 'Why it is not booked: a code.';
COMMENT ON COLUMN gateway_events.decided_by IS 'Who booked or dismissed it by hand; NULL: nobody did.';
CREATE TRIGGER tr_audit_insert AFTER INSERT ON gateway_events REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at,body,body_sha256}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON gateway_events REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at,body,body_sha256}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON gateway_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at,body,body_sha256}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE OF id, gateway, event_id, kind, object_type, gateway_payment_id,
        gateway_refund_id, gateway_link_id, amount, currency, method, happened_at, payment_link_id, status,
        reason, detail, payment_id, refund_id, decided_by, decided_at ON gateway_events
    FOR EACH ROW EXECUTE FUNCTION audit_row('{created_at,updated_at,body,body_sha256}', 'id');
"""

STAND = (
    """
CREATE FUNCTION payment_links_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate text[] := '{status,gateway_id,url,paid_at,last_error,updated_at}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.customer_id <> OLD.customer_id AND follows_merge(OLD.customer_id, NEW.customer_id) THEN
            v_fate := v_fate || '{customer_id}';
        END IF;
        IF to_jsonb(NEW) - v_fate = to_jsonb(OLD) - v_fate
            AND (OLD.gateway_id IS NULL OR NEW.gateway_id IS NOT DISTINCT FROM OLD.gateway_id)
            AND (OLD.status IN ('creating', 'created') OR NEW.status IN (OLD.status, 'paid'))
            AND (OLD.status <> 'created' OR NEW.status <> 'creating')
            AND (OLD.paid_at IS NULL OR NEW.paid_at IS NOT DISTINCT FROM OLD.paid_at) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'payment link % is % and stays as it is', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_payment_links_stand';
END $$;
""",
    """
CREATE FUNCTION gateway_events_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_fate constant text[] :=
        '{status,reason,detail,payment_link_id,payment_id,refund_id,decided_by,decided_at,updated_at}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - v_fate = to_jsonb(OLD) - v_fate
            AND (OLD.status <> 'booked' OR (NEW.status = 'booked' AND (
                (NEW.payment_id, NEW.refund_id) IS NOT DISTINCT FROM (OLD.payment_id, OLD.refund_id)
                OR EXISTS (SELECT FROM payments p WHERE p.id = OLD.payment_id AND p.status = 'reversed')
                OR EXISTS (SELECT FROM refunds r WHERE r.id = OLD.refund_id AND r.status = 'reversed')))) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'event % of a gateway is % and stays as it is', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_gateway_events_stand';
END $$;
""",
)

TRIGGERS = """
CREATE TRIGGER tr_payment_links_stand BEFORE UPDATE OR DELETE ON payment_links
    FOR EACH ROW EXECUTE FUNCTION payment_links_stand();
CREATE TRIGGER tr_gateway_events_stand BEFORE UPDATE OR DELETE ON gateway_events
    FOR EACH ROW EXECUTE FUNCTION gateway_events_stand();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON payment_links EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON gateway_events EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON payment_links
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
"""

LEAVES_NOTHING = """
CREATE OR REPLACE FUNCTION customers_leave_nothing() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.id FOR UPDATE;
    IF EXISTS (SELECT FROM orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM subscriptions WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM invoices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payments WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM opening_balances WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM write_offs WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM refunds WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payment_links WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_prices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM charge_rules WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_moves WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM container_movements WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
"""

LEAVES_NOTHING_BEFORE = """
CREATE OR REPLACE FUNCTION customers_leave_nothing() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.id FOR UPDATE;
    IF EXISTS (SELECT FROM orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM subscriptions WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM invoices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payments WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM opening_balances WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM write_offs WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM refunds WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_prices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM charge_rules WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_moves WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM container_movements WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    run("""
    -- squawk-ignore ban-drop-not-null
    ALTER TABLE refunds ALTER COLUMN recorded_by DROP NOT NULL;
    """)
    run("COMMENT ON COLUMN refunds.recorded_by IS 'NULL: nobody, the gateway told of it.';")
    run(LINKS)
    run(EVENTS)
    for each in STAND:
        run(each)
    run(TRIGGERS)
    run(LEAVES_NOTHING)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM payment_links", "links by which customers pay")
    refuse_data_loss("SELECT FROM gateway_events", "what payment gateways told")
    refuse_data_loss("SELECT FROM refunds WHERE recorded_by IS NULL", "refunds that nobody recorded")
    run(LEAVES_NOTHING_BEFORE)
    run("""
    DROP TABLE gateway_events;
    DROP TABLE payment_links;
    DROP FUNCTION gateway_events_stand();
    DROP FUNCTION payment_links_stand();
    COMMENT ON COLUMN refunds.recorded_by IS NULL;
    ALTER TABLE refunds DISABLE TRIGGER tr_refunds_only_reversed;
    UPDATE refunds SET recorded_by = (SELECT id FROM users WHERE role = 'admin' ORDER BY created_at, id LIMIT 1)
    WHERE recorded_by IS NULL;
    ALTER TABLE refunds ENABLE TRIGGER tr_refunds_only_reversed;
    """)
    run("ALTER TABLE refunds ALTER COLUMN recorded_by SET NOT NULL;")
