"""What 0079 asks of the settings holds for those of before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on settings, which has one row: nobody waits.
Undo: nothing. That a constraint is validated cannot be taken back, and need not be: 0079 takes it back.
"""

from dairy_app.common.revisions import run

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
    ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_archived_whole_months;
    ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_archived_books_stay_closed;
    """)


def downgrade() -> None:
    pass
