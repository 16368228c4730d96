"""Confirming within a round's scope, by a link too.

Why: (being written)
Locks: none.
Undo: nothing yet.
"""

from dairy_app.common.revisions import run

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("SELECT 1;")


def downgrade() -> None:
    run("SELECT 1;")
