"""Standing orders in use: overrides, pauses, quantities from a day on, and which days have their orders.

Why: what differs from a standing order on some days was kept in seven places of the earlier system, of which
    orders, rounds and bills read none. Here it is rows beside the standing order, and two pauses cannot overlap.
    An order that such a change cancelled is marked, because lifting the change brings it back and nothing else.
Locks: ACCESS EXCLUSIVE on orders, subscriptions and settings for a moment each; the CHECKs are added NOT VALID and
    validated by 0013.
Undo: drops the tables; refuses while they hold rows unless told. Orders stay as they are.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE subscription_overrides (
    id uuid DEFAULT uuid7() NOT NULL,
    subscription_id uuid NOT NULL,
    date date NOT NULL,
    kind text DEFAULT 'override' NOT NULL,
    quantity numeric(10, 3) NOT NULL,
    shift text,
    note text,
    requested_by uuid,
    channel text NOT NULL,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_subscription_overrides PRIMARY KEY (id),
    CONSTRAINT fk_subscription_overrides_subscription_id FOREIGN KEY (subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT fk_subscription_overrides_requested_by FOREIGN KEY (requested_by) REFERENCES users (id),
    CONSTRAINT uq_subscription_overrides_subscription_id_date UNIQUE (subscription_id, date),
    CONSTRAINT uq_subscription_overrides_legacy_id UNIQUE (legacy_id),
    CONSTRAINT ck_subscription_overrides_kind_known CHECK (kind IN ('override', 'irregular')),
    CONSTRAINT ck_subscription_overrides_shift_known CHECK (shift IN ('morning', 'evening')),
    CONSTRAINT ck_subscription_overrides_channel_known CHECK (channel IN ('app', 'staff', 'phone', 'whatsapp', 'door',
        'shared_link', 'import')),
    CONSTRAINT ck_subscription_overrides_quantity_not_negative CHECK (quantity >= 0 AND quantity <> 'NaN'),
    CONSTRAINT ck_subscription_overrides_date_finite CHECK (isfinite(date)),
    CONSTRAINT ck_subscription_overrides_note_length CHECK (length(note) <= 500)
);
CREATE TABLE subscription_pauses (
    id uuid DEFAULT uuid7() NOT NULL,
    subscription_id uuid NOT NULL,
    period daterange NOT NULL,
    reason text,
    requested_by uuid,
    channel text NOT NULL,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_subscription_pauses PRIMARY KEY (id),
    CONSTRAINT fk_subscription_pauses_subscription_id FOREIGN KEY (subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT fk_subscription_pauses_requested_by FOREIGN KEY (requested_by) REFERENCES users (id),
    CONSTRAINT uq_subscription_pauses_legacy_id UNIQUE (legacy_id),
    CONSTRAINT ck_subscription_pauses_channel_known CHECK (channel IN ('app', 'staff', 'phone', 'whatsapp', 'door',
        'shared_link', 'import')),
    CONSTRAINT ck_subscription_pauses_period_has_start CHECK (NOT isempty(period) AND NOT lower_inf(period) AND
        isfinite(lower(period)) AND (upper_inf(period) OR isfinite(upper(period)))),
    CONSTRAINT ck_subscription_pauses_reason_length CHECK (length(reason) <= 500),
    CONSTRAINT ex_subscription_pauses_period EXCLUDE USING gist (subscription_id WITH =, period WITH &&)
);
CREATE TABLE subscription_quantities (
    id uuid DEFAULT uuid7() NOT NULL,
    subscription_id uuid NOT NULL,
    valid_from date NOT NULL,
    quantity numeric(10, 3) NOT NULL,
    reason text,
    requested_by uuid,
    channel text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_subscription_quantities PRIMARY KEY (id),
    CONSTRAINT fk_subscription_quantities_subscription_id FOREIGN KEY (subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT fk_subscription_quantities_requested_by FOREIGN KEY (requested_by) REFERENCES users (id),
    CONSTRAINT uq_subscription_quantities_subscription_id_valid_from UNIQUE (subscription_id, valid_from),
    CONSTRAINT ck_subscription_quantities_channel_known CHECK (channel IN ('app', 'staff', 'phone', 'whatsapp', 'door',
        'shared_link', 'import')),
    CONSTRAINT ck_subscription_quantities_quantity_not_negative CHECK (quantity >= 0 AND quantity <> 'NaN'),
    CONSTRAINT ck_subscription_quantities_valid_from_finite CHECK (isfinite(valid_from)),
    CONSTRAINT ck_subscription_quantities_reason_length CHECK (length(reason) <= 500)
);
CREATE TABLE generated_days (
    delivery_date date NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_generated_days PRIMARY KEY (delivery_date),
    CONSTRAINT ck_generated_days_date_finite CHECK (isfinite(delivery_date))
);
"""

COLUMNS = """
ALTER TABLE settings ADD COLUMN generation_days_ahead smallint DEFAULT 1 NOT NULL;
ALTER TABLE settings ADD CONSTRAINT ck_settings_generation_days_ahead_range
    CHECK (generation_days_ahead BETWEEN 0 AND 31) NOT VALID;
ALTER TABLE subscriptions ADD CONSTRAINT ck_subscriptions_values_finite CHECK (default_quantity <> 'NaN' AND
    price_per_unit <> 'NaN' AND isfinite(start_date) AND isfinite(stop_date) AND isfinite(anchor_date)) NOT VALID;
ALTER TABLE subscriptions ADD COLUMN requested_by uuid, ADD COLUMN channel text, ADD COLUMN change_reason text;
ALTER TABLE subscriptions ADD CONSTRAINT fk_subscriptions_requested_by FOREIGN KEY (requested_by)
    REFERENCES users (id) NOT VALID;
ALTER TABLE subscriptions ADD CONSTRAINT ck_subscriptions_channel_known CHECK (channel IN ('app', 'staff', 'phone',
    'whatsapp', 'door', 'shared_link', 'import')) NOT VALID;
ALTER TABLE subscriptions ADD CONSTRAINT ck_subscriptions_change_reason_length CHECK (length(change_reason) <= 500)
    NOT VALID;
ALTER TABLE orders ADD COLUMN cancelled_by_subscription boolean DEFAULT false NOT NULL;
ALTER TABLE orders ADD CONSTRAINT ck_orders_cancelled_by_subscription_fits CHECK (NOT cancelled_by_subscription OR
    (status = 'CANCELLED' AND subscription_id IS NOT NULL)) NOT VALID;
"""

TRANSITIONS = """
DROP TRIGGER tr_orders_follow_transitions ON orders;
CREATE TRIGGER tr_orders_follow_transitions BEFORE UPDATE OF status ON orders
    FOR EACH ROW WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
        WHEN 'PENDING' THEN true
        WHEN 'OUT_FOR_DELIVERY' THEN NEW.status <> 'PENDING'
        WHEN 'CANCELLED' THEN NEW.status = 'PENDING' AND OLD.cancelled_by_subscription
        WHEN 'NOT_DELIVERED' THEN NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'CANCELLED')
        ELSE NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED') END)
    EXECUTE FUNCTION orders_follow_transitions();
"""

TEAR_DOWN = """
DROP TRIGGER tr_orders_follow_transitions ON orders;
CREATE TRIGGER tr_orders_follow_transitions BEFORE UPDATE OF status ON orders
    FOR EACH ROW WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
        WHEN 'PENDING' THEN true
        WHEN 'OUT_FOR_DELIVERY' THEN NEW.status <> 'PENDING'
        WHEN 'CANCELLED' THEN NEW.status = 'PENDING' AND NEW.order_type = 'subscription'
        WHEN 'NOT_DELIVERED' THEN NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'CANCELLED')
        ELSE NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED') END)
    EXECUTE FUNCTION orders_follow_transitions();
ALTER TABLE orders DROP COLUMN cancelled_by_subscription;
ALTER TABLE subscriptions DROP CONSTRAINT ck_subscriptions_values_finite, DROP COLUMN requested_by,
    DROP COLUMN channel, DROP COLUMN change_reason;
ALTER TABLE settings DROP COLUMN generation_days_ahead;
DROP TABLE generated_days, subscription_quantities, subscription_pauses, subscription_overrides;
"""


def upgrade() -> None:
    run(TABLES)
    run(COLUMNS)
    run(TRANSITIONS)


def downgrade() -> None:
    refuse_data_loss(
        "SELECT FROM subscription_overrides UNION ALL SELECT FROM subscription_pauses"
        " UNION ALL SELECT FROM subscription_quantities",
        "overrides, pauses and new quantities of standing orders",
    )
    run(TEAR_DOWN)
