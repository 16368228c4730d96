"""STEP 21: a customer has at most one login, a login at most one customer.

Why: customers had no login, or one login several customers.
Locks: ACCESS EXCLUSIVE on customers for the catalogue change; the backfill locks the rows it links.
Undo: drops the link; refuses while customers are linked unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = """
CREATE TABLE unlinked_customers (
    customer_id uuid NOT NULL,
    reason text NOT NULL,
    candidates uuid[] NOT NULL,
    CONSTRAINT pk_unlinked_customers PRIMARY KEY (customer_id),
    CONSTRAINT fk_unlinked_customers_customer_id FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE
);
ALTER TABLE customers ADD COLUMN user_id uuid;
"""

# First by phone, then by the e-mail pattern of the earlier system; only where both sides have one candidate.
BACKFILL = """
WITH pairs AS (
    SELECT c.id, u.id AS user_id, count(*) OVER (PARTITION BY c.id) AS users,
        count(*) OVER (PARTITION BY u.id) AS customers
    FROM customers c JOIN users u ON u.phone = c.phone AND u.role = 'customer'
)
UPDATE customers c SET user_id = pairs.user_id
FROM pairs WHERE pairs.id = c.id AND pairs.users = 1 AND pairs.customers = 1;
WITH pairs AS (
    SELECT c.id, u.id AS user_id, count(*) OVER (PARTITION BY c.id) AS users,
        count(*) OVER (PARTITION BY u.id) AS customers
    FROM customers c
    JOIN users u ON u.role = 'customer' AND u.email LIKE 'customer-' || coalesce(c.legacy_id, c.id::text) || '@' || '%'
    WHERE c.user_id IS NULL AND NOT EXISTS (SELECT FROM customers other WHERE other.user_id = u.id)
)
UPDATE customers c SET user_id = pairs.user_id
FROM pairs WHERE pairs.id = c.id AND pairs.users = 1 AND pairs.customers = 1;
INSERT INTO unlinked_customers (customer_id, reason, candidates)
SELECT c.id, 'several customers share the phone of a login', array_agg(u.id)
FROM customers c JOIN users u ON u.phone = c.phone AND u.role = 'customer'
WHERE c.user_id IS NULL GROUP BY c.id;
"""

CONSTRAINTS = """
ALTER TABLE customers ADD CONSTRAINT fk_customers_user_id FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
ALTER TABLE customers VALIDATE CONSTRAINT fk_customers_user_id;
ALTER TABLE customers ADD CONSTRAINT uq_customers_user_id UNIQUE (user_id);
"""

TEAR_DOWN = """
DROP TABLE unlinked_customers;
ALTER TABLE customers DROP COLUMN user_id;
"""


def upgrade() -> None:
    run(COLUMNS)
    run(BACKFILL)
    run(CONSTRAINTS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM customers WHERE user_id IS NOT NULL", "the link from customers to their logins")
    run(TEAR_DOWN)
