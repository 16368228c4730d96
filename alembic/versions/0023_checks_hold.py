"""The CHECKs of 0022 hold for the rows that were there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read: nobody waits.
Undo: nothing.
"""

from dairy_app.common.revisions import run

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

VALIDATE = """
ALTER TABLE login_attempts VALIDATE CONSTRAINT ck_login_attempts_kind_known;
"""


def upgrade() -> None:
    run(VALIDATE)


def downgrade() -> None:
    pass
