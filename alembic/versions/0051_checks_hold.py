"""What 0050 asks of the settings holds for those that were there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on settings while they are read: nobody waits.
Undo: nothing to undo.
"""

from dairy_app.common.revisions import run

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_minimum_order_amount_not_negative;")


def downgrade() -> None:
    """Checks that hold stay."""
