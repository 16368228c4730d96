"""A dairy says its bills and reminders in its own words.

Why: the words were the program's; a dairy speaks to its customers as it is used to, and a gateway wants the words that
    were registered with it.
Locks: none on tables in use: the table is new.
Undo: drops the table; refused while there are words in it.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("""
CREATE TABLE message_templates (
    id uuid DEFAULT uuid7() NOT NULL,
    kind text NOT NULL,
    channel text,
    language text NOT NULL,
    subject text,
    body text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_message_templates PRIMARY KEY (id),
    CONSTRAINT ck_message_templates_kind_known CHECK (kind IN ('bill', 'reminder')),
    CONSTRAINT ck_message_templates_channel_known CHECK (channel IN ('whatsapp', 'sms', 'email', 'webhook')),
    CONSTRAINT ck_message_templates_language_format CHECK (language ~ '^[a-z]{2,3}$'),
    CONSTRAINT ck_message_templates_subject_of_email
        CHECK (subject IS NULL OR channel IS NULL OR channel = 'email'),
    CONSTRAINT ck_message_templates_subject_length CHECK (length(subject) BETWEEN 1 AND 200),
    CONSTRAINT ck_message_templates_body_length CHECK (length(body) BETWEEN 1 AND 2000)
);
CREATE UNIQUE INDEX uq_message_templates_same ON message_templates (kind, language, coalesce(channel, ''));
COMMENT ON TABLE message_templates IS
    'The dairy''s own words for a kind of message, in a language, by one channel or by all.';
COMMENT ON COLUMN message_templates.channel IS 'NULL: every channel that has no words of its own.';
COMMENT ON COLUMN message_templates.subject IS 'Of an e-mail; NULL: as usual.';
COMMENT ON COLUMN message_templates.body IS
    'With names in braces, for example {name}, for what the message tells.';
CREATE TRIGGER tr_audit_insert AFTER INSERT ON message_templates REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON message_templates REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON message_templates
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON message_templates REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
""")


def downgrade() -> None:
    refuse_data_loss("SELECT FROM message_templates", "own words for messages")
    run("DROP TABLE message_templates;")
