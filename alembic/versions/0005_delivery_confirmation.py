"""STEPS 22, 25, 26: who confirmed what, when and from where, and how much really came.

Why: a status alone cannot be billed: billing needs the day and the delivered quantities, an auditor the person.
Locks: a moment of ACCESS EXCLUSIVE on orders and delivery_statuses for each catalogue change; order_items is rewritten
    under it for the generated column. Rows are filled some customers at a time. Cut short, it is run again.
Undo: drops the columns; refuses while deliveries are confirmed unless told.
"""

from dairy_app.common.revisions import in_batches, in_steps, refuse_data_loss, run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS = (
    """
ALTER TABLE orders ADD COLUMN IF NOT EXISTS delivered_on date, ADD COLUMN IF NOT EXISTS delivered_at timestamptz,
    ADD COLUMN IF NOT EXISTS delivery_confirmed boolean DEFAULT false NOT NULL;""",
    """
ALTER TABLE delivery_statuses ADD COLUMN IF NOT EXISTS confirmed_by_user_id uuid,
    ADD COLUMN IF NOT EXISTS confirmed_by_name text, ADD COLUMN IF NOT EXISTS confirmed_at timestamptz,
    ADD COLUMN IF NOT EXISTS confirmation_method text, ADD COLUMN IF NOT EXISTS ip_address inet,
    ADD COLUMN IF NOT EXISTS device_info text, ADD COLUMN IF NOT EXISTS client_event_id uuid,
    ADD COLUMN IF NOT EXISTS device_time timestamptz, ADD COLUMN IF NOT EXISTS latitude numeric(9, 6),
    ADD COLUMN IF NOT EXISTS longitude numeric(9, 6), ADD COLUMN IF NOT EXISTS reason_code text;""",
    "ALTER TABLE order_items ADD COLUMN IF NOT EXISTS delivered_quantity numeric(10, 3);",
    """
ALTER TABLE order_items ADD COLUMN IF NOT EXISTS item_status text GENERATED ALWAYS AS (CASE WHEN delivered_quantity =
    quantity THEN 'full' WHEN delivered_quantity = 0 THEN 'shortage' WHEN delivered_quantity IS NOT NULL THEN 'partial'
    END) STORED;""",
)

# Partly delivered orders carry no quantities in this world: nothing is invented, they are open again for review.
BACKFILL = """
UPDATE orders SET status = 'OUT_FOR_DELIVERY' WHERE status = 'PARTIALLY_DELIVERED' AND customer_id {among};
UPDATE delivery_statuses d SET status = 'not_delivered', delivered_at = NULL,
    notes = concat_ws(E'\\n', d.notes, 'partly delivered, quantities unknown: review')
WHERE d.status = 'partially_delivered' AND d.customer_id {among};
UPDATE order_items i SET delivered_quantity = i.quantity
FROM orders o WHERE o.id = i.order_id AND o.status = 'DELIVERED' AND NOT o.delivery_confirmed
    AND o.customer_id {among};
UPDATE orders o SET delivery_confirmed = true,
    delivered_on = coalesce(d.delivery_date, o.delivery_date),
    delivered_at = coalesce(d.delivered_at, o.delivery_date::timestamp AT TIME ZONE 'Asia/Kolkata')
FROM orders self LEFT JOIN delivery_statuses d ON d.order_id = self.id
WHERE o.id = self.id AND o.status = 'DELIVERED' AND NOT o.delivery_confirmed AND o.customer_id {among}
    AND self.customer_id {among};
UPDATE delivery_statuses SET confirmed_at = coalesce(delivered_at, created_at), confirmation_method = 'import',
    delivered_at = CASE WHEN status = 'delivered' THEN coalesce(delivered_at, created_at) END
WHERE confirmed_at IS NULL AND customer_id {among};
"""

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
CONSTRAINTS = (
    "SET client_min_messages = warning;",
    "ALTER TABLE delivery_statuses ALTER COLUMN confirmed_at SET NOT NULL;",
    "ALTER TABLE delivery_statuses ALTER COLUMN confirmation_method SET NOT NULL;",
    "ALTER TABLE delivery_statuses DROP CONSTRAINT IF EXISTS uq_delivery_statuses_client_event_id;",
    "DROP INDEX CONCURRENTLY IF EXISTS uq_delivery_statuses_client_event_id;",
    "CREATE UNIQUE INDEX CONCURRENTLY uq_delivery_statuses_client_event_id ON delivery_statuses (client_event_id);",
    "ALTER TABLE delivery_statuses ADD CONSTRAINT uq_delivery_statuses_client_event_id"
    " UNIQUE USING INDEX uq_delivery_statuses_client_event_id;",
    """
ALTER TABLE orders DROP CONSTRAINT IF EXISTS ck_orders_dates_finite,
    ADD CONSTRAINT ck_orders_dates_finite
    CHECK (isfinite(delivery_date) AND isfinite(delivered_on) AND isfinite(delivered_at)) NOT VALID;""",
    "ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_dates_finite;",
    """
ALTER TABLE orders DROP CONSTRAINT IF EXISTS ck_orders_delivered_iff_dated,
    ADD CONSTRAINT ck_orders_delivered_iff_dated
    CHECK ((status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) =
    (delivered_on IS NOT NULL) AND (status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) = (delivered_at IS NOT NULL)
    AND (status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) = delivery_confirmed) NOT VALID;""",
    "ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_delivered_iff_dated;",
    """
ALTER TABLE delivery_statuses DROP CONSTRAINT IF EXISTS fk_delivery_statuses_confirmed_by_user_id,
    ADD CONSTRAINT fk_delivery_statuses_confirmed_by_user_id
    FOREIGN KEY (confirmed_by_user_id) REFERENCES users (id) NOT VALID;""",
    "ALTER TABLE delivery_statuses VALIDATE CONSTRAINT fk_delivery_statuses_confirmed_by_user_id;",
    """
ALTER TABLE delivery_statuses DROP CONSTRAINT IF EXISTS ck_delivery_statuses_confirmation_method_known,
    ADD CONSTRAINT ck_delivery_statuses_confirmation_method_known
    CHECK (confirmation_method IN ('delivery_boy', 'shared_link',
    'admin', 'import')) NOT VALID;""",
    "ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_confirmation_method_known;",
    """
ALTER TABLE delivery_statuses DROP CONSTRAINT IF EXISTS ck_delivery_statuses_delivered_has_time,
    ADD CONSTRAINT ck_delivery_statuses_delivered_has_time
    CHECK ((status = 'not_delivered') = (delivered_at IS NULL)) NOT VALID;""",
    "ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_delivered_has_time;",
    """
ALTER TABLE delivery_statuses DROP CONSTRAINT IF EXISTS ck_delivery_statuses_latitude_range,
    ADD CONSTRAINT ck_delivery_statuses_latitude_range
    CHECK (latitude BETWEEN -90 AND 90) NOT VALID;""",
    "ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_latitude_range;",
    """
ALTER TABLE delivery_statuses DROP CONSTRAINT IF EXISTS ck_delivery_statuses_longitude_range,
    ADD CONSTRAINT ck_delivery_statuses_longitude_range
    CHECK (longitude BETWEEN -180 AND 180) NOT VALID;""",
    "ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_longitude_range;",
    """
ALTER TABLE order_items DROP CONSTRAINT IF EXISTS ck_order_items_delivered_within_ordered,
    ADD CONSTRAINT ck_order_items_delivered_within_ordered
    CHECK (delivered_quantity BETWEEN 0 AND quantity) NOT VALID;""",
    "ALTER TABLE order_items VALIDATE CONSTRAINT ck_order_items_delivered_within_ordered;",
    "RESET client_min_messages;",
)

TEAR_DOWN = """
ALTER TABLE delivery_statuses DROP CONSTRAINT ck_delivery_statuses_delivered_has_time,
    DROP COLUMN confirmed_by_user_id, DROP COLUMN confirmed_by_name, DROP COLUMN confirmed_at,
    DROP COLUMN confirmation_method, DROP COLUMN ip_address, DROP COLUMN device_info, DROP COLUMN client_event_id,
    DROP COLUMN device_time, DROP COLUMN latitude, DROP COLUMN longitude, DROP COLUMN reason_code;
ALTER TABLE order_items DROP COLUMN item_status, DROP COLUMN delivered_quantity;
ALTER TABLE orders DROP COLUMN delivered_on, DROP COLUMN delivered_at, DROP COLUMN delivery_confirmed;
"""


def upgrade() -> None:
    in_steps(COLUMNS)
    in_batches(BACKFILL)
    in_steps(CONSTRAINTS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM orders WHERE delivery_confirmed", "who confirmed deliveries, and how much came")
    run(TEAR_DOWN)
