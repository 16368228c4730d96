"""Changes of standing orders: overrides, pauses, quantities from a day on.

Why: (being written)
Locks: none.
Undo: nothing yet.
"""

from dairy_app.common.revisions import run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("SELECT 1;")


def downgrade() -> None:
    run("SELECT 1;")
