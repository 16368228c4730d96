"""What 0055 asks of the settings holds for those that were there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on settings while its row is read: nobody waits.
Undo: nothing to take back.
"""

from dairy_app.common.revisions import run

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_event_days_range;")


def downgrade() -> None:
    """Nothing to take back: 0055 drops the constraint."""
