"""What 0045 brought holds for what was there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on subscriptions and settings while they are read: nobody waits.
Undo: nothing to undo.
"""

from dairy_app.common.revisions import run

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("ALTER TABLE subscriptions VALIDATE CONSTRAINT ck_subscriptions_weekly_quantities_fit_pattern;")
    run("ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_largest_quantities_above_zero;")


def downgrade() -> None:
    pass
