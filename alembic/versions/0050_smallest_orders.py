"""A one-time order may have to come to an amount.

Why: going to a door for one packet costs more than the packet brings.
Locks: ACCESS EXCLUSIVE on settings for milliseconds; the next revision validates.
Undo: drops the setting; the amount is forgotten.
"""

from dairy_app.common.revisions import run

revision = "0050"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
    ALTER TABLE settings ADD COLUMN minimum_order_amount numeric(12,2);
    COMMENT ON COLUMN settings.minimum_order_amount IS
        'Rupees that a one-time order comes to at least, unless an admin confirms less; NULL: any amount.';
    ALTER TABLE settings ADD CONSTRAINT ck_settings_minimum_order_amount_not_negative
        CHECK (minimum_order_amount >= 0 AND minimum_order_amount <> 'NaN') NOT VALID;
    """)


def downgrade() -> None:
    run("ALTER TABLE settings DROP COLUMN minimum_order_amount;")
