"""What 0063 asks of settings and of uses of links holds for those that were there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read: nobody waits.
Undo: nothing to undo.
"""

from dairy_app.common.revisions import run

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
    ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_photo_days_range;
    ALTER TABLE shared_link_events VALIDATE CONSTRAINT ck_shared_link_events_action_known;
    """)


def downgrade() -> None:
    pass
