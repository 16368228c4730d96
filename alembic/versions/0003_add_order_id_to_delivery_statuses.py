"""STEP 20: a delivery status belongs to an existing order, one row per order.

Why: delivery rows that point to no order are how deliveries went unbilled.
Locks: a moment of ACCESS EXCLUSIVE on delivery_statuses for each catalogue change (that order_id is there always is
    looked at under it), and of SHARE ROW EXCLUSIVE on orders for the foreign key; rows are matched some customers at a
    time. Cut short, it is run again.
Undo: drops the link and puts the rows set aside for review back; refuses while rows are linked unless told.
"""

from dairy_app.common.revisions import in_batches, in_steps, refuse_data_loss, run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = (
    """
CREATE TABLE IF NOT EXISTS unlinked_delivery_statuses (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    delivery_date date NOT NULL,
    reason text NOT NULL,
    document jsonb NOT NULL,
    CONSTRAINT pk_unlinked_delivery_statuses PRIMARY KEY (id)
);""",
    "ALTER TABLE delivery_statuses ADD COLUMN IF NOT EXISTS order_id uuid;",
)

# A row is linked when the customer has exactly one order on that date and no other row claims it. The rest is
# set aside for review, never guessed.
BACKFILL = """
WITH pairs AS (
    SELECT d.id, o.id AS order_id, count(*) OVER (PARTITION BY d.id) AS orders,
        count(*) OVER (PARTITION BY o.id) AS rows
    FROM delivery_statuses d JOIN orders o ON o.customer_id = d.customer_id AND o.delivery_date = d.delivery_date
    WHERE d.customer_id {among}
)
UPDATE delivery_statuses d SET order_id = pairs.order_id
FROM pairs WHERE pairs.id = d.id AND pairs.orders = 1 AND pairs.rows = 1 AND d.order_id IS NULL;
WITH aside AS (
    DELETE FROM delivery_statuses d WHERE order_id IS NULL AND customer_id {among} RETURNING d.*
)
INSERT INTO unlinked_delivery_statuses (id, customer_id, delivery_date, reason, document)
SELECT a.id, a.customer_id, a.delivery_date,
    CASE WHEN EXISTS (SELECT FROM orders o
        WHERE o.customer_id = a.customer_id AND o.delivery_date = a.delivery_date)
    THEN 'several orders or rows on that day' ELSE 'no order on that day' END,
    to_jsonb(a) - 'order_id'
FROM aside a;
"""

#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
CONSTRAINTS = (
    "SET client_min_messages = warning;",
    "ALTER TABLE delivery_statuses ALTER COLUMN order_id SET NOT NULL;",
    """
ALTER TABLE delivery_statuses DROP CONSTRAINT IF EXISTS fk_delivery_statuses_order_of_customer,
    ADD CONSTRAINT fk_delivery_statuses_order_of_customer FOREIGN KEY (order_id, customer_id)
    REFERENCES orders (id, customer_id) NOT VALID;""",
    "ALTER TABLE delivery_statuses VALIDATE CONSTRAINT fk_delivery_statuses_order_of_customer;",
    "ALTER TABLE delivery_statuses DROP CONSTRAINT IF EXISTS uq_delivery_statuses_order_id;",
    "DROP INDEX CONCURRENTLY IF EXISTS uq_delivery_statuses_order_id;",
    "CREATE UNIQUE INDEX CONCURRENTLY uq_delivery_statuses_order_id ON delivery_statuses (order_id);",
    "ALTER TABLE delivery_statuses ADD CONSTRAINT uq_delivery_statuses_order_id"
    " UNIQUE USING INDEX uq_delivery_statuses_order_id;",
    "RESET client_min_messages;",
)

TEAR_DOWN = """
ALTER TABLE delivery_statuses DROP COLUMN order_id;
INSERT INTO delivery_statuses
SELECT (jsonb_populate_record(NULL::delivery_statuses, document)).* FROM unlinked_delivery_statuses;
DROP TABLE unlinked_delivery_statuses;
"""


def upgrade() -> None:
    in_steps(COLUMNS)
    in_batches(BACKFILL)
    in_steps(CONSTRAINTS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM delivery_statuses", "the link from delivery statuses to orders")
    run(TEAR_DOWN)
