"""Days on which nothing is brought, and pauses of a whole household.

Why: a holiday or a strike had to be entered in every standing order, and orders made already were cancelled by hand.
    Which closing cancelled an order is kept, so that reopening the day brings back these and no others. What a customer
    paused in one go is known to belong together.
Locks: ACCESS EXCLUSIVE on orders and subscription_pauses for milliseconds each, to add a column without a value: the
    rows stay as they are. 0040 validates and builds the indexes.
Undo: refuses while days are closed, unless told; their orders then stay cancelled.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE closed_days (
    id uuid DEFAULT uuid7() NOT NULL,
    day date NOT NULL,
    shift text,
    area_id uuid,
    reason text NOT NULL,
    deliver_on date,
    closed_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_closed_days PRIMARY KEY (id),
    CONSTRAINT fk_closed_days_area_id FOREIGN KEY (area_id) REFERENCES areas (id),
    CONSTRAINT fk_closed_days_closed_by FOREIGN KEY (closed_by) REFERENCES users (id),
    CONSTRAINT ck_closed_days_shift_known CHECK (shift IN ('morning', 'evening')),
    CONSTRAINT ck_closed_days_days_finite CHECK (isfinite(day) AND isfinite(deliver_on)),
    CONSTRAINT ck_closed_days_deliver_on_another_day CHECK (deliver_on <> day),
    CONSTRAINT ck_closed_days_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
    CONSTRAINT ex_closed_days_once EXCLUDE USING gist (day WITH =, COALESCE(shift, ''::text) WITH =,
        COALESCE(area_id, '00000000-0000-0000-0000-000000000000'::uuid) WITH =)
);
CREATE INDEX ix_closed_days_area_id ON closed_days (area_id);
CREATE INDEX ix_closed_days_deliver_on ON closed_days (deliver_on);
CREATE TRIGGER tr_audit_insert AFTER INSERT ON closed_days REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON closed_days REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON closed_days
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON closed_days REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
COMMENT ON TABLE closed_days IS
    'A day on which nothing is brought: a holiday, a strike. It is never changed, only taken back.';
COMMENT ON COLUMN closed_days.shift IS 'NULL: both.';
COMMENT ON COLUMN closed_days.area_id IS 'With all areas below it; NULL: the whole dairy.';
COMMENT ON COLUMN closed_days.deliver_on IS
    'The day that gets the quantities of this one besides its own; NULL: nothing comes instead.';
"""

COLUMNS = """
ALTER TABLE orders ADD COLUMN closed_day_id uuid;
COMMENT ON COLUMN orders.closed_day_id IS 'The closing that cancelled it; reopening the day brings it back.';
ALTER TABLE orders ADD CONSTRAINT fk_orders_closed_day_id
    FOREIGN KEY (closed_day_id) REFERENCES closed_days (id) ON DELETE SET NULL NOT VALID;
ALTER TABLE orders ADD CONSTRAINT ck_orders_closed_day_fits
    CHECK (closed_day_id IS NULL OR status = 'CANCELLED') NOT VALID;
ALTER TABLE subscription_pauses ADD COLUMN household_pause_id uuid;
COMMENT ON COLUMN subscription_pauses.household_pause_id IS
    'The same in every standing order that the customer paused in one go, until one of them is changed alone.';
"""

TRANSITIONS = """
CREATE OR REPLACE FUNCTION orders_follow_transitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (CASE OLD.status
        WHEN 'PENDING' THEN true
        WHEN 'OUT_FOR_DELIVERY' THEN NEW.status <> 'PENDING'
        WHEN 'CANCELLED' THEN NEW.status = 'PENDING'
            AND (OLD.cancelled_by_subscription OR OLD.closed_day_id IS NOT NULL)
        WHEN 'NOT_DELIVERED' THEN NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'CANCELLED')
        ELSE NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED') END) THEN
        RAISE EXCEPTION 'order % cannot become % from %', NEW.id, NEW.status, OLD.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_follow_transitions';
    END IF;
    RETURN NEW;
END $$;
"""

TRANSITIONS_BEFORE = TRANSITIONS.replace(
    """NEW.status = 'PENDING'
            AND (OLD.cancelled_by_subscription OR OLD.closed_day_id IS NOT NULL)""",
    "NEW.status = 'PENDING' AND OLD.cancelled_by_subscription",
)


def upgrade() -> None:
    run(TABLE)
    run(COLUMNS)
    run(TRANSITIONS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM closed_days", "which days were closed")
    run(TRANSITIONS_BEFORE)
    run("""
ALTER TABLE subscription_pauses DROP COLUMN household_pause_id;
ALTER TABLE orders DROP COLUMN closed_day_id;
DROP TABLE closed_days;
""")
