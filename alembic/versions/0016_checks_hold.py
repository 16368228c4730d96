"""The CHECK that 0014 added to the settings holds for the row that was there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on the table while it is read: nobody waits.
Undo: nothing to do.
"""

from dairy_app.common.revisions import run

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_credit_note_series_format;")


def downgrade() -> None:
    pass
