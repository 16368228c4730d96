"""Orders of months that are over can be archived: tables of the same form, and what keeps them as they were.

Why: three million orders a month are 45 GB a year, and almost all that is read is of the last weeks.
Locks: ACCESS EXCLUSIVE on settings for a moment, for a column without a value and checks that do not read the table.
    SHARE ROW EXCLUSIVE on orders for two triggers, and for the foreign keys of new, empty tables on customers,
    subscriptions, invoices, users, areas, closed_days, products, shared_links and shared_link_events, a moment each.
Undo: refused while anything is archived: `dairy archive bring-back` first. Never with --allow-data-loss: bills would
    have no deliveries.
"""

from dairy_app.common.revisions import run

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None

SETTINGS = """
ALTER TABLE settings ADD COLUMN archived_before date;
ALTER TABLE settings
    ADD CONSTRAINT ck_settings_archived_whole_months CHECK (extract(day FROM archived_before) = 1) NOT VALID,
    ADD CONSTRAINT ck_settings_archived_books_stay_closed CHECK (
        archived_before IS NULL OR books_closed_through IS NOT NULL AND archived_before <= books_closed_through + 1
    ) NOT VALID;
"""

TABLES = """
CREATE TABLE archived_orders (
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    order_type TEXT DEFAULT 'one_time' NOT NULL,
    subscription_id UUID,
    delivery_date DATE NOT NULL,
    shift TEXT DEFAULT 'morning' NOT NULL,
    status TEXT DEFAULT 'PENDING' NOT NULL,
    delivery_boy_id UUID,
    placed_by UUID,
    source TEXT NOT NULL,
    address JSONB,
    notes TEXT,
    delivered_on DATE,
    delivered_at TIMESTAMP WITH TIME ZONE,
    delivery_confirmed BOOLEAN DEFAULT false NOT NULL,
    cancelled_at TIMESTAMP WITH TIME ZONE,
    cancel_reason TEXT,
    invoice_id UUID,
    legacy_id TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    cancelled_by_subscription BOOLEAN DEFAULT false NOT NULL,
    area_id UUID,
    placed_at_door_of UUID,
    closed_day_id UUID,
    payer_id UUID,
    CONSTRAINT pk_archived_orders PRIMARY KEY (id),
    CONSTRAINT fk_archived_orders_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_archived_orders_subscription_of_customer FOREIGN KEY(subscription_id, customer_id)
        REFERENCES subscriptions (id, customer_id) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT fk_archived_orders_invoice_of_payer FOREIGN KEY(invoice_id, payer_id)
        REFERENCES invoices (id, customer_id) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT fk_archived_orders_placed_at_door_of FOREIGN KEY(placed_at_door_of) REFERENCES archived_orders (id),
    CONSTRAINT fk_archived_orders_delivery_boy_id FOREIGN KEY(delivery_boy_id) REFERENCES users (id),
    CONSTRAINT fk_archived_orders_area_id FOREIGN KEY(area_id) REFERENCES areas (id),
    CONSTRAINT fk_archived_orders_placed_by FOREIGN KEY(placed_by) REFERENCES users (id),
    CONSTRAINT fk_archived_orders_closed_day_id FOREIGN KEY(closed_day_id) REFERENCES closed_days (id),
    CONSTRAINT ck_archived_orders_settled CHECK (status NOT IN ('PENDING', 'OUT_FOR_DELIVERY')),
    CONSTRAINT ck_archived_orders_delivered_iff_on_invoice
        CHECK ((status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) = (invoice_id IS NOT NULL)),
    CONSTRAINT ck_archived_orders_payer_iff_on_invoice CHECK ((payer_id IS NULL) = (invoice_id IS NULL))
);
CREATE INDEX ix_archived_orders_closed_day ON archived_orders (closed_day_id) WHERE closed_day_id IS NOT NULL;
CREATE INDEX ix_archived_orders_customer_date ON archived_orders (customer_id, delivery_date);
CREATE INDEX ix_archived_orders_date_id ON archived_orders (delivery_date, id);
CREATE INDEX ix_archived_orders_invoice_area ON archived_orders (invoice_id, area_id) WHERE invoice_id IS NOT NULL;
CREATE UNIQUE INDEX uq_archived_orders_placed_at_door_of ON archived_orders (placed_at_door_of)
    WHERE placed_at_door_of IS NOT NULL;
CREATE TABLE archived_order_items (
    order_id UUID NOT NULL,
    line_no SMALLINT NOT NULL,
    product_id UUID NOT NULL,
    quantity NUMERIC(10, 3) NOT NULL,
    unit_price NUMERIC(12, 2) NOT NULL,
    price_source TEXT NOT NULL,
    delivered_quantity NUMERIC(10, 3),
    item_status TEXT GENERATED ALWAYS AS (
        CASE WHEN delivered_quantity = quantity THEN 'full' WHEN delivered_quantity = 0 THEN 'shortage'
        WHEN delivered_quantity IS NOT NULL THEN 'partial' END) STORED,
    CONSTRAINT pk_archived_order_items PRIMARY KEY (order_id, line_no),
    CONSTRAINT fk_archived_order_items_order_id FOREIGN KEY(order_id) REFERENCES archived_orders (id),
    CONSTRAINT fk_archived_order_items_product_id FOREIGN KEY(product_id) REFERENCES products (id)
);
CREATE TABLE archived_delivery_statuses (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    delivery_date DATE NOT NULL,
    status TEXT NOT NULL,
    delivered_at TIMESTAMP WITH TIME ZONE,
    delivery_boy_id UUID,
    confirmed_by_user_id UUID,
    confirmed_by_name TEXT,
    confirmed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmation_method TEXT NOT NULL,
    shared_link_id UUID,
    ip_address INET,
    device_info TEXT,
    client_event_id UUID,
    device_time TIMESTAMP WITH TIME ZONE,
    latitude NUMERIC(9, 6),
    longitude NUMERIC(9, 6),
    reason_code TEXT,
    notes TEXT,
    corrected_at TIMESTAMP WITH TIME ZONE,
    corrected_by_user_id UUID,
    correction_reason TEXT,
    legacy_id TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_archived_delivery_statuses PRIMARY KEY (order_id),
    CONSTRAINT fk_archived_delivery_statuses_order_id FOREIGN KEY(order_id) REFERENCES archived_orders (id),
    CONSTRAINT fk_archived_delivery_statuses_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_archived_delivery_statuses_delivery_boy_id FOREIGN KEY(delivery_boy_id) REFERENCES users (id),
    CONSTRAINT fk_archived_delivery_statuses_confirmed_by_user_id FOREIGN KEY(confirmed_by_user_id)
        REFERENCES users (id),
    CONSTRAINT fk_archived_delivery_statuses_corrected_by_user_id FOREIGN KEY(corrected_by_user_id)
        REFERENCES users (id),
    CONSTRAINT fk_archived_delivery_statuses_shared_link_id FOREIGN KEY(shared_link_id) REFERENCES shared_links (id)
);
CREATE INDEX ix_archived_delivery_statuses_customer_id ON archived_delivery_statuses (customer_id);
CREATE TABLE archived_days (
    day DATE NOT NULL,
    orders INTEGER NOT NULL,
    items INTEGER NOT NULL,
    statuses INTEGER NOT NULL,
    amount NUMERIC(14, 2) NOT NULL,
    digest BIT(256) NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_archived_days PRIMARY KEY (day),
    CONSTRAINT ck_archived_days_counts_not_negative CHECK (orders >= 0 AND items >= 0 AND statuses >= 0)
);
CREATE TABLE archived_link_events (
    event_id BIGINT NOT NULL,
    order_id UUID NOT NULL,
    CONSTRAINT pk_archived_link_events PRIMARY KEY (event_id),
    CONSTRAINT fk_archived_link_events_event_id FOREIGN KEY(event_id) REFERENCES shared_link_events (id),
    CONSTRAINT fk_archived_link_events_order_id FOREIGN KEY(order_id) REFERENCES archived_orders (id)
);
CREATE INDEX ix_archived_link_events_order_id ON archived_link_events (order_id);
"""

COMMENTS = """
COMMENT ON TABLE archived_days IS
    'The archived orders of one planned day: how many, what they came to, and by what they are proved.';
COMMENT ON COLUMN archived_days.amount IS 'Rupees of what was delivered, before discounts and added taxes.';
COMMENT ON COLUMN archived_days.digest IS
    'The SHA-256 of each order with its items and its status, one XOR the next. Not of whose they are: they '
    'follow their customer into a merge.';
COMMENT ON TABLE archived_delivery_statuses IS 'The last word on an archived order''s delivery, as it was.';
COMMENT ON COLUMN archived_delivery_statuses.delivery_boy_id IS
    'Whose round it was; the confirmer may be somebody else.';
COMMENT ON COLUMN archived_delivery_statuses.shared_link_id IS 'NULL for links of the earlier system, too.';
COMMENT ON COLUMN archived_delivery_statuses.client_event_id IS 'The offline app''s own key of this confirmation.';
COMMENT ON COLUMN archived_delivery_statuses.device_time IS
    'What the phone''s clock said; kept beside the server''s ``confirmed_at``, never reckoned with.';
COMMENT ON COLUMN archived_delivery_statuses.corrected_at IS
    'The latest correction; columns of their own, so that the notes stay what was said at the door.';
COMMENT ON TABLE archived_link_events IS 'Which archived order an event of a shared link was about.';
COMMENT ON TABLE archived_order_items IS 'One product of an archived order, as it was.';
COMMENT ON COLUMN archived_order_items.unit_price IS 'Rupees per unit, fixed when the order is made.';
COMMENT ON COLUMN archived_order_items.delivered_quantity IS 'NULL until confirmed.';
COMMENT ON TABLE archived_orders IS
    'An order of a month that is archived, as it was. Nobody changes it; it follows its customer into a merge.';
COMMENT ON COLUMN archived_orders.delivery_date IS 'The planned day; it decides the price.';
COMMENT ON COLUMN archived_orders.delivery_boy_id IS
    'NULL: the customer''s own delivery boy and area. Fixed when the round starts: who moves then, moves from the'
    ' next order on.';
COMMENT ON COLUMN archived_orders.address IS 'The address as it stood when the order was placed.';
COMMENT ON COLUMN archived_orders.delivered_on IS 'The day it was really delivered; it decides the billing period.';
COMMENT ON COLUMN archived_orders.cancelled_by_subscription IS
    'A change of the standing order cancelled it; lifting the change brings it back.';
COMMENT ON COLUMN archived_orders.placed_at_door_of IS
    'What else was handed over when this order of the same customer was confirmed is an order of its own.';
COMMENT ON COLUMN archived_orders.closed_day_id IS 'The closing that cancelled it; reopening the day brings it back.';
COMMENT ON COLUMN archived_orders.payer_id IS
    'Whose invoice it is on: the customer''s own, or whom the customer was billed to. Set by the database.';
COMMENT ON COLUMN settings.archived_before IS
    'The first day of a month: orders of earlier days are archived, and none is added. NULL: nothing is archived.';
"""

STAND = """
CREATE FUNCTION archived_rows_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb := to_jsonb(OLD);
    is_now jsonb := to_jsonb(NEW);
BEGIN
    IF TG_OP = 'UPDATE' AND was - '{customer_id,payer_id}'::text[] = is_now - '{customer_id,payer_id}'::text[] THEN
        IF NOT EXISTS (SELECT FROM unnest('{customer_id,payer_id}'::text[]) AS whose
            WHERE was ->> whose IS DISTINCT FROM is_now ->> whose
                AND follows_merge((was ->> whose)::uuid, (is_now ->> whose)::uuid) IS NOT TRUE) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'rows of % stay as they were archived', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_archived_rows_stand';
END $$;
CREATE TRIGGER tr_archived_rows_stand BEFORE INSERT OR UPDATE OR DELETE ON archived_orders
    FOR EACH ROW EXECUTE FUNCTION archived_rows_stand();
CREATE TRIGGER tr_archived_rows_stand BEFORE INSERT OR UPDATE OR DELETE ON archived_order_items
    FOR EACH ROW EXECUTE FUNCTION archived_rows_stand();
CREATE TRIGGER tr_archived_rows_stand BEFORE INSERT OR UPDATE OR DELETE ON archived_delivery_statuses
    FOR EACH ROW EXECUTE FUNCTION archived_rows_stand();
CREATE TRIGGER tr_archived_rows_stand BEFORE INSERT OR UPDATE OR DELETE ON archived_days
    FOR EACH ROW EXECUTE FUNCTION archived_rows_stand();
CREATE TRIGGER tr_archived_rows_stand BEFORE INSERT OR UPDATE OR DELETE ON archived_link_events
    FOR EACH ROW EXECUTE FUNCTION archived_rows_stand();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON archived_orders EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON archived_order_items EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON archived_delivery_statuses EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON archived_days EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON archived_link_events EXECUTE FUNCTION never_truncated();
"""

VIEWS = """
CREATE VIEW all_orders AS
SELECT id, customer_id, order_type, delivery_date, status, delivered_on, invoice_id, payer_id, area_id FROM orders
UNION ALL
SELECT id, customer_id, order_type, delivery_date, status, delivered_on, invoice_id, payer_id, area_id
FROM archived_orders;
CREATE VIEW all_order_items AS
SELECT order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity FROM order_items
UNION ALL
SELECT order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity FROM archived_order_items;
CREATE VIEW all_delivery_statuses AS
SELECT order_id, delivery_date, status, delivery_boy_id, confirmed_by_name, confirmation_method, reason_code
FROM delivery_statuses
UNION ALL
SELECT order_id, delivery_date, status, delivery_boy_id, confirmed_by_name, confirmation_method, reason_code
FROM archived_delivery_statuses;
"""

AFTER = """
CREATE FUNCTION orders_after_archive() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    first date;
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        first := NEW.delivery_date;
    ELSE
        SELECT min(delivery_date) INTO first FROM arrived;
    END IF;
    IF first < (SELECT s.archived_before FROM settings s) THEN
        RAISE EXCEPTION 'the orders of % are archived', first
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_after_archive';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_orders_after_archive_insert AFTER INSERT ON orders REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION orders_after_archive();
CREATE TRIGGER tr_orders_after_archive_update AFTER UPDATE OF delivery_date ON orders
    FOR EACH ROW WHEN (NEW.delivery_date < OLD.delivery_date) EXECUTE FUNCTION orders_after_archive();
"""

VOID = """
CREATE OR REPLACE FUNCTION invoices_void_keeps_no_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM archived_orders WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'the orders of invoice % are archived', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_archived_stay';
    ELSIF EXISTS (SELECT FROM orders WHERE invoice_id = NEW.id)
        OR EXISTS (SELECT FROM adjustments WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'orders or adjustments still stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_keeps_no_orders';
    ELSIF EXISTS (SELECT FROM credit_notes WHERE invoice_id = NEW.id)
        OR EXISTS (SELECT FROM debit_notes WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'credit or debit notes stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_has_no_notes';
    END IF;
    RETURN NULL;
END $$;
"""

LEAVE = """
CREATE OR REPLACE FUNCTION customers_leave_nothing() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.id FOR UPDATE;
    IF EXISTS (SELECT FROM orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM archived_orders WHERE customer_id = NEW.id)
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

FORMER_VOID = """
CREATE OR REPLACE FUNCTION invoices_void_keeps_no_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders WHERE invoice_id = NEW.id)
        OR EXISTS (SELECT FROM adjustments WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'orders or adjustments still stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_keeps_no_orders';
    ELSIF EXISTS (SELECT FROM credit_notes WHERE invoice_id = NEW.id)
        OR EXISTS (SELECT FROM debit_notes WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'credit or debit notes stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_has_no_notes';
    END IF;
    RETURN NULL;
END $$;
"""

FORMER_LEAVE = """
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


def upgrade() -> None:
    for each in (SETTINGS, TABLES, COMMENTS, STAND, VIEWS, AFTER, VOID, LEAVE):
        run(each)


def downgrade() -> None:
    run("""
    DO $$ BEGIN
        IF EXISTS (SELECT FROM archived_orders) THEN
            RAISE EXCEPTION 'orders are archived; bring them back first: dairy archive bring-back';
        END IF;
    END $$;
    """)
    run(FORMER_VOID)
    run(FORMER_LEAVE)
    run("""
    DROP VIEW all_delivery_statuses;
    DROP VIEW all_order_items;
    DROP VIEW all_orders;
    DROP TRIGGER tr_orders_after_archive_insert ON orders;
    DROP TRIGGER tr_orders_after_archive_update ON orders;
    DROP FUNCTION orders_after_archive();
    DROP TABLE archived_link_events;
    DROP TABLE archived_days;
    DROP TABLE archived_delivery_statuses;
    DROP TABLE archived_order_items;
    DROP TABLE archived_orders;
    DROP FUNCTION archived_rows_stand();
    ALTER TABLE settings DROP COLUMN archived_before;
    """)
