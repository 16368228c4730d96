"""What 0077 asks of the lines of bank statements holds for those of before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on bank_statement_lines while its rows are read: nobody waits.
Undo: nothing. That a constraint is validated cannot be taken back, and need not be: 0077 takes it back.
"""

from dairy_app.common.revisions import run

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
    ALTER TABLE bank_statement_lines VALIDATE CONSTRAINT fk_bank_statement_lines_dismissed_by;
    ALTER TABLE bank_statement_lines VALIDATE CONSTRAINT ck_bank_statement_lines_only_what_came_in_is_dismissed;
    ALTER TABLE bank_statement_lines VALIDATE CONSTRAINT ck_bank_statement_lines_dismissed_whole;
    ALTER TABLE bank_statement_lines VALIDATE CONSTRAINT ck_bank_statement_lines_dismissed_reason_length;
    """)


def downgrade() -> None:
    pass
