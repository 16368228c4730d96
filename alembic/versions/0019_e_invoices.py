"""What the government's portal answers for a registered invoice; whom a billing run was asked for.

Why: the papers of a seller who must register them (CGST Rules r. 48 (4)) bear the portal's number and signed QR code.
    The key of a run was taken for the same run whoever it was to bill. The form of a tax class's code stood in the API
    alone.
Locks: ACCESS EXCLUSIVE on invoices, billing_runs and tax_classes for a moment: columns without a value and CHECKs that
    are NOT VALID do not look at rows; 0020 validates them and builds the index beside the work of others.
Undo: drops them; refuses while an invoice is registered, unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE invoices ADD COLUMN irn text, ADD COLUMN ack_no text, ADD COLUMN ack_date timestamptz,
    ADD COLUMN signed_qr text;
ALTER TABLE invoices ADD CONSTRAINT ck_invoices_registered_whole
    CHECK (num_nulls(irn, ack_no, ack_date, signed_qr) IN (0, 4)) NOT VALID;
ALTER TABLE invoices ADD CONSTRAINT ck_invoices_registered_tax_invoice
    CHECK (irn IS NULL OR (status IN ('issued', 'void') AND document_type IS NOT DISTINCT FROM 'tax_invoice'))
    NOT VALID;
ALTER TABLE invoices ADD CONSTRAINT ck_invoices_irn_format CHECK (irn ~ '^[0-9a-f]{64}$') NOT VALID;
ALTER TABLE invoices ADD CONSTRAINT ck_invoices_ack_no_format CHECK (ack_no ~ '^[0-9]{1,20}$') NOT VALID;
ALTER TABLE invoices ADD CONSTRAINT ck_invoices_signed_qr_format
    CHECK (signed_qr ~ '^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$' AND length(signed_qr) <= 2953) NOT VALID;
ALTER TABLE billing_runs ADD COLUMN customer_ids uuid[];
ALTER TABLE tax_classes ADD CONSTRAINT ck_tax_classes_code_format CHECK (code ~ '^[a-z][a-z0-9_]{1,59}$') NOT VALID;
"""

FROZEN = """
CREATE OR REPLACE FUNCTION invoices_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF OLD.status = 'draft' AND NEW.status IN ('draft', 'issued')
        AND NEW.id = OLD.id AND NEW.customer_id = OLD.customer_id
        AND NEW.companion_of IS NOT DISTINCT FROM OLD.companion_of THEN
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND NEW.status = 'void'
        AND to_jsonb(NEW) - '{status,void_reason,voided_at,voided_by,updated_at}'::text[]
          = to_jsonb(OLD) - '{status,void_reason,voided_at,voided_by,updated_at}'::text[] THEN
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND OLD.irn IS NULL AND NEW.irn IS NOT NULL
        AND to_jsonb(NEW) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[]
          = to_jsonb(OLD) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'invoice % is % and can no longer change', coalesce(OLD.number, OLD.id::text), OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_frozen';
END $$;
"""

FORMER = """
CREATE OR REPLACE FUNCTION invoices_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF OLD.status = 'draft' AND NEW.status IN ('draft', 'issued')
        AND NEW.id = OLD.id AND NEW.customer_id = OLD.customer_id
        AND NEW.companion_of IS NOT DISTINCT FROM OLD.companion_of THEN
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND NEW.status = 'void'
        AND to_jsonb(NEW) - '{status,void_reason,voided_at,voided_by,updated_at}'::text[]
          = to_jsonb(OLD) - '{status,void_reason,voided_at,voided_by,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'invoice % is % and can no longer change', coalesce(OLD.number, OLD.id::text), OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_frozen';
END $$;
"""


def upgrade() -> None:
    run(COLUMNS)
    run(FROZEN)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM invoices WHERE irn IS NOT NULL", "what the portal answered for e-invoices")
    run(FORMER)
    run("""
ALTER TABLE tax_classes DROP CONSTRAINT ck_tax_classes_code_format;
ALTER TABLE billing_runs DROP COLUMN customer_ids;
ALTER TABLE invoices DROP COLUMN irn, DROP COLUMN ack_no, DROP COLUMN ack_date, DROP COLUMN signed_qr;
""")
