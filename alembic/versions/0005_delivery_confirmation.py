"""STEPS 22, 25, 26: who confirmed what, when and from where, and how much really came.

Why: a status alone cannot be billed: billing needs the day and the delivered quantities, an auditor the person.
Locks: ACCESS EXCLUSIVE on orders, order_items (rewritten for the generated column) and delivery_statuses.
Undo: drops the columns; refuses while deliveries are confirmed unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE orders ADD COLUMN delivered_on date;
ALTER TABLE orders ADD COLUMN delivered_at timestamptz;
ALTER TABLE orders ADD COLUMN delivery_confirmed boolean DEFAULT false NOT NULL;
ALTER TABLE delivery_statuses ADD COLUMN confirmed_by_user_id uuid;
ALTER TABLE delivery_statuses ADD COLUMN confirmed_by_name text;
ALTER TABLE delivery_statuses ADD COLUMN confirmed_at timestamptz;
ALTER TABLE delivery_statuses ADD COLUMN confirmation_method text;
ALTER TABLE delivery_statuses ADD COLUMN ip_address inet;
ALTER TABLE delivery_statuses ADD COLUMN device_info text;
ALTER TABLE delivery_statuses ADD COLUMN client_event_id uuid;
ALTER TABLE delivery_statuses ADD COLUMN device_time timestamptz;
ALTER TABLE delivery_statuses ADD COLUMN latitude numeric(9, 6);
ALTER TABLE delivery_statuses ADD COLUMN longitude numeric(9, 6);
ALTER TABLE delivery_statuses ADD COLUMN reason_code text;
ALTER TABLE order_items ADD COLUMN delivered_quantity numeric(10, 3);
ALTER TABLE order_items ADD COLUMN item_status text GENERATED ALWAYS AS (CASE WHEN delivered_quantity = quantity THEN
    'full' WHEN delivered_quantity = 0 THEN 'shortage' WHEN delivered_quantity IS NOT NULL THEN 'partial' END) STORED;
"""

# Partly delivered orders carry no quantities in this world: nothing is invented, they are open again for review.
BACKFILL = """
UPDATE orders SET status = 'OUT_FOR_DELIVERY' WHERE status = 'PARTIALLY_DELIVERED';
UPDATE delivery_statuses d SET status = 'not_delivered', delivered_at = NULL,
    notes = concat_ws(E'\\n', d.notes, 'partly delivered, quantities unknown: review')
WHERE d.status = 'partially_delivered';
UPDATE order_items i SET delivered_quantity = i.quantity
FROM orders o WHERE o.id = i.order_id AND o.status = 'DELIVERED';
UPDATE orders o SET delivery_confirmed = true,
    delivered_on = coalesce(d.delivery_date, o.delivery_date),
    delivered_at = coalesce(d.delivered_at, o.delivery_date::timestamp AT TIME ZONE 'Asia/Kolkata')
FROM orders self LEFT JOIN delivery_statuses d ON d.order_id = self.id
WHERE o.id = self.id AND o.status = 'DELIVERED';
UPDATE delivery_statuses SET confirmed_at = coalesce(delivered_at, created_at), confirmation_method = 'import',
    delivered_at = CASE WHEN status = 'delivered' THEN coalesce(delivered_at, created_at) END;
"""

CONSTRAINTS = """
ALTER TABLE delivery_statuses ALTER COLUMN confirmed_at SET NOT NULL;
ALTER TABLE delivery_statuses ALTER COLUMN confirmation_method SET NOT NULL;
ALTER TABLE orders ADD CONSTRAINT ck_orders_dates_finite
    CHECK (isfinite(delivery_date) AND isfinite(delivered_on) AND isfinite(delivered_at)) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_dates_finite;
ALTER TABLE orders ADD CONSTRAINT ck_orders_delivered_iff_dated CHECK ((status IN ('DELIVERED',
    'PARTIALLY_DELIVERED')) = (delivered_on IS NOT NULL) AND (status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) =
    (delivered_at IS NOT NULL) AND (status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) = delivery_confirmed) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_delivered_iff_dated;
ALTER TABLE delivery_statuses ADD CONSTRAINT fk_delivery_statuses_confirmed_by_user_id FOREIGN KEY
    (confirmed_by_user_id) REFERENCES users (id) NOT VALID;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT fk_delivery_statuses_confirmed_by_user_id;
ALTER TABLE delivery_statuses ADD CONSTRAINT uq_delivery_statuses_client_event_id UNIQUE (client_event_id);
ALTER TABLE delivery_statuses ADD CONSTRAINT ck_delivery_statuses_confirmation_method_known CHECK (confirmation_method
    IN ('delivery_boy', 'shared_link', 'admin', 'import')) NOT VALID;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_confirmation_method_known;
ALTER TABLE delivery_statuses ADD CONSTRAINT ck_delivery_statuses_delivered_has_time CHECK ((status = 'not_delivered')
    = (delivered_at IS NULL)) NOT VALID;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_delivered_has_time;
ALTER TABLE delivery_statuses ADD CONSTRAINT ck_delivery_statuses_latitude_range CHECK (latitude BETWEEN -90 AND 90)
    NOT VALID;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_latitude_range;
ALTER TABLE delivery_statuses ADD CONSTRAINT ck_delivery_statuses_longitude_range CHECK (longitude BETWEEN -180 AND
    180) NOT VALID;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_longitude_range;
ALTER TABLE order_items ADD CONSTRAINT ck_order_items_delivered_within_ordered CHECK (delivered_quantity BETWEEN 0 AND
    quantity) NOT VALID;
ALTER TABLE order_items VALIDATE CONSTRAINT ck_order_items_delivered_within_ordered;
"""

TEAR_DOWN = """
ALTER TABLE delivery_statuses DROP CONSTRAINT ck_delivery_statuses_delivered_has_time,
    DROP COLUMN confirmed_by_user_id, DROP COLUMN confirmed_by_name, DROP COLUMN confirmed_at,
    DROP COLUMN confirmation_method, DROP COLUMN ip_address, DROP COLUMN device_info, DROP COLUMN client_event_id,
    DROP COLUMN device_time, DROP COLUMN latitude, DROP COLUMN longitude, DROP COLUMN reason_code;
ALTER TABLE order_items DROP COLUMN item_status, DROP COLUMN delivered_quantity;
ALTER TABLE orders DROP COLUMN delivered_on, DROP COLUMN delivered_at, DROP COLUMN delivery_confirmed;
"""


def upgrade() -> None:
    run(COLUMNS)
    run(BACKFILL)
    run(CONSTRAINTS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM orders WHERE delivery_confirmed", "who confirmed deliveries, and how much came")
    run(TEAR_DOWN)
