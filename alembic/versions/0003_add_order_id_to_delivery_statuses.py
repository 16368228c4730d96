"""STEP 20: a delivery status belongs to an existing order, one row per order.

Why: delivery rows that point to no order are how deliveries went unbilled.
Locks: ACCESS EXCLUSIVE on delivery_statuses while its rows are matched and order_id becomes NOT NULL; SHARE ROW
    EXCLUSIVE on orders from the foreign key on (writers wait, readers do not).
Undo: drops the link and puts the rows set aside for review back; refuses while rows are linked unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = """
CREATE TABLE unlinked_delivery_statuses (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    delivery_date date NOT NULL,
    reason text NOT NULL,
    document jsonb NOT NULL,
    CONSTRAINT pk_unlinked_delivery_statuses PRIMARY KEY (id)
);
ALTER TABLE delivery_statuses ADD COLUMN order_id uuid;
"""

# A row is linked when the customer has exactly one order on that date and no other row claims it. The rest is
# set aside for review, never guessed.
BACKFILL = """
WITH pairs AS (
    SELECT d.id, o.id AS order_id, count(*) OVER (PARTITION BY d.id) AS orders,
        count(*) OVER (PARTITION BY o.id) AS rows
    FROM delivery_statuses d JOIN orders o ON o.customer_id = d.customer_id AND o.delivery_date = d.delivery_date
)
UPDATE delivery_statuses d SET order_id = pairs.order_id
FROM pairs WHERE pairs.id = d.id AND pairs.orders = 1 AND pairs.rows = 1;
WITH aside AS (
    DELETE FROM delivery_statuses d WHERE order_id IS NULL RETURNING d.*
)
INSERT INTO unlinked_delivery_statuses (id, customer_id, delivery_date, reason, document)
SELECT a.id, a.customer_id, a.delivery_date,
    CASE WHEN EXISTS (SELECT FROM orders o
        WHERE o.customer_id = a.customer_id AND o.delivery_date = a.delivery_date)
    THEN 'several orders or rows on that day' ELSE 'no order on that day' END,
    to_jsonb(a) - 'order_id'
FROM aside a;
"""

CONSTRAINTS = """
ALTER TABLE delivery_statuses ALTER COLUMN order_id SET NOT NULL;
ALTER TABLE delivery_statuses ADD CONSTRAINT fk_delivery_statuses_order_of_customer FOREIGN KEY (order_id,
    customer_id) REFERENCES orders (id, customer_id) NOT VALID;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT fk_delivery_statuses_order_of_customer;
ALTER TABLE delivery_statuses ADD CONSTRAINT uq_delivery_statuses_order_id UNIQUE (order_id);
"""

TEAR_DOWN = """
ALTER TABLE delivery_statuses DROP COLUMN order_id;
INSERT INTO delivery_statuses
SELECT (jsonb_populate_record(NULL::delivery_statuses, document)).* FROM unlinked_delivery_statuses;
DROP TABLE unlinked_delivery_statuses;
"""


def upgrade() -> None:
    run(COLUMNS)
    run(BACKFILL)
    run(CONSTRAINTS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM delivery_statuses", "the link from delivery statuses to orders")
    run(TEAR_DOWN)
