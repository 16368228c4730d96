"""Where the orders of a document were delivered is read from an index.

Why: what was sold by area asks for the area of every order of a month's documents, and read all of these orders. With
    the area in the index on their documents it reads the index alone, which is hardly larger: the orders of a document
    mostly have one area, so their entries are kept as one.
Locks: SHARE UPDATE EXCLUSIVE on orders while they are indexed: nobody waits.
Undo: builds the replaced index again, orders take no writes meanwhile.
"""

from alembic import op

from dairy_app.common.revisions import run

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        run("SET client_min_messages = warning;")  # not a word when there is nothing of an attempt that was cut short
        run("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_invoice_area;")
        run(
            "CREATE INDEX CONCURRENTLY ix_orders_invoice_area ON orders (invoice_id, area_id)"
            " WHERE invoice_id IS NOT NULL;"
        )
        run("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_invoice;")
        run("RESET client_min_messages;")


def downgrade() -> None:
    run("CREATE INDEX ix_orders_invoice ON orders (invoice_id) WHERE invoice_id IS NOT NULL;")
    run("DROP INDEX ix_orders_invoice_area;")
