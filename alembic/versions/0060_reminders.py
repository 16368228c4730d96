"""Customers are reminded of what they owe by rules, by the way they want, and not when they do not want it.

Why: reminding was a message by hand for each bill. A rule says after how many days, how often, by which way and at
    which hours not. A customer has a way by which it is told, and kinds of messages that it does not want.
Locks: ACCESS EXCLUSIVE on customers and outbox_messages for a moment: columns with constant defaults, CHECKs that are
    NOT VALID. 0061 validates them.
Undo: refuses while there are rules, or customers that said what they want, unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

RULES = """
CREATE TABLE reminder_rules (
    id uuid DEFAULT uuid7() NOT NULL,
    days_after_due smallint NOT NULL,
    every_days smallint DEFAULT 7 NOT NULL,
    max_times smallint NOT NULL,
    channel text,
    quiet_from time without time zone,
    quiet_to time without time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_reminder_rules PRIMARY KEY (id),
    CONSTRAINT ck_reminder_rules_days_after_due_range CHECK (days_after_due BETWEEN 0 AND 365),
    CONSTRAINT ck_reminder_rules_every_days_range CHECK (every_days BETWEEN 1 AND 365),
    CONSTRAINT ck_reminder_rules_max_times_range CHECK (max_times BETWEEN 1 AND 12),
    CONSTRAINT ck_reminder_rules_channel_known CHECK (channel IN ('whatsapp', 'sms', 'email', 'webhook')),
    CONSTRAINT ck_reminder_rules_quiet_is_a_span
        CHECK (num_nonnulls(quiet_from, quiet_to) IN (0, 2) AND quiet_from <> quiet_to)
);
CREATE UNIQUE INDEX uq_reminder_rules_same ON reminder_rules (days_after_due, coalesce(channel, ''));
COMMENT ON TABLE reminder_rules IS
    'Of each invoice with something open, who pays it is reminded so many days after it was due, and again.';
COMMENT ON COLUMN reminder_rules.days_after_due IS
    'The first reminder is due so many days after the due date; 0: on it.';
COMMENT ON COLUMN reminder_rules.every_days IS 'And the next ones every so many days.';
COMMENT ON COLUMN reminder_rules.max_times IS 'How many reminders of one invoice there are at most.';
COMMENT ON COLUMN reminder_rules.channel IS 'By which way; NULL: the customer''s own, else WhatsApp.';
COMMENT ON COLUMN reminder_rules.quiet_from IS 'From this hour of the dairy''s day nobody is reminded …';
COMMENT ON COLUMN reminder_rules.quiet_to IS '… until this one, perhaps of the next day.';
CREATE TRIGGER tr_audit_insert AFTER INSERT ON reminder_rules REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON reminder_rules REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON reminder_rules
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON reminder_rules REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
"""

WISHES = """
ALTER TABLE customers ADD COLUMN channel text;
ALTER TABLE customers ADD COLUMN messages_off text[] DEFAULT '{}' NOT NULL;
COMMENT ON COLUMN customers.channel IS 'By which way it is told of things; NULL: it has not said so.';
COMMENT ON COLUMN customers.messages_off IS 'The kinds of messages that it does not want.';
ALTER TABLE customers ADD CONSTRAINT ck_customers_channel_known
    CHECK (channel IN ('whatsapp', 'sms', 'email', 'webhook')) NOT VALID;
ALTER TABLE customers ADD CONSTRAINT ck_customers_messages_off_known
    CHECK (messages_off <@ ARRAY['bill', 'payment_received', 'reminder', 'low_balance', 'pause_confirmed',
        'change_confirmed', 'not_delivered'] AND array_position(messages_off, NULL) IS NULL) NOT VALID;
ALTER TABLE outbox_messages ADD COLUMN quiet_from time without time zone;
ALTER TABLE outbox_messages ADD COLUMN quiet_to time without time zone;
COMMENT ON COLUMN outbox_messages.quiet_from IS 'No sender takes it from this hour of the dairy''s day …';
COMMENT ON COLUMN outbox_messages.quiet_to IS '… until this one.';
ALTER TABLE outbox_messages ADD CONSTRAINT ck_outbox_messages_quiet_is_a_span
    CHECK (num_nonnulls(quiet_from, quiet_to) IN (0, 2) AND quiet_from <> quiet_to) NOT VALID;
"""


def upgrade() -> None:
    run(RULES)
    run(WISHES)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM reminder_rules", "rules of reminders")
    refuse_data_loss(
        "SELECT FROM customers WHERE channel IS NOT NULL OR messages_off <> '{}'", "how customers want to be told"
    )
    run("""
    ALTER TABLE outbox_messages DROP COLUMN quiet_to;
    ALTER TABLE outbox_messages DROP COLUMN quiet_from;
    ALTER TABLE customers DROP COLUMN messages_off;
    ALTER TABLE customers DROP COLUMN channel;
    DROP TABLE reminder_rules;
    """)
