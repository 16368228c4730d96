"""Cash that a helper without a login takes at a door is noted over the link of his round.

Why: it was written on paper until the office typed it in. It is a payment like those of a helper with a login, which he
    hands over; the link over which it was noted, and the phone's key, stand with it. Off until the dairy wants it.
Locks: ACCESS EXCLUSIVE on payments, settings and shared_link_events for milliseconds; the next revision validates and
    builds the index.
Undo: refused while there is such cash: over which link it came would be lost.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
    ALTER TABLE settings ADD COLUMN cash_over_links boolean DEFAULT false NOT NULL;
    COMMENT ON COLUMN settings.cash_over_links IS
        'Whether who has the link of a helper''s round may note the cash that he takes there.';
    ALTER TABLE payments ADD COLUMN shared_link_id uuid;
    ALTER TABLE payments ADD COLUMN client_event_id uuid;
    COMMENT ON COLUMN payments.shared_link_id IS
        'The link over which it was noted, and the phone''s own key of it.';
    ALTER TABLE payments ADD CONSTRAINT fk_payments_shared_link_id
        FOREIGN KEY (shared_link_id) REFERENCES shared_links (id) NOT VALID;
    ALTER TABLE payments ADD CONSTRAINT ck_payments_links_take_cash
        CHECK (shared_link_id IS NULL OR (method = 'cash' AND collected_by IS NOT NULL)) NOT VALID;
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE shared_link_events DROP CONSTRAINT ck_shared_link_events_action_known;
    ALTER TABLE shared_link_events ADD CONSTRAINT ck_shared_link_events_action_known
        CHECK (action IN ('round', 'confirm', 'unlock', 'request', 'payment')) NOT VALID;
    """)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM payments WHERE shared_link_id IS NOT NULL", "over which links cash was noted")
    run("""
    DELETE FROM shared_link_events WHERE action = 'payment';
    ALTER TABLE shared_link_events DROP CONSTRAINT ck_shared_link_events_action_known;
    ALTER TABLE shared_link_events ADD CONSTRAINT ck_shared_link_events_action_known
        CHECK (action IN ('round', 'confirm', 'unlock', 'request')) NOT VALID;
    ALTER TABLE payments DROP COLUMN client_event_id;
    ALTER TABLE payments DROP COLUMN shared_link_id;
    ALTER TABLE settings DROP COLUMN cash_over_links;
    """)
