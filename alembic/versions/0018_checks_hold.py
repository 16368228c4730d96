"""The CHECKs that 0017 added to the settings hold for the row that was there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on the table while it is read: nobody waits.
Undo: nothing to do.
"""

from dairy_app.common.revisions import run

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

VALIDATE = """
ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_second_language_format;
ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_invoice_footer_length;
ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_invoice_link_version_range;
"""


def upgrade() -> None:
    run(VALIDATE)


def downgrade() -> None:
    pass
