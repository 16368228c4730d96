"""Links to one round for a helper without a login, their uses, and the changes asked for through them.

Why: the earlier system's links took confirmations for any customer, after their end, without limit, and left no
    trace of who used them; what was asked for through them could not be approved.
Locks: ACCESS EXCLUSIVE on delivery_statuses for a moment. Its CHECK and foreign key are added NOT VALID: the column
    is new, no old row can offend; 0013 validates them.
Undo: drops the tables and which link confirmed what; refuses while a delivery was confirmed by a known link, or a
    request waits for its decision, unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE shared_links (
    id uuid DEFAULT uuid7() NOT NULL,
    token_hash bytea NOT NULL,
    name text NOT NULL,
    delivery_boy_id uuid,
    area_id uuid,
    link_date date,
    is_rolling boolean DEFAULT false NOT NULL,
    shift text,
    pin_hash text,
    failed_attempts integer DEFAULT 0 NOT NULL,
    locked_until timestamptz,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by uuid,
    created_by uuid NOT NULL,
    use_count bigint DEFAULT 0 NOT NULL,
    last_used_at timestamptz,
    window_started_at timestamptz,
    window_cost integer DEFAULT 0 NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_shared_links PRIMARY KEY (id),
    CONSTRAINT fk_shared_links_delivery_boy_id FOREIGN KEY (delivery_boy_id) REFERENCES users (id),
    CONSTRAINT fk_shared_links_area_id FOREIGN KEY (area_id) REFERENCES areas (id),
    CONSTRAINT fk_shared_links_created_by FOREIGN KEY (created_by) REFERENCES users (id),
    CONSTRAINT fk_shared_links_revoked_by FOREIGN KEY (revoked_by) REFERENCES users (id),
    CONSTRAINT uq_shared_links_token_hash UNIQUE (token_hash),
    CONSTRAINT ck_shared_links_shift_known CHECK (shift IN ('morning', 'evening')),
    CONSTRAINT ck_shared_links_token_hash_is_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT ck_shared_links_boy_or_area CHECK (num_nonnulls(delivery_boy_id, area_id) = 1),
    CONSTRAINT ck_shared_links_date_or_rolling CHECK (is_rolling = (link_date IS NULL) AND isfinite(link_date)),
    CONSTRAINT ck_shared_links_expires_within_30_days CHECK (isfinite(expires_at) AND expires_at > created_at AND
        expires_at <= created_at + interval '720 hours'),
    CONSTRAINT ck_shared_links_revoked_by_somebody CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CONSTRAINT ck_shared_links_pin_is_hashed CHECK (starts_with(pin_hash, '$argon2id$')),
    CONSTRAINT ck_shared_links_attempts_need_pin CHECK (failed_attempts >= 0 AND (pin_hash IS NOT NULL OR
        (failed_attempts = 0 AND locked_until IS NULL))),
    CONSTRAINT ck_shared_links_counts_not_negative CHECK (use_count >= 0 AND window_cost >= 0),
    CONSTRAINT ck_shared_links_name_length CHECK (length(name) BETWEEN 1 AND 200)
);
CREATE TABLE shared_link_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    link_id uuid NOT NULL,
    at timestamptz DEFAULT now() NOT NULL,
    action text NOT NULL,
    result text NOT NULL,
    order_id uuid,
    ip inet,
    user_agent text,
    CONSTRAINT pk_shared_link_events PRIMARY KEY (id),
    CONSTRAINT fk_shared_link_events_link_id FOREIGN KEY (link_id) REFERENCES shared_links (id),
    CONSTRAINT fk_shared_link_events_order_id FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE SET NULL,
    CONSTRAINT ck_shared_link_events_action_known CHECK (action IN ('round', 'confirm', 'unlock', 'request')),
    CONSTRAINT ck_shared_link_events_result_length CHECK (length(result) BETWEEN 1 AND 60)
);
CREATE INDEX ix_shared_link_events_link_id_id ON shared_link_events (link_id, id);
CREATE INDEX ix_shared_link_events_order ON shared_link_events (order_id) WHERE order_id IS NOT NULL;
CREATE TABLE change_requests (
    id uuid DEFAULT uuid7() NOT NULL,
    kind text NOT NULL,
    customer_id uuid NOT NULL,
    subscription_id uuid,
    payload jsonb NOT NULL,
    note text,
    status text DEFAULT 'pending' NOT NULL,
    asked_by_link_id uuid,
    asked_by_user_id uuid,
    client_event_id uuid,
    decided_by uuid,
    decided_at timestamptz,
    decision_reason text,
    applied_payload jsonb,
    applied_order_id uuid,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_change_requests PRIMARY KEY (id),
    CONSTRAINT fk_change_requests_customer_id FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT fk_change_requests_subscription_of_customer FOREIGN KEY (subscription_id, customer_id)
        REFERENCES subscriptions (id, customer_id),
    CONSTRAINT fk_change_requests_order_of_customer FOREIGN KEY (applied_order_id, customer_id)
        REFERENCES orders (id, customer_id),
    CONSTRAINT fk_change_requests_asked_by_link_id FOREIGN KEY (asked_by_link_id) REFERENCES shared_links (id),
    CONSTRAINT fk_change_requests_asked_by_user_id FOREIGN KEY (asked_by_user_id) REFERENCES users (id),
    CONSTRAINT fk_change_requests_decided_by FOREIGN KEY (decided_by) REFERENCES users (id),
    CONSTRAINT uq_change_requests_client_event_id UNIQUE (client_event_id),
    CONSTRAINT ck_change_requests_kind_known CHECK (kind IN ('pause', 'stop', 'extra_item', 'quantity')),
    CONSTRAINT ck_change_requests_status_known CHECK (status IN ('pending', 'approved', 'rejected')),
    CONSTRAINT ck_change_requests_asked_by_one CHECK (num_nonnulls(asked_by_link_id, asked_by_user_id) = 1),
    CONSTRAINT ck_change_requests_payload_is_object CHECK (jsonb_typeof(payload) = 'object' AND
        length(payload::text) <= 2000),
    CONSTRAINT ck_change_requests_applied_when_approved CHECK (applied_payload IS NULL OR (status = 'approved' AND
        jsonb_typeof(applied_payload) = 'object')),
    CONSTRAINT ck_change_requests_subscription_fits_kind CHECK ((kind <> 'quantity' OR subscription_id IS NOT NULL)
        AND (kind <> 'extra_item' OR subscription_id IS NULL)),
    CONSTRAINT ck_change_requests_decided_iff_not_pending CHECK ((status = 'pending') = (decided_at IS NULL) AND
        (status = 'pending') = (decided_by IS NULL) AND (status <> 'pending' OR decision_reason IS NULL)),
    CONSTRAINT ck_change_requests_rejected_with_reason CHECK (status <> 'rejected' OR decision_reason IS NOT NULL),
    CONSTRAINT ck_change_requests_extra_item_has_order CHECK ((kind = 'extra_item' AND status = 'approved') =
        (applied_order_id IS NOT NULL)),
    CONSTRAINT ck_change_requests_text_lengths CHECK (length(note) <= 2000 AND length(decision_reason) <= 500)
);
CREATE INDEX ix_change_requests_customer_id_id ON change_requests (customer_id, id);
CREATE UNIQUE INDEX uq_change_requests_pending ON change_requests (customer_id, kind, coalesce(subscription_id,
    customer_id), payload) WHERE status = 'pending';
"""

REQUESTS_STAND = """
CREATE FUNCTION change_requests_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'change request % is already %', OLD.id, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_change_requests_stand';
END $$;
CREATE TRIGGER tr_change_requests_stand BEFORE UPDATE ON change_requests
    FOR EACH ROW WHEN (OLD.status <> 'pending') EXECUTE FUNCTION change_requests_stand();
"""

# Deliveries confirmed by a link of the earlier system have the method and no link: theirs were not taken over.
CONFIRMED_BY = """
ALTER TABLE delivery_statuses ADD COLUMN shared_link_id uuid;
ALTER TABLE delivery_statuses ADD CONSTRAINT fk_delivery_statuses_shared_link_id FOREIGN KEY (shared_link_id)
    REFERENCES shared_links (id) NOT VALID;
ALTER TABLE delivery_statuses ADD CONSTRAINT ck_delivery_statuses_link_confirms_by_link
    CHECK (shared_link_id IS NULL OR confirmation_method = 'shared_link') NOT VALID;
"""

TEAR_DOWN = """
ALTER TABLE delivery_statuses DROP COLUMN shared_link_id;
DROP TABLE change_requests, shared_link_events, shared_links;
DROP FUNCTION change_requests_stand();
"""


def upgrade() -> None:
    run(TABLES)
    run(REQUESTS_STAND)
    run(CONFIRMED_BY)


def downgrade() -> None:
    refuse_data_loss(
        "SELECT FROM delivery_statuses WHERE shared_link_id IS NOT NULL"
        " UNION ALL SELECT FROM change_requests WHERE status = 'pending'",
        "which links confirmed deliveries, and requests that wait for their decision",
    )
    run(TEAR_DOWN)
