"""A setting: whether the page of a round shows what each customer owes.

Why: many households pay the helper in cash. What they owe is nobody's business otherwise, so it is off.
Locks: ACCESS EXCLUSIVE on settings (one row) for milliseconds.
Undo: the setting is off again.
"""

from dairy_app.common.revisions import run

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
    ALTER TABLE settings ADD COLUMN show_due_at_door boolean DEFAULT false NOT NULL;
    COMMENT ON COLUMN settings.show_due_at_door IS
        'Whether the page of a round shows what each customer owes, to be collected at the door.';
    """)


def downgrade() -> None:
    run("ALTER TABLE settings DROP COLUMN show_due_at_door;")
