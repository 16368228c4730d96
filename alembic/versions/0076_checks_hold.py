"""What 0075 asks of the settings holds for the ones of before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on settings while its row is read: nobody waits.
Undo: nothing. That a constraint is validated cannot be taken back, and need not be: 0075 takes it back.
"""

from dairy_app.common.revisions import run

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
    ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_gst_scheme_known;
    ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_gst_scheme_of_registered;
    ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_gst_scheme_since_finite;
    """)


def downgrade() -> None:
    pass
