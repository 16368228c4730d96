"""A credit note keeps what the government's portal answered, and the dairy says where it is.

Why: credit notes to registered buyers are registered with the portal as their invoices are (CGST Rules r. 48 (4)), and
    what it is sent names place and PIN code of the seller apart from the address.
Locks: ACCESS EXCLUSIVE on credit_notes and settings for a moment each: columns without a value, and checks that do not
    read the table. 0070 validates, and builds the index.
Undo: drops the columns; refused while a credit note is registered, because the document must bear its number.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

NOTES = """
ALTER TABLE credit_notes ADD COLUMN irn text, ADD COLUMN ack_no text,
    ADD COLUMN ack_date timestamp with time zone, ADD COLUMN signed_qr text;
ALTER TABLE credit_notes
    ADD CONSTRAINT ck_credit_notes_registered_whole
        CHECK (num_nulls(irn, ack_no, ack_date, signed_qr) IN (0, 4)) NOT VALID,
    ADD CONSTRAINT ck_credit_notes_irn_format CHECK (irn ~ '^[0-9a-f]{64}$') NOT VALID,
    ADD CONSTRAINT ck_credit_notes_ack_no_format CHECK (ack_no ~ '^[0-9]{1,20}$') NOT VALID,
    ADD CONSTRAINT ck_credit_notes_signed_qr_format CHECK (
        signed_qr ~ '^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$' AND length(signed_qr) <= 2953) NOT VALID;
COMMENT ON COLUMN credit_notes.irn IS
    'What the government''s portal answered when the note was registered there, as of an invoice. Written once.';
CREATE OR REPLACE FUNCTION credit_notes_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'credit_notes' AND TG_OP = 'UPDATE' THEN
        IF follows_merge(OLD.customer_id, NEW.customer_id)
            AND NEW.issued_to = coalesce(OLD.issued_to, OLD.customer_id)
            AND to_jsonb(NEW) - '{customer_id,issued_to,updated_at}'::text[]
              = to_jsonb(OLD) - '{customer_id,issued_to,updated_at}'::text[] THEN
            RETURN NEW;
        ELSIF OLD.irn IS NULL AND NEW.irn IS NOT NULL
            AND EXISTS (SELECT FROM invoices WHERE id = OLD.invoice_id AND document_type = 'tax_invoice')
            AND to_jsonb(NEW) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[]
              = to_jsonb(OLD) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[] THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a credit note is written once'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_frozen';
END $$;
"""

NOTES_BEFORE = """
CREATE OR REPLACE FUNCTION credit_notes_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'credit_notes' AND TG_OP = 'UPDATE' THEN
        IF follows_merge(OLD.customer_id, NEW.customer_id)
            AND NEW.issued_to = coalesce(OLD.issued_to, OLD.customer_id)
            AND to_jsonb(NEW) - '{customer_id,issued_to,updated_at}'::text[]
              = to_jsonb(OLD) - '{customer_id,issued_to,updated_at}'::text[] THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a credit note is written once'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_frozen';
END $$;
ALTER TABLE credit_notes DROP COLUMN irn, DROP COLUMN ack_no, DROP COLUMN ack_date, DROP COLUMN signed_qr;
"""

SETTINGS = """
ALTER TABLE settings ADD COLUMN city text, ADD COLUMN pincode text;
COMMENT ON COLUMN settings.city IS
    'Where the dairy is, for e-invoices, which want place and PIN code apart from the address.';
ALTER TABLE settings
    ADD CONSTRAINT ck_settings_city_length CHECK (length(city) BETWEEN 1 AND 100) NOT VALID,
    ADD CONSTRAINT ck_settings_pincode_format CHECK (pincode ~ '^[1-9][0-9]{5}$') NOT VALID;
"""


def upgrade() -> None:
    run(NOTES)
    run(SETTINGS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM credit_notes WHERE irn IS NOT NULL", "what the portal answered for credit notes")
    run("ALTER TABLE settings DROP COLUMN city, DROP COLUMN pincode;")
    run(NOTES_BEFORE)
