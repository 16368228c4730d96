"""Links to one round for a helper without a login, and the requests that come through them.

Why: (being written)
Locks: none.
Undo: nothing yet.
"""

from dairy_app.common.revisions import run

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("SELECT 1;")


def downgrade() -> None:
    run("SELECT 1;")
