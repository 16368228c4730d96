"""What 0073 asks of credit notes, settings and events holds for those of before, too; an IRN is one note's.

Why: see 0013.
Locks: SHARE UPDATE EXCLUSIVE on each table while it is read or indexed: nobody waits. Cut short, it is run again.
Undo: drops the index, which waits for who reads or writes credit notes; with all that is undone beside it, or not.
"""

from dairy_app.common.revisions import in_steps, run

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    in_steps(
        [
            "SET client_min_messages = warning;",
            "ALTER TABLE credit_notes VALIDATE CONSTRAINT ck_credit_notes_registered_whole;",
            "ALTER TABLE credit_notes VALIDATE CONSTRAINT ck_credit_notes_irn_format;",
            "ALTER TABLE credit_notes VALIDATE CONSTRAINT ck_credit_notes_ack_no_format;",
            "ALTER TABLE credit_notes VALIDATE CONSTRAINT ck_credit_notes_signed_qr_format;",
            "ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_city_length;",
            "ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_pincode_format;",
            "ALTER TABLE settings VALIDATE CONSTRAINT ck_settings_debit_note_series_format;",
            "ALTER TABLE events VALIDATE CONSTRAINT ck_events_kind_known;",
            "ALTER TABLE webhook_endpoints VALIDATE CONSTRAINT ck_webhook_endpoints_kinds_known;",
            "DROP INDEX CONCURRENTLY IF EXISTS uq_credit_notes_irn;",
            "CREATE UNIQUE INDEX CONCURRENTLY uq_credit_notes_irn ON credit_notes (irn) WHERE irn IS NOT NULL;",
            "RESET client_min_messages;",
        ]
    )


def downgrade() -> None:
    run("DROP INDEX uq_credit_notes_irn;")
