"""What 0065 asks of failed tries holds for those that were there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on login_attempts while it is read: nobody waits.
Undo: nothing to undo.
"""

from dairy_app.common.revisions import run

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("ALTER TABLE login_attempts VALIDATE CONSTRAINT ck_login_attempts_kind_known;")


def downgrade() -> None:
    pass
