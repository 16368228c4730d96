"""The CHECKs that 0009 to 0012 added to tables in use hold for the rows that were there before, too.

Why: adding a CHECK scans the table under a lock that stops everybody; added NOT VALID it binds new rows at once, and
    this scan lets everybody work. It is a revision of its own because both in one transaction would keep the lock.
Locks: SHARE UPDATE EXCLUSIVE on the tables while they are read: nobody waits.
Undo: nothing to do.
"""

from dairy_app.common.revisions import run

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

VALIDATE = """
ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_generation_days_ahead_range;
ALTER TABLE subscriptions VALIDATE CONSTRAINT ck_subscriptions_values_finite;
ALTER TABLE subscriptions VALIDATE CONSTRAINT fk_subscriptions_requested_by;
ALTER TABLE subscriptions VALIDATE CONSTRAINT ck_subscriptions_channel_known;
ALTER TABLE subscriptions VALIDATE CONSTRAINT ck_subscriptions_change_reason_length;
ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_cancelled_by_subscription_fits;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT fk_delivery_statuses_shared_link_id;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_link_confirms_by_link;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT fk_delivery_statuses_corrected_by_user_id;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_corrected_with_reason;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_reason_lengths;
ALTER TABLE delivery_statuses VALIDATE CONSTRAINT ck_delivery_statuses_device_time_finite;
"""


def upgrade() -> None:
    run(VALIDATE)


def downgrade() -> None:
    pass
