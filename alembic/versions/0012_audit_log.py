"""Who changed what, and when.

Why: (being written)
Locks: none.
Undo: nothing yet.
"""

from dairy_app.common.revisions import run

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("SELECT 1;")


def downgrade() -> None:
    run("SELECT 1;")
