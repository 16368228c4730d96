"""What 0047 asks of products holds for those that were there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on products while they are read: nobody waits.
Undo: nothing to undo.
"""

from dairy_app.common.revisions import run

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("ALTER TABLE products VALIDATE CONSTRAINT fk_products_container_id;")
    run("ALTER TABLE products VALIDATE CONSTRAINT ck_products_container_with_number;")
    run("ALTER TABLE products VALIDATE CONSTRAINT ck_products_containers_per_unit_range;")


def downgrade() -> None:
    """Checks that hold stay."""
