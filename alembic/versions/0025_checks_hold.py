"""The CHECKs of 0024 hold for the rows that were there before, too.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read: nobody waits.
Undo: nothing.
"""

from dairy_app.common.revisions import run

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

VALIDATE = """
ALTER TABLE login_attempts VALIDATE CONSTRAINT ck_login_attempts_kind_known;
ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_invoice_link_days_range;
ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_map_link_leads_to_a_map;
ALTER TABLE products VALIDATE CONSTRAINT ck_products_minimum_price_not_negative;
"""


def upgrade() -> None:
    run(VALIDATE)


def downgrade() -> None:
    pass
