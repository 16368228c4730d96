"""The world before STEP 19: people, goods, orders and delivery rows, not yet connected.

Why: the starting point that a dairy coming from the earlier system recognises; every later step adds one link.
Locks: none that matter: all tables are new.
Undo: drops everything; refuses while customers exist unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FOUNDATIONS = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE FUNCTION uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN encode(
    set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid;
"""

TABLES = """
CREATE SEQUENCE customer_codes;
CREATE TABLE areas (
    id uuid DEFAULT uuid7() NOT NULL,
    name text NOT NULL,
    parent_id uuid,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_areas PRIMARY KEY (id),
    CONSTRAINT fk_areas_parent_id FOREIGN KEY (parent_id) REFERENCES areas (id),
    CONSTRAINT ck_areas_name_length CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT ck_areas_not_own_parent CHECK (parent_id <> id),
    CONSTRAINT uq_areas_legacy_id UNIQUE (legacy_id)
);
CREATE INDEX ix_areas_parent_id ON areas (parent_id);
CREATE UNIQUE INDEX uq_areas_name ON areas (lower(name));
CREATE TABLE users (
    id uuid DEFAULT uuid7() NOT NULL,
    name text NOT NULL,
    email text,
    phone text,
    password_hash text,
    role text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    token_version integer DEFAULT 0 NOT NULL,
    last_login_at timestamptz,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT ck_users_email_or_phone CHECK (email IS NOT NULL OR phone IS NOT NULL),
    CONSTRAINT ck_users_email_format CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$' AND
        length(email) <= 254),
    CONSTRAINT ck_users_email_lower_case CHECK (email = lower(email)),
    CONSTRAINT ck_users_phone_format CHECK (phone ~ '^[+][1-9][0-9]{7,14}$'),
    CONSTRAINT ck_users_name_length CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT ck_users_role_known CHECK (role IN ('admin', 'accountant', 'delivery_boy', 'marketing_staff',
        'customer', 'supplier')),
    CONSTRAINT uq_users_email UNIQUE (email),
    CONSTRAINT uq_users_phone UNIQUE (phone),
    CONSTRAINT uq_users_legacy_id UNIQUE (legacy_id)
);
CREATE TABLE customers (
    id uuid DEFAULT uuid7() NOT NULL,
    code text DEFAULT 'C' || lpad(nextval('customer_codes')::text, 6, '0') NOT NULL,
    name text NOT NULL,
    phone text,
    email text,
    address_line1 text,
    address_line2 text,
    city text,
    state_code text,
    pincode text,
    latitude numeric(9, 6),
    longitude numeric(9, 6),
    map_link text,
    area_id uuid,
    delivery_boy_id uuid,
    stop_sequence integer,
    marketing_staff_id uuid,
    status text DEFAULT 'active' NOT NULL,
    trial_start_date date,
    billing_cycle text DEFAULT 'monthly' NOT NULL,
    language text,
    gstin text,
    gst_treatment text DEFAULT 'consumer' NOT NULL,
    notes text,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_customers PRIMARY KEY (id),
    CONSTRAINT fk_customers_area_id FOREIGN KEY (area_id) REFERENCES areas (id),
    CONSTRAINT fk_customers_delivery_boy_id FOREIGN KEY (delivery_boy_id) REFERENCES users (id),
    CONSTRAINT fk_customers_marketing_staff_id FOREIGN KEY (marketing_staff_id) REFERENCES users (id),
    CONSTRAINT uq_customers_code UNIQUE (code),
    CONSTRAINT ck_customers_name_length CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT ck_customers_code_length CHECK (length(code) BETWEEN 1 AND 40),
    CONSTRAINT ck_customers_text_lengths CHECK (length(address_line1) <= 200 AND length(address_line2) <= 200
        AND length(city) <= 100 AND length(map_link) <= 1000 AND length(language) <= 10 AND length(notes) <= 2000),
    CONSTRAINT ck_customers_phone_format CHECK (phone ~ '^[+][1-9][0-9]{7,14}$'),
    CONSTRAINT ck_customers_email_format CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$' AND
        length(email) <= 254 AND email = lower(email)),
    CONSTRAINT ck_customers_state_code_format CHECK (state_code ~ '^[0-9]{2}$'),
    CONSTRAINT ck_customers_pincode_format CHECK (pincode ~ '^[1-9][0-9]{5}$'),
    CONSTRAINT ck_customers_latitude_range CHECK (latitude BETWEEN -90 AND 90),
    CONSTRAINT ck_customers_longitude_range CHECK (longitude BETWEEN -180 AND 180),
    CONSTRAINT ck_customers_gstin_format CHECK (gstin ~ '^[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]$'),
    CONSTRAINT ck_customers_registered_has_gstin CHECK (gst_treatment <> 'registered' OR gstin IS NOT NULL),
    CONSTRAINT ck_customers_status_known CHECK (status IN ('trial', 'active', 'paused', 'stopped')),
    CONSTRAINT ck_customers_billing_cycle_known CHECK (billing_cycle IN ('monthly', 'half_monthly', 'weekly')),
    CONSTRAINT ck_customers_gst_treatment_known CHECK (gst_treatment IN ('consumer', 'registered', 'composition',
        'unregistered_business')),
    CONSTRAINT uq_customers_legacy_id UNIQUE (legacy_id)
);
CREATE INDEX ix_customers_area_id ON customers (area_id);
CREATE INDEX ix_customers_marketing_staff_id ON customers (marketing_staff_id);
CREATE INDEX ix_customers_name ON customers (lower(name) text_pattern_ops);
CREATE INDEX ix_customers_phone_tail ON customers (reverse(phone) text_pattern_ops);
CREATE INDEX ix_customers_round ON customers (delivery_boy_id, stop_sequence);
CREATE TABLE products (
    id uuid DEFAULT uuid7() NOT NULL,
    sku text NOT NULL,
    name text NOT NULL,
    category text,
    unit text NOT NULL,
    packet_size numeric(10, 3),
    hsn_code text,
    is_packed boolean DEFAULT false NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_products PRIMARY KEY (id),
    CONSTRAINT uq_products_sku UNIQUE (sku),
    CONSTRAINT ck_products_unit_known CHECK (unit IN ('litre', 'kg', 'piece', 'packet', 'dozen')),
    CONSTRAINT ck_products_name_length CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT ck_products_sku_length CHECK (length(sku) BETWEEN 1 AND 60),
    CONSTRAINT ck_products_category_length CHECK (length(category) <= 100),
    CONSTRAINT ck_products_packet_size_positive CHECK (packet_size > 0),
    CONSTRAINT ck_products_hsn_code_format CHECK (hsn_code ~ '^[0-9]{4}([0-9]{2}){0,2}$'),
    CONSTRAINT uq_products_legacy_id UNIQUE (legacy_id)
);
CREATE TABLE customer_prices (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    product_id uuid NOT NULL,
    price numeric(12, 2) NOT NULL,
    valid daterange NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_customer_prices PRIMARY KEY (id),
    CONSTRAINT fk_customer_prices_customer_id FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT fk_customer_prices_product_id FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT ck_customer_prices_price_not_negative CHECK (price >= 0 AND price <> 'NaN'),
    CONSTRAINT ck_customer_prices_valid_has_start CHECK (NOT isempty(valid) AND NOT lower_inf(valid)),
    CONSTRAINT ex_customer_prices_in_force EXCLUDE USING gist (customer_id WITH =, product_id WITH =, valid WITH &&)
);
CREATE INDEX ix_customer_prices_product_id ON customer_prices (product_id);
CREATE TABLE product_prices (
    id uuid DEFAULT uuid7() NOT NULL,
    product_id uuid NOT NULL,
    price numeric(12, 2) NOT NULL,
    valid daterange NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_product_prices PRIMARY KEY (id),
    CONSTRAINT fk_product_prices_product_id FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT ck_product_prices_price_not_negative CHECK (price >= 0 AND price <> 'NaN'),
    CONSTRAINT ck_product_prices_valid_has_start CHECK (NOT isempty(valid) AND NOT lower_inf(valid)),
    CONSTRAINT ex_product_prices_in_force EXCLUDE USING gist (product_id WITH =, valid WITH &&)
);
CREATE TABLE subscriptions (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    product_id uuid NOT NULL,
    mode text NOT NULL,
    default_quantity numeric(10, 3) DEFAULT 0 NOT NULL,
    weekly_pattern smallint[],
    interval_days smallint,
    anchor_date date,
    shift text DEFAULT 'morning' NOT NULL,
    price_per_unit numeric(12, 2),
    start_date date NOT NULL,
    stop_date date,
    status text DEFAULT 'active' NOT NULL,
    auto_start boolean DEFAULT true NOT NULL,
    last_delivery_date date,
    last_delivery_at timestamptz,
    last_delivery_confirmed boolean,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_subscriptions PRIMARY KEY (id),
    CONSTRAINT fk_subscriptions_customer_id FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT fk_subscriptions_product_id FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT uq_subscriptions_id_customer_id UNIQUE (id, customer_id),
    CONSTRAINT ck_subscriptions_mode_known CHECK (mode IN ('fixed_daily', 'weekly_pattern', 'alternate_days',
        'day_by_day', 'irregular')),
    CONSTRAINT ck_subscriptions_shift_known CHECK (shift IN ('morning', 'evening')),
    CONSTRAINT ck_subscriptions_status_known CHECK (status IN ('draft', 'active', 'paused', 'stopped')),
    CONSTRAINT ck_subscriptions_default_quantity_not_negative CHECK (default_quantity >= 0),
    CONSTRAINT ck_subscriptions_price_per_unit_not_negative CHECK (price_per_unit >= 0),
    CONSTRAINT ck_subscriptions_weekly_pattern_fits_mode CHECK ((mode = 'weekly_pattern') = (weekly_pattern IS NOT
        NULL) AND (weekly_pattern IS NULL OR (weekly_pattern <@ '{0,1,2,3,4,5,6}'::smallint[]
        AND cardinality(weekly_pattern) BETWEEN 1 AND 7))),
    CONSTRAINT ck_subscriptions_interval_fits_mode CHECK ((mode = 'alternate_days') = (interval_days IS NOT NULL) AND
        (interval_days IS NULL) = (anchor_date IS NULL) AND interval_days BETWEEN 1 AND 365),
    CONSTRAINT ck_subscriptions_stop_after_start CHECK (stop_date >= start_date),
    CONSTRAINT uq_subscriptions_legacy_id UNIQUE (legacy_id)
);
CREATE INDEX ix_subscriptions_customer_id ON subscriptions (customer_id);
CREATE INDEX ix_subscriptions_product_id ON subscriptions (product_id);
CREATE TABLE orders (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    delivery_date date NOT NULL,
    shift text DEFAULT 'morning' NOT NULL,
    status text DEFAULT 'PENDING' NOT NULL,
    delivery_boy_id uuid,
    placed_by uuid,
    source text NOT NULL,
    address jsonb,
    notes text,
    cancelled_at timestamptz,
    cancel_reason text,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_orders PRIMARY KEY (id),
    CONSTRAINT fk_orders_customer_id FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT fk_orders_delivery_boy_id FOREIGN KEY (delivery_boy_id) REFERENCES users (id),
    CONSTRAINT fk_orders_placed_by FOREIGN KEY (placed_by) REFERENCES users (id),
    CONSTRAINT uq_orders_id_customer_id UNIQUE (id, customer_id),
    CONSTRAINT ck_orders_status_known CHECK (status IN ('PENDING', 'OUT_FOR_DELIVERY', 'DELIVERED',
        'PARTIALLY_DELIVERED', 'NOT_DELIVERED', 'CANCELLED')),
    CONSTRAINT ck_orders_shift_known CHECK (shift IN ('morning', 'evening')),
    CONSTRAINT ck_orders_source_known CHECK (source IN ('customer', 'staff', 'generator', 'shared_link', 'import')),
    CONSTRAINT ck_orders_cancelled_iff_dated CHECK ((status = 'CANCELLED') = (cancelled_at IS NOT NULL) AND (status =
        'CANCELLED' OR cancel_reason IS NULL)),
    CONSTRAINT ck_orders_text_lengths CHECK (length(cancel_reason) <= 500 AND length(notes) <= 4000),
    CONSTRAINT uq_orders_legacy_id UNIQUE (legacy_id)
);
CREATE INDEX ix_orders_customer_date ON orders (customer_id, delivery_date);
CREATE INDEX ix_orders_date_id ON orders (delivery_date, id);
CREATE INDEX ix_orders_delivery_boy ON orders (delivery_boy_id) WHERE delivery_boy_id IS NOT NULL;
CREATE INDEX ix_orders_open_by_date ON orders (delivery_date) WHERE status IN ('PENDING', 'OUT_FOR_DELIVERY');
CREATE TABLE delivery_statuses (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    delivery_date date NOT NULL,
    status text NOT NULL,
    delivered_at timestamptz,
    delivery_boy_id uuid,
    notes text,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_delivery_statuses PRIMARY KEY (id),
    CONSTRAINT fk_delivery_statuses_customer_id FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT fk_delivery_statuses_delivery_boy_id FOREIGN KEY (delivery_boy_id) REFERENCES users (id),
    CONSTRAINT ck_delivery_statuses_status_known CHECK (status IN ('delivered', 'partially_delivered',
        'not_delivered')),
    CONSTRAINT ck_delivery_statuses_notes_length CHECK (length(notes) <= 2000),
    CONSTRAINT uq_delivery_statuses_legacy_id UNIQUE (legacy_id)
);
CREATE INDEX ix_delivery_statuses_boy ON delivery_statuses (delivery_boy_id, delivery_date);
CREATE INDEX ix_delivery_statuses_customer_id ON delivery_statuses (customer_id);
CREATE INDEX ix_delivery_statuses_date_id ON delivery_statuses (delivery_date, id);
CREATE TABLE order_items (
    order_id uuid NOT NULL,
    line_no smallint NOT NULL,
    product_id uuid NOT NULL,
    quantity numeric(10, 3) NOT NULL,
    unit_price numeric(12, 2) NOT NULL,
    price_source text NOT NULL,
    CONSTRAINT pk_order_items PRIMARY KEY (order_id, line_no),
    CONSTRAINT fk_order_items_order_id FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
    CONSTRAINT fk_order_items_product_id FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT uq_order_items_order_id_product_id UNIQUE (order_id, product_id),
    CONSTRAINT ck_order_items_quantity_positive CHECK (quantity > 0 AND quantity <> 'NaN'),
    CONSTRAINT ck_order_items_unit_price_not_negative CHECK (unit_price >= 0 AND unit_price <> 'NaN'),
    CONSTRAINT ck_order_items_price_source_known CHECK (price_source IN ('customer', 'subscription', 'product',
        'override', 'free', 'import'))
);
CREATE INDEX ix_order_items_product_id ON order_items (product_id);
"""

TEAR_DOWN = """
DROP TABLE delivery_statuses, order_items, orders, subscriptions, product_prices, customer_prices, products,
    customers, users, areas;
DROP SEQUENCE customer_codes;
DROP FUNCTION uuid7();
"""


def upgrade() -> None:
    run(FOUNDATIONS)
    run(TABLES)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM customers", "every customer")
    run(TEAR_DOWN)
