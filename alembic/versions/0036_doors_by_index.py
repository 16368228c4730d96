"""The constraints of 0035 hold for the rows that were there before, too; a door's extra order is found by index.

Why: see 0013. At most one order is made beside a confirmed one.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read or indexed: nobody waits.
Undo: drops the index.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

VALIDATE = """
ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_door_extras_known;
ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_door_extra_limit_not_negative;
ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_placed_at_door_of_customer;
ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_placed_at_door_is_door_order;
ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_door_order_came;
ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_source_known;
"""


def upgrade() -> None:
    run(VALIDATE)
    with op.get_context().autocommit_block():
        run("SET client_min_messages = warning;")  # not a word when there is nothing of an attempt that was cut short
        run("DROP INDEX CONCURRENTLY IF EXISTS uq_orders_placed_at_door_of;")
        run(
            "CREATE UNIQUE INDEX CONCURRENTLY uq_orders_placed_at_door_of ON orders (placed_at_door_of)"
            " WHERE placed_at_door_of IS NOT NULL;"
        )
        run("RESET client_min_messages;")


def downgrade() -> None:
    run("DROP INDEX uq_orders_placed_at_door_of;")
