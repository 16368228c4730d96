"""STEP 19: an order knows the standing order it came from; NULL is a one-time order.

Why: without the link nobody can tell generated orders from one-time ones, and one-time ones were never billed.
Locks: ACCESS EXCLUSIVE on orders until the end: columns and backfill are one transaction: nobody sees half of it.
    Nothing serves a database between 0001 and 0006 (docs/dba-guide.md says how long each takes).
Undo: drops the link; refuses while orders are linked unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE orders ADD COLUMN order_type text DEFAULT 'one_time' NOT NULL;
ALTER TABLE orders ADD COLUMN subscription_id uuid;
"""

# Only where one standing order of that customer and product covers the date; anything else stays one-time.
BACKFILL = """
WITH candidates AS (
    SELECT o.id, o.delivery_date, min(s.id::text)::uuid AS subscription_id, count(*) AS fits
    FROM orders o
    JOIN order_items i ON i.order_id = o.id
    JOIN subscriptions s ON s.customer_id = o.customer_id AND s.product_id = i.product_id
        AND o.delivery_date >= s.start_date AND (s.stop_date IS NULL OR o.delivery_date < s.stop_date)
    WHERE o.source = 'generator'
    GROUP BY o.id, o.delivery_date
), sole AS (
    SELECT id, subscription_id, count(*) OVER (PARTITION BY subscription_id, delivery_date) AS rivals
    FROM candidates WHERE fits = 1
)
UPDATE orders o SET subscription_id = sole.subscription_id, order_type = 'subscription'
FROM sole WHERE sole.id = o.id AND sole.rivals = 1;
"""

CONSTRAINTS = """
ALTER TABLE orders ADD CONSTRAINT fk_orders_subscription_of_customer FOREIGN KEY (subscription_id, customer_id)
    REFERENCES subscriptions (id, customer_id) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_subscription_of_customer;
ALTER TABLE orders ADD CONSTRAINT uq_orders_subscription_id_delivery_date UNIQUE (subscription_id, delivery_date);
ALTER TABLE orders ADD CONSTRAINT ck_orders_order_type_known CHECK (order_type IN ('one_time', 'subscription')) NOT
    VALID;
ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_order_type_known;
ALTER TABLE orders ADD CONSTRAINT ck_orders_type_agrees_with_subscription CHECK ((order_type = 'subscription') =
    (subscription_id IS NOT NULL)) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_type_agrees_with_subscription;
"""

TEAR_DOWN = """
ALTER TABLE orders DROP COLUMN subscription_id, DROP COLUMN order_type;
"""


def upgrade() -> None:
    run(COLUMNS)
    run(BACKFILL)
    run(CONSTRAINTS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM orders WHERE subscription_id IS NOT NULL", "the link from orders to standing orders")
    run(TEAR_DOWN)
