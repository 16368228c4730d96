"""What the earlier system's bill records say of imported orders.

Why: an order that was marked as billed there is only proven to be billed by such a record; the others are reviewed.
Locks: its foreign key takes SHARE ROW EXCLUSIVE on orders for a moment.
Undo: drops them; the next import of the dump reads them again.
"""

from dairy_app.common.revisions import run

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE imported_bills (
    id uuid DEFAULT uuid7() NOT NULL,
    order_id uuid NOT NULL,
    amount numeric(12,2) NOT NULL,
    billed_month text,
    is_paid boolean NOT NULL,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_imported_bills PRIMARY KEY (id),
    CONSTRAINT fk_imported_bills_order_id FOREIGN KEY(order_id) REFERENCES orders (id),
    CONSTRAINT uq_imported_bills_legacy_id UNIQUE (legacy_id),
    CONSTRAINT ck_imported_bills_amount_positive CHECK (amount > 0 AND amount <> 'NaN'),
    CONSTRAINT ck_imported_bills_billed_month_format CHECK (billed_month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$')
);
CREATE INDEX ix_imported_bills_order_id ON imported_bills (order_id);
"""


def upgrade() -> None:
    run(TABLE)


def downgrade() -> None:
    run("DROP TABLE imported_bills;")
