"""STEP 19: an order knows the standing order it came from; NULL is a one-time order.

Why: without the link nobody can tell generated orders from one-time ones, and one-time ones were never billed.
Locks: a moment of ACCESS EXCLUSIVE on orders for each catalogue change; rows are linked some customers at a time, and
    everything else lets readers and writers pass. Cut short, it is run again.
Undo: drops the link; refuses while orders are linked unless told.
"""

from dairy_app.common.revisions import in_batches, in_steps, refuse_data_loss, run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = (
    "ALTER TABLE orders ADD COLUMN IF NOT EXISTS order_type text DEFAULT 'one_time' NOT NULL;",
    "ALTER TABLE orders ADD COLUMN IF NOT EXISTS subscription_id uuid;",
)

# Only where one standing order of that customer and product covers the date; anything else stays one-time.
BACKFILL = """
WITH candidates AS (
    SELECT o.id, o.delivery_date, min(s.id::text)::uuid AS subscription_id, count(*) AS fits
    FROM orders o
    JOIN order_items i ON i.order_id = o.id
    JOIN subscriptions s ON s.customer_id = o.customer_id AND s.product_id = i.product_id
        AND o.delivery_date >= s.start_date AND (s.stop_date IS NULL OR o.delivery_date < s.stop_date)
    WHERE o.source = 'generator' AND o.customer_id {among}
    GROUP BY o.id, o.delivery_date
), sole AS (
    SELECT id, subscription_id, count(*) OVER (PARTITION BY subscription_id, delivery_date) AS rivals
    FROM candidates WHERE fits = 1
)
UPDATE orders o SET subscription_id = sole.subscription_id, order_type = 'subscription'
FROM sole WHERE sole.id = o.id AND sole.rivals = 1 AND o.subscription_id IS NULL;
"""

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
CONSTRAINTS = (
    "SET client_min_messages = warning;",
    """
ALTER TABLE orders DROP CONSTRAINT IF EXISTS fk_orders_subscription_of_customer,
    ADD CONSTRAINT fk_orders_subscription_of_customer FOREIGN KEY (subscription_id, customer_id)
    REFERENCES subscriptions (id, customer_id) NOT VALID;""",
    "ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_subscription_of_customer;",
    "ALTER TABLE orders DROP CONSTRAINT IF EXISTS uq_orders_subscription_id_delivery_date;",
    "DROP INDEX CONCURRENTLY IF EXISTS uq_orders_subscription_id_delivery_date;",
    "CREATE UNIQUE INDEX CONCURRENTLY uq_orders_subscription_id_delivery_date"
    " ON orders (subscription_id, delivery_date);",
    "ALTER TABLE orders ADD CONSTRAINT uq_orders_subscription_id_delivery_date"
    " UNIQUE USING INDEX uq_orders_subscription_id_delivery_date;",
    """
ALTER TABLE orders DROP CONSTRAINT IF EXISTS ck_orders_order_type_known, ADD CONSTRAINT ck_orders_order_type_known
    CHECK (order_type IN ('one_time', 'subscription')) NOT VALID;""",
    "ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_order_type_known;",
    """
ALTER TABLE orders DROP CONSTRAINT IF EXISTS ck_orders_type_agrees_with_subscription,
    ADD CONSTRAINT ck_orders_type_agrees_with_subscription
    CHECK ((order_type = 'subscription') = (subscription_id IS NOT NULL)) NOT VALID;""",
    "ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_type_agrees_with_subscription;",
    "RESET client_min_messages;",
)

TEAR_DOWN = """
ALTER TABLE orders DROP COLUMN subscription_id, DROP COLUMN order_type;
"""


def upgrade() -> None:
    in_steps(COLUMNS)
    in_batches(BACKFILL)
    in_steps(CONSTRAINTS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM orders WHERE subscription_id IS NOT NULL", "the link from orders to standing orders")
    run(TEAR_DOWN)
