"""What a standing order is from a day to a day, and a quantity for each weekday.

Why: whoever wanted another product, rhythm or shift from a day on was changed in the evening before or in the morning
    after, and what came on the days before it was rewritten. Milk that is two litres on working days and three on
    Sundays took two standing orders. And 200 litres typed for 2.00 went out as they were.
Locks: ACCESS EXCLUSIVE on subscriptions for milliseconds, to add a column without a value; SHARE ROW EXCLUSIVE on
    products and users for the foreign keys of the new, empty table. 0046 validates.
Undo: refused while standing orders have schedules or quantities of weekdays; told to go on, they are what they are
    today.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE subscription_schedules (
    id UUID DEFAULT uuid7() NOT NULL,
    subscription_id UUID NOT NULL,
    valid DATERANGE NOT NULL,
    product_id UUID NOT NULL,
    mode TEXT NOT NULL,
    default_quantity NUMERIC(10, 3),
    weekly_pattern SMALLINT[],
    weekly_quantities NUMERIC(10, 3)[],
    interval_days SMALLINT,
    anchor_date DATE,
    shift TEXT NOT NULL,
    price_per_unit NUMERIC(12, 2),
    reason TEXT,
    requested_by UUID,
    channel TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_subscription_schedules PRIMARY KEY (id),
    CONSTRAINT fk_subscription_schedules_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT fk_subscription_schedules_product_id FOREIGN KEY(product_id) REFERENCES products (id),
    CONSTRAINT fk_subscription_schedules_requested_by FOREIGN KEY(requested_by) REFERENCES users (id),
    CONSTRAINT ck_subscription_schedules_mode_known
        CHECK (mode IN ('fixed_daily', 'weekly_pattern', 'alternate_days', 'day_by_day', 'irregular')),
    CONSTRAINT ck_subscription_schedules_shift_known CHECK (shift IN ('morning', 'evening')),
    CONSTRAINT ck_subscription_schedules_channel_known
        CHECK (channel IN ('app', 'staff', 'phone', 'whatsapp', 'door', 'shared_link', 'import')),
    CONSTRAINT ck_subscription_schedules_reason_length CHECK (length(reason) <= 500),
    CONSTRAINT ck_subscription_schedules_weekly_pattern_fits_mode
        CHECK ((mode = 'weekly_pattern') = (weekly_pattern IS NOT NULL)
            AND (weekly_pattern IS NULL OR (weekly_pattern <@ '{0,1,2,3,4,5,6}'::smallint[]
            AND cardinality(weekly_pattern) BETWEEN 1 AND 7))),
    CONSTRAINT ck_subscription_schedules_weekly_quantities_fit_pattern
        CHECK (weekly_quantities IS NULL OR (array_ndims(weekly_quantities) = 1
            AND array_lower(weekly_quantities, 1) = 1 AND cardinality(weekly_quantities) = 7
            AND array_position(weekly_quantities, NULL) IS NULL AND 0 <= ALL (weekly_quantities)
            AND 'NaN' <> ALL (weekly_quantities) AND weekly_pattern IS NOT NULL
            AND weekly_pattern = array_remove(ARRAY[CASE WHEN weekly_quantities[1] > 0 THEN 0 END,
            CASE WHEN weekly_quantities[2] > 0 THEN 1 END, CASE WHEN weekly_quantities[3] > 0 THEN 2 END,
            CASE WHEN weekly_quantities[4] > 0 THEN 3 END, CASE WHEN weekly_quantities[5] > 0 THEN 4 END,
            CASE WHEN weekly_quantities[6] > 0 THEN 5 END,
            CASE WHEN weekly_quantities[7] > 0 THEN 6 END], NULL)::smallint[])),
    CONSTRAINT ck_subscription_schedules_interval_fits_mode
        CHECK ((mode = 'alternate_days') = (interval_days IS NOT NULL)
            AND (interval_days IS NULL) = (anchor_date IS NULL) AND interval_days BETWEEN 1 AND 365),
    CONSTRAINT ck_subscription_schedules_values_not_negative
        CHECK (default_quantity >= 0 AND default_quantity <> 'NaN' AND price_per_unit >= 0
            AND price_per_unit <> 'NaN'),
    CONSTRAINT ck_subscription_schedules_days_finite
        CHECK (NOT isempty(valid) AND (lower_inf(valid) OR isfinite(lower(valid)))
            AND (upper_inf(valid) OR isfinite(upper(valid))) AND (anchor_date IS NULL OR isfinite(anchor_date))),
    CONSTRAINT ck_subscription_schedules_first_has_quantity
        CHECK (default_quantity IS NOT NULL OR NOT lower_inf(valid)),
    CONSTRAINT ex_subscription_schedules_valid EXCLUDE USING gist (subscription_id WITH =, valid WITH &&)
);
CREATE INDEX ix_subscription_schedules_product_id ON subscription_schedules (product_id);
COMMENT ON TABLE subscription_schedules IS
    'What a standing order is from a day to a day. One that never changed has none: its own columns say all.';
COMMENT ON COLUMN subscription_schedules.valid IS 'The first one has no beginning, the last one no end.';
COMMENT ON COLUMN subscription_schedules.default_quantity IS
    'From its first day, until ``subscription_quantities`` say otherwise; NULL: as it was the day before.';
CREATE TRIGGER tr_audit_insert AFTER INSERT ON subscription_schedules REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON subscription_schedules REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON subscription_schedules
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_update AFTER UPDATE ON subscription_schedules REFERENCING OLD TABLE AS departed
    NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE FUNCTION schedules_cover_all_days() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    touched uuid := coalesce(NEW.subscription_id, OLD.subscription_id);
BEGIN
    IF EXISTS (SELECT FROM subscription_schedules WHERE subscription_id = touched HAVING count(*) > 0
            AND range_agg(valid) <> '{(,)}'::datemultirange)
        OR TG_OP = 'UPDATE' AND OLD.subscription_id <> NEW.subscription_id THEN
        RAISE EXCEPTION 'the schedules of a standing order leave days without one'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_schedules_cover_all_days';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_schedules_cover_all_days AFTER INSERT OR UPDATE OR DELETE ON subscription_schedules
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION schedules_cover_all_days();
"""

COLUMN = """
ALTER TABLE subscriptions ADD COLUMN weekly_quantities numeric(10, 3)[];
COMMENT ON TABLE subscriptions IS 'One product that one customer wants regularly, in one shift.';
COMMENT ON COLUMN subscriptions.weekly_quantities IS
    'Of mode weekly_pattern: the quantity of each day, Monday first; NULL: the default one on each of its days.';
ALTER TABLE subscriptions ADD CONSTRAINT ck_subscriptions_weekly_quantities_fit_pattern
    CHECK (weekly_quantities IS NULL OR (array_ndims(weekly_quantities) = 1
        AND array_lower(weekly_quantities, 1) = 1
        AND cardinality(weekly_quantities) = 7
        AND array_position(weekly_quantities, NULL) IS NULL
        AND 0 <= ALL (weekly_quantities)
        AND 'NaN' <> ALL (weekly_quantities)
        AND weekly_pattern IS NOT NULL
        AND weekly_pattern = array_remove(ARRAY[CASE WHEN weekly_quantities[1] > 0 THEN 0 END,
            CASE WHEN weekly_quantities[2] > 0 THEN 1 END,
            CASE WHEN weekly_quantities[3] > 0 THEN 2 END,
            CASE WHEN weekly_quantities[4] > 0 THEN 3 END,
            CASE WHEN weekly_quantities[5] > 0 THEN 4 END,
            CASE WHEN weekly_quantities[6] > 0 THEN 5 END,
            CASE WHEN weekly_quantities[7] > 0 THEN 6 END], NULL)::smallint[])) NOT VALID;
DROP TRIGGER tr_audit_update ON subscriptions;
CREATE TRIGGER tr_audit_update AFTER UPDATE OF id, customer_id, product_id, mode, default_quantity,
    weekly_pattern, interval_days, anchor_date, shift, price_per_unit, start_date,
    stop_date, status, auto_start, legacy_id,
    requested_by, channel, change_reason, weekly_quantities ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION audit_row(
        '{created_at,updated_at,last_delivery_date,last_delivery_at,last_delivery_confirmed}', 'id');
"""

BOUNDS = """
ALTER TABLE settings ADD COLUMN max_litre numeric(10, 3) DEFAULT 50;
ALTER TABLE settings ADD COLUMN max_kg numeric(10, 3) DEFAULT 20;
ALTER TABLE settings ADD COLUMN max_packet numeric(10, 3) DEFAULT 100;
ALTER TABLE settings ADD COLUMN max_piece numeric(10, 3) DEFAULT 100;
ALTER TABLE settings ADD COLUMN max_dozen numeric(10, 3) DEFAULT 20;
COMMENT ON COLUMN settings.max_litre IS
    'More for one door and day is a slip of the finger until an admin confirms it; NULL: any quantity.';
ALTER TABLE settings ADD CONSTRAINT ck_settings_largest_quantities_above_zero
    CHECK ((max_litre IS NULL OR max_litre > 0 AND max_litre <> 'NaN')
        AND (max_kg IS NULL OR max_kg > 0 AND max_kg <> 'NaN')
        AND (max_packet IS NULL OR max_packet > 0 AND max_packet <> 'NaN')
        AND (max_piece IS NULL OR max_piece > 0 AND max_piece <> 'NaN')
        AND (max_dozen IS NULL OR max_dozen > 0 AND max_dozen <> 'NaN')) NOT VALID;
"""

WHOLE = """
CREATE OR REPLACE FUNCTION standing_quantities_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entered jsonb := to_jsonb(NEW);
    wanted uuid := coalesce(entered ->> 'subscription_id', entered ->> 'id')::uuid;
    day date := coalesce(entered ->> 'date', entered ->> 'valid_from')::date;
    unit text;
    came_along boolean;
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME IN ('subscriptions', 'subscription_schedules')
        AND (entered -> 'product_id', entered -> 'default_quantity', entered -> 'weekly_quantities')
            IS NOT DISTINCT FROM (to_jsonb(OLD) -> 'product_id', to_jsonb(OLD) -> 'default_quantity',
                to_jsonb(OLD) -> 'weekly_quantities') THEN
        RETURN NEW;  -- written again as it was
    END IF;
    SELECT p.unit, coalesce(s.legacy_id, entered ->> 'legacy_id') IS NOT NULL INTO unit, came_along
    FROM products p LEFT JOIN subscriptions s ON s.id = wanted
    WHERE p.id = coalesce((entered ->> 'product_id')::uuid,
        (SELECT c.product_id FROM subscription_schedules c WHERE c.subscription_id = wanted AND c.valid @> day),
        s.product_id);
    IF unit IN ('piece', 'packet', 'dozen')
        AND NOT (TG_OP = 'INSERT' AND came_along) THEN
        RAISE EXCEPTION 'a product that is sold whole is wanted whole'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_standing_quantities_are_whole';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER tr_subscriptions_are_whole ON subscriptions;
CREATE TRIGGER tr_subscriptions_are_whole
    BEFORE INSERT OR UPDATE OF default_quantity, product_id, weekly_quantities ON subscriptions
    FOR EACH ROW WHEN (NEW.default_quantity <> trunc(NEW.default_quantity)
        OR NEW.weekly_quantities::text ~ '[.][0-9]*[1-9]')
    EXECUTE FUNCTION standing_quantities_are_whole();
CREATE TRIGGER tr_subscription_schedules_are_whole
    BEFORE INSERT OR UPDATE OF default_quantity, product_id, weekly_quantities ON subscription_schedules
    FOR EACH ROW WHEN (NEW.default_quantity <> trunc(NEW.default_quantity)
        OR NEW.weekly_quantities::text ~ '[.][0-9]*[1-9]')
    EXECUTE FUNCTION standing_quantities_are_whole();
"""
WHOLE_BEFORE = """
CREATE OR REPLACE FUNCTION standing_quantities_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid := coalesce(to_jsonb(NEW) ->> 'subscription_id', to_jsonb(NEW) ->> 'id')::uuid;
    unit text;
    came_along boolean;
BEGIN
    SELECT p.unit, coalesce(s.legacy_id, to_jsonb(NEW) ->> 'legacy_id') IS NOT NULL INTO unit, came_along
    FROM products p LEFT JOIN subscriptions s ON s.id = wanted
    WHERE p.id = coalesce((to_jsonb(NEW) ->> 'product_id')::uuid, s.product_id);
    IF unit IN ('piece', 'packet', 'dozen')
        AND NOT (TG_OP = 'INSERT' AND came_along) THEN
        RAISE EXCEPTION 'a product that is sold whole is wanted whole'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_standing_quantities_are_whole';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER tr_subscriptions_are_whole ON subscriptions;
CREATE TRIGGER tr_subscriptions_are_whole BEFORE INSERT OR UPDATE OF default_quantity, product_id ON subscriptions
    FOR EACH ROW WHEN (NEW.default_quantity <> trunc(NEW.default_quantity))
    EXECUTE FUNCTION standing_quantities_are_whole();
"""


def upgrade() -> None:
    for each in (TABLE, COLUMN, BOUNDS, WHOLE):
        run(each)


def downgrade() -> None:
    refuse_data_loss(
        "SELECT FROM subscription_schedules UNION ALL SELECT FROM subscriptions WHERE weekly_quantities IS NOT NULL",
        "changes of standing orders and quantities of weekdays",
    )
    run(WHOLE_BEFORE)
    run("""
DROP TRIGGER tr_audit_update ON subscriptions;
CREATE TRIGGER tr_audit_update AFTER UPDATE OF id, customer_id, product_id, mode, default_quantity,
    weekly_pattern, interval_days, anchor_date, shift, price_per_unit, start_date,
    stop_date, status, auto_start, legacy_id,
    requested_by, channel, change_reason ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION audit_row(
        '{created_at,updated_at,last_delivery_date,last_delivery_at,last_delivery_confirmed}', 'id');
ALTER TABLE subscriptions DROP COLUMN weekly_quantities;
ALTER TABLE settings DROP COLUMN max_litre;
ALTER TABLE settings DROP COLUMN max_kg;
ALTER TABLE settings DROP COLUMN max_packet;
ALTER TABLE settings DROP COLUMN max_piece;
ALTER TABLE settings DROP COLUMN max_dozen;
-- squawk-ignore ban-drop-table
DROP TABLE subscription_schedules;
-- squawk-ignore ban-drop-function
DROP FUNCTION schedules_cover_all_days();
COMMENT ON TABLE subscriptions IS 'One product that one customer wants regularly, in one shift.';
""")
