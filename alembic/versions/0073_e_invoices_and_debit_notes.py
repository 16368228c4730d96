"""Credit notes keep what the government's portal answered, and there are debit notes (CGST Act s. 34 (3)).

Why: credit notes to registered buyers are registered with the portal as their invoices are (CGST Rules r. 48 (4)), and
    what it is sent names place and PIN code of the seller apart from the address. Who was charged too little got no
    document for the rest; a debit note is one, with a series and a due date of its own.
Locks: ACCESS EXCLUSIVE on credit_notes, settings, events and webhook_endpoints for a moment each: columns without a
    value or with a constant default, and checks that do not read the table. SHARE ROW EXCLUSIVE on invoices,
    invoice_lines, customers and users for the foreign keys of new, empty tables. 0074 validates, and builds the index.
Undo: drops tables and columns; refused while a credit note is registered or there are debit notes, because a document
    must bear its number and the balances of customers would change.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0073"
down_revision = "0072"
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
"""

TABLES = """
CREATE TABLE debit_notes (
    id UUID DEFAULT uuid7() NOT NULL,
    customer_id UUID NOT NULL,
    invoice_id UUID NOT NULL,
    series TEXT NOT NULL,
    financial_year TEXT NOT NULL,
    sequence_no INTEGER NOT NULL,
    number TEXT NOT NULL,
    note_date DATE NOT NULL,
    due_date DATE NOT NULL,
    reason TEXT NOT NULL,
    snapshot JSONB NOT NULL,
    place_of_supply TEXT,
    taxable_value NUMERIC(12, 2) NOT NULL,
    exempt_value NUMERIC(12, 2) NOT NULL,
    cgst NUMERIC(12, 2) NOT NULL,
    sgst NUMERIC(12, 2) NOT NULL,
    igst NUMERIC(12, 2) NOT NULL,
    total NUMERIC(12, 2) NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    issued_by UUID NOT NULL,
    document_hash TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash_version SMALLINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    issued_to UUID,
    irn TEXT,
    ack_no TEXT,
    ack_date TIMESTAMP WITH TIME ZONE,
    signed_qr TEXT,
    CONSTRAINT pk_debit_notes PRIMARY KEY (id),
    CONSTRAINT fk_debit_notes_invoice_of_customer FOREIGN KEY(invoice_id, customer_id)
        REFERENCES invoices (id, customer_id) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT fk_debit_notes_issued_to FOREIGN KEY(issued_to) REFERENCES customers (id),
    CONSTRAINT fk_debit_notes_issued_by FOREIGN KEY(issued_by) REFERENCES users (id),
    CONSTRAINT uq_debit_notes_id_invoice_id UNIQUE (id, invoice_id),
    CONSTRAINT uq_debit_notes_series_financial_year_sequence_no UNIQUE (series, financial_year, sequence_no),
    CONSTRAINT uq_debit_notes_financial_year_number UNIQUE (financial_year, number),
    CONSTRAINT ck_debit_notes_number_format CHECK (number ~ '^[A-Z0-9/-]{1,16}$'),
    CONSTRAINT ck_debit_notes_date_finite CHECK (isfinite(note_date) AND isfinite(due_date)),
    CONSTRAINT ck_debit_notes_due_not_before_date CHECK (due_date >= note_date),
    CONSTRAINT ck_debit_notes_total_adds_up CHECK (total = taxable_value + exempt_value + cgst + sgst + igst),
    CONSTRAINT ck_debit_notes_total_positive CHECK (total > 0),
    CONSTRAINT ck_debit_notes_one_kind_of_gst CHECK (igst = 0 OR (cgst = 0 AND sgst = 0)),
    CONSTRAINT ck_debit_notes_cgst_equals_sgst CHECK (cgst = sgst),
    CONSTRAINT ck_debit_notes_reason_length CHECK (length(reason) BETWEEN 3 AND 500),
    CONSTRAINT ck_debit_notes_issued_to_another CHECK (issued_to <> customer_id),
    CONSTRAINT ck_debit_notes_registered_whole CHECK (num_nulls(irn, ack_no, ack_date, signed_qr) IN (0, 4)),
    CONSTRAINT ck_debit_notes_irn_format CHECK (irn ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_debit_notes_ack_no_format CHECK (ack_no ~ '^[0-9]{1,20}$'),
    CONSTRAINT ck_debit_notes_signed_qr_format
        CHECK (signed_qr ~ '^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$'
        AND length(signed_qr) <= 2953)
);
CREATE INDEX ix_debit_notes_customer ON debit_notes (customer_id, note_date);
CREATE INDEX ix_debit_notes_date ON debit_notes (note_date, id);
CREATE INDEX ix_debit_notes_invoice ON debit_notes (invoice_id);
CREATE UNIQUE INDEX uq_debit_notes_irn ON debit_notes (irn) WHERE irn IS NOT NULL;
CREATE TABLE debit_note_lines (
    debit_note_id UUID NOT NULL,
    line_no INTEGER NOT NULL,
    invoice_id UUID NOT NULL,
    invoice_line_no INTEGER NOT NULL,
    quantity NUMERIC(10, 3),
    taxable_value NUMERIC(12, 2) NOT NULL,
    cgst NUMERIC(12, 2) NOT NULL,
    sgst NUMERIC(12, 2) NOT NULL,
    igst NUMERIC(12, 2) NOT NULL,
    line_total NUMERIC(12, 2) NOT NULL,
    CONSTRAINT pk_debit_note_lines PRIMARY KEY (debit_note_id, line_no),
    CONSTRAINT fk_debit_note_lines_note_of_invoice FOREIGN KEY(debit_note_id, invoice_id)
        REFERENCES debit_notes (id, invoice_id),
    CONSTRAINT fk_debit_note_lines_line_of_invoice FOREIGN KEY(invoice_id, invoice_line_no)
        REFERENCES invoice_lines (invoice_id, line_no),
    CONSTRAINT uq_debit_note_lines_debit_note_id_invoice_line_no UNIQUE (debit_note_id, invoice_line_no),
    CONSTRAINT ck_debit_note_lines_line_no_positive CHECK (line_no > 0),
    CONSTRAINT ck_debit_note_lines_line_adds_up
        CHECK (CASE WHEN taxable_value <> 0 THEN line_total = taxable_value + cgst + sgst + igst
        ELSE cgst = 0 AND sgst = 0 AND igst = 0 END),
    CONSTRAINT ck_debit_note_lines_above_zero
        CHECK (quantity > 0 AND line_total > 0
        AND taxable_value >= 0 AND least(cgst, sgst, igst) >= 0),
    CONSTRAINT ck_debit_note_lines_cgst_equals_sgst CHECK (cgst = sgst)
);
CREATE INDEX ix_debit_note_lines_invoice_line ON debit_note_lines (invoice_id, invoice_line_no);
CREATE TRIGGER tr_audit_insert AFTER INSERT ON debit_notes REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON debit_notes REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON debit_notes
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON debit_notes REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
COMMENT ON TABLE debit_note_lines
    IS 'What a debit note charges more on one invoice line; goods, HSN and rate are those of that line.';
COMMENT ON COLUMN debit_note_lines.quantity IS 'NULL when an amount was charged without goods.';
COMMENT ON TABLE debit_notes
    IS 'A numbered paper that charges more on one issued invoice (CGST Act s. 34 (3)). Frozen from birth.';
COMMENT ON COLUMN debit_notes.snapshot IS 'Buyer and seller as they were at the invoice''s issue.';
COMMENT ON COLUMN debit_notes.total IS 'Not rounded to the whole rupee: the invoice was.';
COMMENT ON COLUMN debit_notes.issued_to IS 'As of an invoice.';
COMMENT ON COLUMN debit_notes.irn
    IS 'What the government''s portal answered when the note was registered there, as of an invoice. Written once.';
CREATE FUNCTION debit_notes_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'debit_notes' AND TG_OP = 'UPDATE' THEN
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
    RAISE EXCEPTION 'a debit note is written once'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_frozen';
END $$;
CREATE TRIGGER tr_debit_notes_frozen BEFORE UPDATE OR DELETE ON debit_notes
    FOR EACH ROW EXECUTE FUNCTION debit_notes_frozen();
CREATE TRIGGER tr_debit_note_lines_frozen BEFORE UPDATE OR DELETE ON debit_note_lines
    FOR EACH ROW EXECUTE FUNCTION debit_notes_frozen();
CREATE FUNCTION debit_notes_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    note debit_notes;
    paper invoices;
    is_interstate boolean;
BEGIN
    IF TG_TABLE_NAME = 'debit_notes' THEN
        note := NEW;
    ELSE
        SELECT * INTO note FROM debit_notes WHERE id = NEW.debit_note_id;
    END IF;
    SELECT * INTO paper FROM invoices WHERE id = note.invoice_id FOR NO KEY UPDATE;
    is_interstate := paper.place_of_supply IS DISTINCT FROM paper.snapshot #>> '{seller,state_code}';
    IF note.note_date <= returns_filed_through((note.issued_at AT TIME ZONE (SELECT time_zone FROM settings))::date)
        THEN
        RAISE EXCEPTION 'debit note % is dated into a month whose return is filed', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_after_return';
    ELSIF paper.status <> 'issued' THEN
        RAISE EXCEPTION 'debit note % belongs to an invoice that is %', note.number, paper.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_on_issued';
    ELSIF note.note_date < paper.invoice_date THEN
        RAISE EXCEPTION 'debit note % is dated before its invoice', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_after_invoice';
    ELSIF (SELECT (coalesce(sum(k.taxable_value), 0), coalesce(sum(k.cgst), 0), coalesce(sum(k.sgst), 0),
                coalesce(sum(k.igst), 0), coalesce(sum(k.line_total), 0))
            FROM debit_note_lines k WHERE k.debit_note_id = note.id)
        IS DISTINCT FROM (note.taxable_value, note.cgst, note.sgst, note.igst, note.total) THEN
        RAISE EXCEPTION 'debit note % does not equal its lines', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_add_up';
    ELSIF EXISTS (SELECT FROM debit_note_lines k
        JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
        WHERE k.debit_note_id = note.id AND (l.line_total < 0 OR (l.gst_rate = 0) <> (k.taxable_value = 0)
            OR CASE WHEN is_interstate THEN k.cgst <> 0 ELSE k.igst <> 0 END
            OR abs(k.cgst + k.sgst + k.igst - k.taxable_value * l.gst_rate / 100) > 0.02)) THEN
        RAISE EXCEPTION 'debit note % is not at the rates of its invoice', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_debit_notes_at_rates';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_debit_notes_add_up AFTER INSERT ON debit_notes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION debit_notes_add_up();
CREATE CONSTRAINT TRIGGER tr_debit_note_lines_add_up AFTER INSERT ON debit_note_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION debit_notes_add_up();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON debit_notes EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON debit_note_lines EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_events_insert AFTER INSERT ON debit_notes REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_money('number', 'debit_note', 'issued');
"""

SETTINGS = """
ALTER TABLE settings ADD COLUMN city text, ADD COLUMN pincode text;
COMMENT ON COLUMN settings.city IS
    'Where the dairy is, for e-invoices, which want place and PIN code apart from the address.';
ALTER TABLE settings
    ADD CONSTRAINT ck_settings_city_length CHECK (length(city) BETWEEN 1 AND 100) NOT VALID,
    ADD CONSTRAINT ck_settings_pincode_format CHECK (pincode ~ '^[1-9][0-9]{5}$') NOT VALID;
-- A series that the dairy uses for other documents already is left to them.
ALTER TABLE settings ADD COLUMN debit_note_series text DEFAULT 'DN' NOT NULL;
UPDATE settings SET debit_note_series = CASE
    WHEN 'DBN' IN (invoice_series, credit_note_series) THEN 'DRN' ELSE 'DBN' END
WHERE 'DN' IN (invoice_series, credit_note_series)
    OR EXISTS (SELECT FROM number_series n WHERE n.series = 'DN');
ALTER TABLE settings ADD CONSTRAINT ck_settings_debit_note_series_format CHECK (
    debit_note_series ~ '^[A-Z]{1,3}$' AND debit_note_series NOT IN (invoice_series, credit_note_series)) NOT VALID;
"""

KINDS = """
-- squawk-ignore ban-drop-constraint
ALTER TABLE events DROP CONSTRAINT ck_events_kind_known;
ALTER TABLE events ADD CONSTRAINT ck_events_kind_known CHECK (kind IN (
        'order.placed', 'order.cancelled', 'delivery.confirmed', 'delivery.corrected', 'invoice.issued',
        'invoice.voided', 'credit_note.issued', 'debit_note.issued', 'payment.received', 'payment.reversed',
        'refund.paid', 'refund.reversed', 'customer.created', 'customer.changed', 'subscription.changed')) NOT VALID;
-- squawk-ignore ban-drop-constraint
ALTER TABLE webhook_endpoints DROP CONSTRAINT ck_webhook_endpoints_kinds_known;
ALTER TABLE webhook_endpoints ADD CONSTRAINT ck_webhook_endpoints_kinds_known CHECK (kinds <@
    '{order.placed,order.cancelled,delivery.confirmed,delivery.corrected,invoice.issued,'
        'invoice.voided,credit_note.issued,debit_note.issued,payment.received,payment.reversed,'
        'refund.paid,refund.reversed,customer.created,customer.changed,subscription.changed}') NOT VALID;
"""

KINDS_BEFORE = """
-- squawk-ignore ban-drop-constraint
ALTER TABLE events DROP CONSTRAINT ck_events_kind_known;
ALTER TABLE events ADD CONSTRAINT ck_events_kind_known CHECK (kind IN (
        'order.placed', 'order.cancelled', 'delivery.confirmed', 'delivery.corrected', 'invoice.issued',
        'invoice.voided', 'credit_note.issued', 'payment.received', 'payment.reversed', 'refund.paid',
        'refund.reversed', 'customer.created', 'customer.changed', 'subscription.changed')) NOT VALID;
-- squawk-ignore ban-drop-constraint
ALTER TABLE webhook_endpoints DROP CONSTRAINT ck_webhook_endpoints_kinds_known;
ALTER TABLE webhook_endpoints ADD CONSTRAINT ck_webhook_endpoints_kinds_known CHECK (kinds <@
    '{order.placed,order.cancelled,delivery.confirmed,delivery.corrected,'
        'invoice.issued,invoice.voided,credit_note.issued,payment.received,'
        'payment.reversed,refund.paid,refund.reversed,customer.created,'
        'customer.changed,subscription.changed}') NOT VALID;
"""

FUNCTIONS = """
CREATE OR REPLACE FUNCTION credit_notes_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    note credit_notes;
    paper_status text;
BEGIN
    IF TG_TABLE_NAME = 'credit_notes' THEN
        note := NEW;
    ELSE
        SELECT * INTO note FROM credit_notes WHERE id = NEW.credit_note_id;
    END IF;
    SELECT status INTO paper_status FROM invoices WHERE id = note.invoice_id FOR NO KEY UPDATE;
    IF note.note_date <= returns_filed_through((note.issued_at AT TIME ZONE (SELECT time_zone FROM settings))::date)
        THEN
        RAISE EXCEPTION 'credit note % is dated into a month whose return is filed', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_after_return';
    ELSIF paper_status <> 'issued' THEN
        RAISE EXCEPTION 'credit note % belongs to an invoice that is %', note.number, paper_status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_on_issued';
    ELSIF (SELECT (coalesce(sum(k.taxable_value), 0), coalesce(sum(k.cgst), 0), coalesce(sum(k.sgst), 0),
                coalesce(sum(k.igst), 0), coalesce(sum(k.line_total), 0))
            FROM credit_note_lines k WHERE k.credit_note_id = note.id)
        IS DISTINCT FROM (note.taxable_value, note.cgst, note.sgst, note.igst, note.total - note.round_off) THEN
        RAISE EXCEPTION 'credit note % does not equal its lines', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_add_up';
    ELSIF EXISTS (SELECT FROM credit_note_lines k
        JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
        WHERE k.credit_note_id = note.id AND k.quantity <> trunc(k.quantity) AND l.quantity = trunc(l.quantity)
            AND l.unit IN ('piece', 'packet', 'dozen') AND l.product_id IS NOT NULL) THEN
        RAISE EXCEPTION 'credit note % takes back a part of what is sold whole', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_whole';
    ELSIF EXISTS (
        SELECT FROM invoice_lines l JOIN (
            SELECT k.invoice_line_no, sum(k.quantity) AS quantity, sum(k.taxable_value) AS taxable_value,
                sum(k.cgst) AS cgst, sum(k.igst) AS igst, sum(k.line_total) AS line_total,
                min(k.line_total * sign(l.line_total)) AS least
            FROM credit_note_lines k
            JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
            WHERE k.invoice_id = note.invoice_id GROUP BY 1) taken
            ON taken.invoice_line_no = l.line_no
        LEFT JOIN (SELECT k.invoice_line_no, sum(k.quantity) AS quantity, sum(k.taxable_value) AS taxable_value,
                sum(k.cgst) AS cgst, sum(k.igst) AS igst, sum(k.line_total) AS line_total
            FROM debit_note_lines k JOIN debit_notes n ON n.id = k.debit_note_id AND n.note_date <= note.note_date
            WHERE k.invoice_id = note.invoice_id GROUP BY 1) more ON more.invoice_line_no = l.line_no
        CROSS JOIN LATERAL (SELECT abs(l.quantity) + coalesce(more.quantity, 0) AS quantity,
            l.line_total + coalesce(more.line_total, 0) AS line_total,
            l.taxable_value + coalesce(more.taxable_value, 0) AS taxable_value,
            l.cgst + coalesce(more.cgst, 0) AS cgst, l.igst + coalesce(more.igst, 0) AS igst) charged
        WHERE l.invoice_id = note.invoice_id AND (abs(taken.quantity) > charged.quantity OR taken.least <= 0
            OR taken.line_total NOT BETWEEN least(charged.line_total, 0) AND greatest(charged.line_total, 0)
            OR taken.taxable_value NOT BETWEEN least(charged.taxable_value, 0) AND greatest(charged.taxable_value, 0)
            OR taken.cgst NOT BETWEEN least(charged.cgst, 0) AND greatest(charged.cgst, 0)
            OR taken.igst NOT BETWEEN least(charged.igst, 0) AND greatest(charged.igst, 0))) THEN
        RAISE EXCEPTION 'credit note % takes back more than a line has', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_within_lines';
    END IF;
    RETURN NULL;
END $$;
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
CREATE OR REPLACE FUNCTION series_stay_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM credit_notes WHERE series IN (NEW.invoice_series, NEW.debit_note_series))
        OR EXISTS (SELECT FROM invoices WHERE series IN (NEW.credit_note_series, NEW.debit_note_series))
        OR EXISTS (SELECT FROM debit_notes WHERE series IN (NEW.invoice_series, NEW.credit_note_series)) THEN
        RAISE EXCEPTION 'a series is of invoices, of credit notes or of debit notes, never of several'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_settings_series_stay_apart';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION invoices_void_keeps_no_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders WHERE invoice_id = NEW.id)
        OR EXISTS (SELECT FROM adjustments WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'orders or adjustments still stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_keeps_no_orders';
    ELSIF EXISTS (SELECT FROM credit_notes WHERE invoice_id = NEW.id)
        OR EXISTS (SELECT FROM debit_notes WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'credit or debit notes stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_has_no_notes';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION invoices_reduced_within_total() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper invoices;
    day date := coalesce(to_jsonb(NEW) ->> 'note_date', to_jsonb(NEW) ->> 'written_off_on')::date;
BEGIN
    SELECT * INTO paper FROM invoices WHERE id = NEW.invoice_id FOR NO KEY UPDATE;
    IF paper.status <> 'issued' OR paper.total + (SELECT coalesce(sum(n.total), 0) FROM debit_notes n
        WHERE n.invoice_id = NEW.invoice_id AND n.note_date <= day) < (SELECT coalesce(sum(amount), 0) FROM (
            SELECT total AS amount FROM credit_notes WHERE invoice_id = NEW.invoice_id
            UNION ALL SELECT amount FROM write_offs WHERE invoice_id = NEW.invoice_id) taken) THEN
        RAISE EXCEPTION 'more is taken back than invoice % has', coalesce(paper.number, NEW.invoice_id::text)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_reduced_within_total';
    ELSIF paper.invoice_date > day THEN
        RAISE EXCEPTION 'invoice % is taken back before its date', paper.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_reduced_after_date';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE VIEW customer_ledger AS
SELECT customer_id, as_of AS entry_date, 1 AS place, 'opening' AS kind, NULL::text AS document, id AS document_id,
    greatest(amount, 0)::numeric(12,2) AS debit, greatest(-amount, 0)::numeric(12,2) AS credit
FROM opening_balances
UNION ALL
SELECT customer_id, invoice_date, 2, 'invoice', number, id, total, 0::numeric(12,2)
FROM invoices WHERE status IN ('issued', 'void')
UNION ALL
SELECT customer_id, invoice_date, 3, 'void', number, id, 0::numeric(12,2), total
FROM invoices WHERE status = 'void'
UNION ALL
SELECT customer_id, note_date, 4, 'credit_note', number, id, 0::numeric(12,2), total FROM credit_notes
UNION ALL
SELECT customer_id, received_on, 5, 'payment', receipt_no, id, 0::numeric(12,2), amount FROM payments
UNION ALL
SELECT customer_id, reversed_on, 6, 'reversal', receipt_no, id, amount, 0::numeric(12,2)
FROM payments WHERE status = 'reversed'
UNION ALL
SELECT customer_id, written_off_on, 7, 'write_off', NULL, id, 0::numeric(12,2), amount FROM write_offs
UNION ALL
SELECT customer_id, paid_on, 8, 'refund', voucher_no, id, amount, 0::numeric(12,2) FROM refunds
UNION ALL
SELECT customer_id, reversed_on, 9, 'refund_reversal', voucher_no, id, 0::numeric(12,2), amount
FROM refunds WHERE status = 'reversed'
UNION ALL
SELECT customer_id, note_date, 4, 'debit_note', number, id, total, 0::numeric(12,2) FROM debit_notes;
CREATE OR REPLACE FUNCTION open_items(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, kind text, document_id uuid, document text, document_date date, due_date date, amount numeric,
    open numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY WITH
own AS (
    SELECT t.*, sum(t.amount) OVER (PARTITION BY t.invoice_id ORDER BY t.day, t.kind, t.id) AS upto FROM (
        SELECT n.invoice_id, 'credit_note' AS kind, n.id, n.total AS amount, n.note_date AS day FROM credit_notes n
        WHERE n.note_date <= p_as_of AND (p_customers IS NULL OR n.customer_id = ANY (p_customers))
        UNION ALL
        SELECT w.invoice_id, 'write_off', w.id, w.amount, w.written_off_on FROM write_offs w
        WHERE w.invoice_id IS NOT NULL AND w.written_off_on <= p_as_of
            AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
    ) t
), taken AS (
    SELECT invoice_id, sum(amount) AS amount FROM own GROUP BY 1
), debits AS (
    SELECT b.customer_id, 'opening' AS kind, b.id, NULL::text AS document, b.as_of AS day, b.as_of AS due_day,
        b.amount, b.amount AS net, NULL::uuid AS own_of, NULL::numeric AS own_upto
    FROM opening_balances b
    WHERE b.amount > 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT i.customer_id, 'invoice', i.id, i.number, i.invoice_date, i.due_date, i.total,
        greatest(i.total - coalesce(t.amount, 0), 0), i.id, i.total
    FROM invoices i LEFT JOIN taken t ON t.invoice_id = i.id
    WHERE i.status = 'issued' AND i.invoice_date <= p_as_of
        AND (p_customers IS NULL OR i.customer_id = ANY (p_customers))
    UNION ALL
    SELECT n.customer_id, 'debit_note', n.id, n.number, n.note_date, n.due_date, n.total,
        n.total - least(greatest(coalesce(t.amount, 0) - n.own_upto + n.total, 0), n.total), n.invoice_id, n.own_upto
    FROM (
        SELECT d.*, i.total + sum(d.total) OVER (PARTITION BY d.invoice_id ORDER BY d.note_date, d.id) AS own_upto
        FROM debit_notes d JOIN invoices i ON i.id = d.invoice_id
        WHERE d.note_date <= p_as_of AND (p_customers IS NULL OR d.customer_id = ANY (p_customers))
    ) n LEFT JOIN taken t ON t.invoice_id = n.invoice_id
), received AS (
    SELECT p.customer_id, 'payment' AS kind, p.id, p.received_on AS day, p.amount FROM payments p
    WHERE p.received_on <= p_as_of AND (p.reversed_on IS NULL OR p.reversed_on > p_as_of)
        AND (p_customers IS NULL OR p.customer_id = ANY (p_customers))
    UNION ALL
    SELECT b.customer_id, 'opening', b.id, b.as_of, -b.amount FROM opening_balances b
    WHERE b.amount < 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT w.customer_id, 'write_off', w.id, w.written_off_on, w.amount FROM write_offs w
    WHERE w.invoice_id IS NULL AND w.written_off_on <= p_as_of
        AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
), chosen AS (
    SELECT c.payment_id, c.invoice_id, greatest(least(c.upto, d.net) - (c.upto - c.amount), 0) AS amount
    FROM (
        SELECT a.payment_id, a.invoice_id, a.amount,
            sum(a.amount) OVER (PARTITION BY a.invoice_id ORDER BY a.allocated_on, a.id) AS upto
        FROM payment_allocations a JOIN received p ON p.kind = 'payment' AND p.id = a.payment_id
        WHERE a.allocated_on <= p_as_of AND (a.released_on IS NULL OR a.released_on > p_as_of)
            AND (p_customers IS NULL OR a.customer_id = ANY (p_customers))
    ) c JOIN debits d ON d.kind = 'invoice' AND d.id = c.invoice_id
), money AS (
    SELECT r.*, r.amount - coalesce(c.amount, 0) AS rest,
        sum(r.amount - coalesce(c.amount, 0)) OVER (PARTITION BY r.customer_id ORDER BY r.day, r.kind, r.id) AS upto
    FROM received r
    LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.payment_id = r.id
), refunded AS (
    SELECT r.customer_id, r.id, r.voucher_no, r.paid_on AS day, r.amount,
        sum(r.amount) OVER (PARTITION BY r.customer_id ORDER BY r.paid_on, r.id) AS upto
    FROM refunds r
    WHERE r.paid_on <= p_as_of AND (r.reversed_on IS NULL OR r.reversed_on > p_as_of)
        AND (p_customers IS NULL OR r.customer_id = ANY (p_customers))
), returned AS (
    SELECT b.customer_id, coalesce(sum(m.rest), 0) AS had, least(b.amount, coalesce(sum(m.rest), 0)) AS amount
    FROM (SELECT r.customer_id, sum(r.amount) AS amount, max(r.day) AS day FROM refunded r GROUP BY 1) b
    LEFT JOIN money m ON m.customer_id = b.customer_id AND m.day <= b.day
    GROUP BY b.customer_id, b.amount
), owed AS (
    SELECT d.*, d.net - coalesce(c.amount, 0) AS rest,
        sum(d.net - coalesce(c.amount, 0))
            OVER (PARTITION BY d.customer_id ORDER BY d.day, d.kind DESC, d.document, d.id) AS upto
    FROM (
        SELECT * FROM debits
        UNION ALL
        SELECT r.customer_id, 'refund', r.id, r.voucher_no, r.day, r.day, r.amount,
            greatest(r.upto - greatest(b.amount, r.upto - r.amount), 0), NULL, NULL
        FROM refunded r JOIN returned b ON b.customer_id = r.customer_id
    ) d
    LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.invoice_id = d.id
), free AS (
    SELECT m.customer_id, m.kind, m.id, m.rest - (s.returned_upto - s.returned_before) AS rest,
        m.upto - s.returned_upto AS upto, s.returned_before, s.returned_upto
    FROM money m LEFT JOIN returned b ON b.customer_id = m.customer_id
    CROSS JOIN LATERAL (SELECT
        coalesce(least(greatest(m.upto - m.rest - b.had + b.amount, 0), b.amount), 0) AS returned_before,
        coalesce(least(greatest(m.upto - b.had + b.amount, 0), b.amount), 0) AS returned_upto) s
), pools AS (
    SELECT f.customer_id, sum(f.rest) AS amount FROM free f GROUP BY 1
)
SELECT o.customer_id, o.kind, o.id, o.document, o.day, o.due_day, o.amount,
    least(greatest(o.upto - coalesce(p.amount, 0), 0), o.rest)
FROM owed o LEFT JOIN pools p ON p.customer_id = o.customer_id
UNION ALL
SELECT p.customer_id, 'credit', NULL, NULL, NULL, NULL, 0, coalesce(w.amount, 0) - p.amount
FROM pools p LEFT JOIN (SELECT o.customer_id, sum(o.rest) AS amount FROM owed o GROUP BY 1) w
    ON w.customer_id = p.customer_id
WHERE p.amount > coalesce(w.amount, 0);
END $$;
CREATE OR REPLACE FUNCTION applications(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, credit_kind text, credit_id uuid, debit_kind text, debit_id uuid, amount numeric,
    is_chosen boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY WITH
own AS (
    SELECT t.*, sum(t.amount) OVER (PARTITION BY t.invoice_id ORDER BY t.day, t.kind, t.id) AS upto FROM (
        SELECT n.invoice_id, 'credit_note' AS kind, n.id, n.total AS amount, n.note_date AS day FROM credit_notes n
        WHERE n.note_date <= p_as_of AND (p_customers IS NULL OR n.customer_id = ANY (p_customers))
        UNION ALL
        SELECT w.invoice_id, 'write_off', w.id, w.amount, w.written_off_on FROM write_offs w
        WHERE w.invoice_id IS NOT NULL AND w.written_off_on <= p_as_of
            AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
    ) t
), taken AS (
    SELECT invoice_id, sum(amount) AS amount FROM own GROUP BY 1
), debits AS (
    SELECT b.customer_id, 'opening' AS kind, b.id, NULL::text AS document, b.as_of AS day, b.as_of AS due_day,
        b.amount, b.amount AS net, NULL::uuid AS own_of, NULL::numeric AS own_upto
    FROM opening_balances b
    WHERE b.amount > 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT i.customer_id, 'invoice', i.id, i.number, i.invoice_date, i.due_date, i.total,
        greatest(i.total - coalesce(t.amount, 0), 0), i.id, i.total
    FROM invoices i LEFT JOIN taken t ON t.invoice_id = i.id
    WHERE i.status = 'issued' AND i.invoice_date <= p_as_of
        AND (p_customers IS NULL OR i.customer_id = ANY (p_customers))
    UNION ALL
    SELECT n.customer_id, 'debit_note', n.id, n.number, n.note_date, n.due_date, n.total,
        n.total - least(greatest(coalesce(t.amount, 0) - n.own_upto + n.total, 0), n.total), n.invoice_id, n.own_upto
    FROM (
        SELECT d.*, i.total + sum(d.total) OVER (PARTITION BY d.invoice_id ORDER BY d.note_date, d.id) AS own_upto
        FROM debit_notes d JOIN invoices i ON i.id = d.invoice_id
        WHERE d.note_date <= p_as_of AND (p_customers IS NULL OR d.customer_id = ANY (p_customers))
    ) n LEFT JOIN taken t ON t.invoice_id = n.invoice_id
), received AS (
    SELECT p.customer_id, 'payment' AS kind, p.id, p.received_on AS day, p.amount FROM payments p
    WHERE p.received_on <= p_as_of AND (p.reversed_on IS NULL OR p.reversed_on > p_as_of)
        AND (p_customers IS NULL OR p.customer_id = ANY (p_customers))
    UNION ALL
    SELECT b.customer_id, 'opening', b.id, b.as_of, -b.amount FROM opening_balances b
    WHERE b.amount < 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT w.customer_id, 'write_off', w.id, w.written_off_on, w.amount FROM write_offs w
    WHERE w.invoice_id IS NULL AND w.written_off_on <= p_as_of
        AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
), chosen AS (
    SELECT c.payment_id, c.invoice_id, greatest(least(c.upto, d.net) - (c.upto - c.amount), 0) AS amount
    FROM (
        SELECT a.payment_id, a.invoice_id, a.amount,
            sum(a.amount) OVER (PARTITION BY a.invoice_id ORDER BY a.allocated_on, a.id) AS upto
        FROM payment_allocations a JOIN received p ON p.kind = 'payment' AND p.id = a.payment_id
        WHERE a.allocated_on <= p_as_of AND (a.released_on IS NULL OR a.released_on > p_as_of)
            AND (p_customers IS NULL OR a.customer_id = ANY (p_customers))
    ) c JOIN debits d ON d.kind = 'invoice' AND d.id = c.invoice_id
), money AS (
    SELECT r.*, r.amount - coalesce(c.amount, 0) AS rest,
        sum(r.amount - coalesce(c.amount, 0)) OVER (PARTITION BY r.customer_id ORDER BY r.day, r.kind, r.id) AS upto
    FROM received r
    LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.payment_id = r.id
), refunded AS (
    SELECT r.customer_id, r.id, r.voucher_no, r.paid_on AS day, r.amount,
        sum(r.amount) OVER (PARTITION BY r.customer_id ORDER BY r.paid_on, r.id) AS upto
    FROM refunds r
    WHERE r.paid_on <= p_as_of AND (r.reversed_on IS NULL OR r.reversed_on > p_as_of)
        AND (p_customers IS NULL OR r.customer_id = ANY (p_customers))
), returned AS (
    SELECT b.customer_id, coalesce(sum(m.rest), 0) AS had, least(b.amount, coalesce(sum(m.rest), 0)) AS amount
    FROM (SELECT r.customer_id, sum(r.amount) AS amount, max(r.day) AS day FROM refunded r GROUP BY 1) b
    LEFT JOIN money m ON m.customer_id = b.customer_id AND m.day <= b.day
    GROUP BY b.customer_id, b.amount
), owed AS (
    SELECT d.*, d.net - coalesce(c.amount, 0) AS rest,
        sum(d.net - coalesce(c.amount, 0))
            OVER (PARTITION BY d.customer_id ORDER BY d.day, d.kind DESC, d.document, d.id) AS upto
    FROM (
        SELECT * FROM debits
        UNION ALL
        SELECT r.customer_id, 'refund', r.id, r.voucher_no, r.day, r.day, r.amount,
            greatest(r.upto - greatest(b.amount, r.upto - r.amount), 0), NULL, NULL
        FROM refunded r JOIN returned b ON b.customer_id = r.customer_id
    ) d
    LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.invoice_id = d.id
), free AS (
    SELECT m.customer_id, m.kind, m.id, m.rest - (s.returned_upto - s.returned_before) AS rest,
        m.upto - s.returned_upto AS upto, s.returned_before, s.returned_upto
    FROM money m LEFT JOIN returned b ON b.customer_id = m.customer_id
    CROSS JOIN LATERAL (SELECT
        coalesce(least(greatest(m.upto - m.rest - b.had + b.amount, 0), b.amount), 0) AS returned_before,
        coalesce(least(greatest(m.upto - b.had + b.amount, 0), b.amount), 0) AS returned_upto) s
)
SELECT d.customer_id, o.kind, o.id, d.kind, d.id,
    least(o.upto, d.own_upto) - greatest(o.upto - o.amount, d.own_upto - d.amount), true
FROM own o JOIN debits d ON d.own_of = o.invoice_id
    AND o.upto > d.own_upto - d.amount AND d.own_upto > o.upto - o.amount
UNION ALL
SELECT d.customer_id, 'payment', c.payment_id, 'invoice', d.id, c.amount, true
FROM chosen c JOIN debits d ON d.kind = 'invoice' AND d.id = c.invoice_id WHERE c.amount > 0
UNION ALL
SELECT f.customer_id, f.kind, f.id, o.kind, o.id,
    least(f.upto, o.upto) - greatest(f.upto - f.rest, o.upto - o.rest), false
FROM free f JOIN owed o ON o.customer_id = f.customer_id
    AND f.upto > o.upto - o.rest AND o.upto > f.upto - f.rest
WHERE f.rest > 0 AND o.rest > 0
UNION ALL
SELECT f.customer_id, f.kind, f.id, 'refund', r.id,
    least(f.returned_upto, r.upto) - greatest(f.returned_before, r.upto - r.amount), false
FROM free f JOIN refunded r ON r.customer_id = f.customer_id
    AND f.returned_upto > r.upto - r.amount AND r.upto > f.returned_before
WHERE f.returned_upto > f.returned_before;
END $$;
"""

FUNCTIONS_BEFORE = """
CREATE OR REPLACE FUNCTION credit_notes_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    note credit_notes;
    paper_status text;
BEGIN
    IF TG_TABLE_NAME = 'credit_notes' THEN
        note := NEW;
    ELSE
        SELECT * INTO note FROM credit_notes WHERE id = NEW.credit_note_id;
    END IF;
    SELECT status INTO paper_status FROM invoices WHERE id = note.invoice_id FOR NO KEY UPDATE;
    IF note.note_date <= returns_filed_through((note.issued_at AT TIME ZONE (SELECT time_zone FROM settings))::date)
        THEN
        RAISE EXCEPTION 'credit note % is dated into a month whose return is filed', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_after_return';
    ELSIF paper_status <> 'issued' THEN
        RAISE EXCEPTION 'credit note % belongs to an invoice that is %', note.number, paper_status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_on_issued';
    ELSIF (SELECT (coalesce(sum(k.taxable_value), 0), coalesce(sum(k.cgst), 0), coalesce(sum(k.sgst), 0),
                coalesce(sum(k.igst), 0), coalesce(sum(k.line_total), 0))
            FROM credit_note_lines k WHERE k.credit_note_id = note.id)
        IS DISTINCT FROM (note.taxable_value, note.cgst, note.sgst, note.igst, note.total - note.round_off) THEN
        RAISE EXCEPTION 'credit note % does not equal its lines', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_add_up';
    ELSIF EXISTS (SELECT FROM credit_note_lines k
        JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
        WHERE k.credit_note_id = note.id AND k.quantity <> trunc(k.quantity) AND l.quantity = trunc(l.quantity)
            AND l.unit IN ('piece', 'packet', 'dozen') AND l.product_id IS NOT NULL) THEN
        RAISE EXCEPTION 'credit note % takes back a part of what is sold whole', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_whole';
    ELSIF EXISTS (
        SELECT FROM invoice_lines l JOIN (
            SELECT k.invoice_line_no, sum(k.quantity) AS quantity, sum(k.taxable_value) AS taxable_value,
                sum(k.cgst) AS cgst, sum(k.igst) AS igst, sum(k.line_total) AS line_total,
                min(k.line_total * sign(l.line_total)) AS least
            FROM credit_note_lines k
            JOIN invoice_lines l ON l.invoice_id = k.invoice_id AND l.line_no = k.invoice_line_no
            WHERE k.invoice_id = note.invoice_id GROUP BY 1) taken
            ON taken.invoice_line_no = l.line_no
        WHERE l.invoice_id = note.invoice_id AND (abs(taken.quantity) > abs(l.quantity) OR taken.least <= 0
            OR taken.line_total NOT BETWEEN least(l.line_total, 0) AND greatest(l.line_total, 0)
            OR taken.taxable_value NOT BETWEEN least(l.taxable_value, 0) AND greatest(l.taxable_value, 0)
            OR taken.cgst NOT BETWEEN least(l.cgst, 0) AND greatest(l.cgst, 0)
            OR taken.igst NOT BETWEEN least(l.igst, 0) AND greatest(l.igst, 0))) THEN
        RAISE EXCEPTION 'credit note % takes back more than a line has', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_within_lines';
    END IF;
    RETURN NULL;
END $$;
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
CREATE OR REPLACE FUNCTION series_stay_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM credit_notes WHERE series = NEW.invoice_series)
        OR EXISTS (SELECT FROM invoices WHERE series = NEW.credit_note_series) THEN
        RAISE EXCEPTION 'a series is of invoices or of credit notes, never of both'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_settings_series_stay_apart';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION invoices_void_keeps_no_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders WHERE invoice_id = NEW.id)
        OR EXISTS (SELECT FROM adjustments WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'orders or adjustments still stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_keeps_no_orders';
    ELSIF EXISTS (SELECT FROM credit_notes WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'credit notes stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_has_no_notes';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION invoices_reduced_within_total() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper invoices;
BEGIN
    SELECT * INTO paper FROM invoices WHERE id = NEW.invoice_id FOR NO KEY UPDATE;
    IF paper.status <> 'issued' OR paper.total < (SELECT coalesce(sum(amount), 0) FROM (
            SELECT total AS amount FROM credit_notes WHERE invoice_id = NEW.invoice_id
            UNION ALL SELECT amount FROM write_offs WHERE invoice_id = NEW.invoice_id) taken) THEN
        RAISE EXCEPTION 'more is taken back than invoice % has', coalesce(paper.number, NEW.invoice_id::text)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_reduced_within_total';
    ELSIF paper.invoice_date > coalesce(to_jsonb(NEW) ->> 'note_date', to_jsonb(NEW) ->> 'written_off_on')::date THEN
        RAISE EXCEPTION 'invoice % is taken back before its date', paper.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_reduced_after_date';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE VIEW customer_ledger AS
SELECT customer_id, as_of AS entry_date, 1 AS place, 'opening' AS kind, NULL::text AS document, id AS document_id,
    greatest(amount, 0)::numeric(12,2) AS debit, greatest(-amount, 0)::numeric(12,2) AS credit
FROM opening_balances
UNION ALL
SELECT customer_id, invoice_date, 2, 'invoice', number, id, total, 0::numeric(12,2)
FROM invoices WHERE status IN ('issued', 'void')
UNION ALL
SELECT customer_id, invoice_date, 3, 'void', number, id, 0::numeric(12,2), total
FROM invoices WHERE status = 'void'
UNION ALL
SELECT customer_id, note_date, 4, 'credit_note', number, id, 0::numeric(12,2), total FROM credit_notes
UNION ALL
SELECT customer_id, received_on, 5, 'payment', receipt_no, id, 0::numeric(12,2), amount FROM payments
UNION ALL
SELECT customer_id, reversed_on, 6, 'reversal', receipt_no, id, amount, 0::numeric(12,2)
FROM payments WHERE status = 'reversed'
UNION ALL
SELECT customer_id, written_off_on, 7, 'write_off', NULL, id, 0::numeric(12,2), amount FROM write_offs
UNION ALL
SELECT customer_id, paid_on, 8, 'refund', voucher_no, id, amount, 0::numeric(12,2) FROM refunds
UNION ALL
SELECT customer_id, reversed_on, 9, 'refund_reversal', voucher_no, id, 0::numeric(12,2), amount
FROM refunds WHERE status = 'reversed';
CREATE OR REPLACE FUNCTION open_items(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, kind text, document_id uuid, document text, document_date date, due_date date, amount numeric,
    open numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY WITH
own AS (
    SELECT n.invoice_id, 'credit_note' AS kind, n.id, n.total AS amount FROM credit_notes n
    WHERE n.note_date <= p_as_of AND (p_customers IS NULL OR n.customer_id = ANY (p_customers))
    UNION ALL
    SELECT w.invoice_id, 'write_off', w.id, w.amount FROM write_offs w
    WHERE w.invoice_id IS NOT NULL AND w.written_off_on <= p_as_of
        AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
), debits AS (
    SELECT b.customer_id, 'opening' AS kind, b.id, NULL::text AS document, b.as_of AS day, b.as_of AS due_day,
        b.amount, b.amount AS net
    FROM opening_balances b
    WHERE b.amount > 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT i.customer_id, 'invoice', i.id, i.number, i.invoice_date, i.due_date, i.total,
        i.total - coalesce(o.amount, 0)
    FROM invoices i LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM own GROUP BY 1) o ON o.invoice_id = i.id
    WHERE i.status = 'issued' AND i.invoice_date <= p_as_of
        AND (p_customers IS NULL OR i.customer_id = ANY (p_customers))
), received AS (
    SELECT p.customer_id, 'payment' AS kind, p.id, p.received_on AS day, p.amount FROM payments p
    WHERE p.received_on <= p_as_of AND (p.reversed_on IS NULL OR p.reversed_on > p_as_of)
        AND (p_customers IS NULL OR p.customer_id = ANY (p_customers))
    UNION ALL
    SELECT b.customer_id, 'opening', b.id, b.as_of, -b.amount FROM opening_balances b
    WHERE b.amount < 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT w.customer_id, 'write_off', w.id, w.written_off_on, w.amount FROM write_offs w
    WHERE w.invoice_id IS NULL AND w.written_off_on <= p_as_of
        AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
), chosen AS (
    SELECT c.payment_id, c.invoice_id, greatest(least(c.upto, d.net) - (c.upto - c.amount), 0) AS amount
    FROM (
        SELECT a.payment_id, a.invoice_id, a.amount,
            sum(a.amount) OVER (PARTITION BY a.invoice_id ORDER BY a.allocated_on, a.id) AS upto
        FROM payment_allocations a JOIN received p ON p.kind = 'payment' AND p.id = a.payment_id
        WHERE a.allocated_on <= p_as_of AND (a.released_on IS NULL OR a.released_on > p_as_of)
            AND (p_customers IS NULL OR a.customer_id = ANY (p_customers))
    ) c JOIN debits d ON d.kind = 'invoice' AND d.id = c.invoice_id
), money AS (
    SELECT r.*, r.amount - coalesce(c.amount, 0) AS rest,
        sum(r.amount - coalesce(c.amount, 0)) OVER (PARTITION BY r.customer_id ORDER BY r.day, r.kind, r.id) AS upto
    FROM received r
    LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.payment_id = r.id
), refunded AS (
    SELECT r.customer_id, r.id, r.voucher_no, r.paid_on AS day, r.amount,
        sum(r.amount) OVER (PARTITION BY r.customer_id ORDER BY r.paid_on, r.id) AS upto
    FROM refunds r
    WHERE r.paid_on <= p_as_of AND (r.reversed_on IS NULL OR r.reversed_on > p_as_of)
        AND (p_customers IS NULL OR r.customer_id = ANY (p_customers))
), returned AS (
    SELECT b.customer_id, coalesce(sum(m.rest), 0) AS had, least(b.amount, coalesce(sum(m.rest), 0)) AS amount
    FROM (SELECT r.customer_id, sum(r.amount) AS amount, max(r.day) AS day FROM refunded r GROUP BY 1) b
    LEFT JOIN money m ON m.customer_id = b.customer_id AND m.day <= b.day
    GROUP BY b.customer_id, b.amount
), owed AS (
    SELECT d.*, d.net - coalesce(c.amount, 0) AS rest,
        sum(d.net - coalesce(c.amount, 0))
            OVER (PARTITION BY d.customer_id ORDER BY d.day, d.kind DESC, d.document, d.id) AS upto
    FROM (
        SELECT * FROM debits
        UNION ALL
        SELECT r.customer_id, 'refund', r.id, r.voucher_no, r.day, r.day, r.amount,
            greatest(r.upto - greatest(b.amount, r.upto - r.amount), 0)
        FROM refunded r JOIN returned b ON b.customer_id = r.customer_id
    ) d
    LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.invoice_id = d.id
), free AS (
    SELECT m.customer_id, m.kind, m.id, m.rest - (s.returned_upto - s.returned_before) AS rest,
        m.upto - s.returned_upto AS upto, s.returned_before, s.returned_upto
    FROM money m LEFT JOIN returned b ON b.customer_id = m.customer_id
    CROSS JOIN LATERAL (SELECT
        coalesce(least(greatest(m.upto - m.rest - b.had + b.amount, 0), b.amount), 0) AS returned_before,
        coalesce(least(greatest(m.upto - b.had + b.amount, 0), b.amount), 0) AS returned_upto) s
), pools AS (
    SELECT f.customer_id, sum(f.rest) AS amount FROM free f GROUP BY 1
)
SELECT o.customer_id, o.kind, o.id, o.document, o.day, o.due_day, o.amount,
    least(greatest(o.upto - coalesce(p.amount, 0), 0), o.rest)
FROM owed o LEFT JOIN pools p ON p.customer_id = o.customer_id
UNION ALL
SELECT p.customer_id, 'credit', NULL, NULL, NULL, NULL, 0, coalesce(w.amount, 0) - p.amount
FROM pools p LEFT JOIN (SELECT o.customer_id, sum(o.rest) AS amount FROM owed o GROUP BY 1) w
    ON w.customer_id = p.customer_id
WHERE p.amount > coalesce(w.amount, 0);
END $$;
CREATE OR REPLACE FUNCTION applications(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, credit_kind text, credit_id uuid, debit_kind text, debit_id uuid, amount numeric,
    is_chosen boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY WITH
own AS (
    SELECT n.invoice_id, 'credit_note' AS kind, n.id, n.total AS amount FROM credit_notes n
    WHERE n.note_date <= p_as_of AND (p_customers IS NULL OR n.customer_id = ANY (p_customers))
    UNION ALL
    SELECT w.invoice_id, 'write_off', w.id, w.amount FROM write_offs w
    WHERE w.invoice_id IS NOT NULL AND w.written_off_on <= p_as_of
        AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
), debits AS (
    SELECT b.customer_id, 'opening' AS kind, b.id, NULL::text AS document, b.as_of AS day, b.as_of AS due_day,
        b.amount, b.amount AS net
    FROM opening_balances b
    WHERE b.amount > 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT i.customer_id, 'invoice', i.id, i.number, i.invoice_date, i.due_date, i.total,
        i.total - coalesce(o.amount, 0)
    FROM invoices i LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM own GROUP BY 1) o ON o.invoice_id = i.id
    WHERE i.status = 'issued' AND i.invoice_date <= p_as_of
        AND (p_customers IS NULL OR i.customer_id = ANY (p_customers))
), received AS (
    SELECT p.customer_id, 'payment' AS kind, p.id, p.received_on AS day, p.amount FROM payments p
    WHERE p.received_on <= p_as_of AND (p.reversed_on IS NULL OR p.reversed_on > p_as_of)
        AND (p_customers IS NULL OR p.customer_id = ANY (p_customers))
    UNION ALL
    SELECT b.customer_id, 'opening', b.id, b.as_of, -b.amount FROM opening_balances b
    WHERE b.amount < 0 AND b.as_of <= p_as_of AND (p_customers IS NULL OR b.customer_id = ANY (p_customers))
    UNION ALL
    SELECT w.customer_id, 'write_off', w.id, w.written_off_on, w.amount FROM write_offs w
    WHERE w.invoice_id IS NULL AND w.written_off_on <= p_as_of
        AND (p_customers IS NULL OR w.customer_id = ANY (p_customers))
), chosen AS (
    SELECT c.payment_id, c.invoice_id, greatest(least(c.upto, d.net) - (c.upto - c.amount), 0) AS amount
    FROM (
        SELECT a.payment_id, a.invoice_id, a.amount,
            sum(a.amount) OVER (PARTITION BY a.invoice_id ORDER BY a.allocated_on, a.id) AS upto
        FROM payment_allocations a JOIN received p ON p.kind = 'payment' AND p.id = a.payment_id
        WHERE a.allocated_on <= p_as_of AND (a.released_on IS NULL OR a.released_on > p_as_of)
            AND (p_customers IS NULL OR a.customer_id = ANY (p_customers))
    ) c JOIN debits d ON d.kind = 'invoice' AND d.id = c.invoice_id
), money AS (
    SELECT r.*, r.amount - coalesce(c.amount, 0) AS rest,
        sum(r.amount - coalesce(c.amount, 0)) OVER (PARTITION BY r.customer_id ORDER BY r.day, r.kind, r.id) AS upto
    FROM received r
    LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.payment_id = r.id
), refunded AS (
    SELECT r.customer_id, r.id, r.voucher_no, r.paid_on AS day, r.amount,
        sum(r.amount) OVER (PARTITION BY r.customer_id ORDER BY r.paid_on, r.id) AS upto
    FROM refunds r
    WHERE r.paid_on <= p_as_of AND (r.reversed_on IS NULL OR r.reversed_on > p_as_of)
        AND (p_customers IS NULL OR r.customer_id = ANY (p_customers))
), returned AS (
    SELECT b.customer_id, coalesce(sum(m.rest), 0) AS had, least(b.amount, coalesce(sum(m.rest), 0)) AS amount
    FROM (SELECT r.customer_id, sum(r.amount) AS amount, max(r.day) AS day FROM refunded r GROUP BY 1) b
    LEFT JOIN money m ON m.customer_id = b.customer_id AND m.day <= b.day
    GROUP BY b.customer_id, b.amount
), owed AS (
    SELECT d.*, d.net - coalesce(c.amount, 0) AS rest,
        sum(d.net - coalesce(c.amount, 0))
            OVER (PARTITION BY d.customer_id ORDER BY d.day, d.kind DESC, d.document, d.id) AS upto
    FROM (
        SELECT * FROM debits
        UNION ALL
        SELECT r.customer_id, 'refund', r.id, r.voucher_no, r.day, r.day, r.amount,
            greatest(r.upto - greatest(b.amount, r.upto - r.amount), 0)
        FROM refunded r JOIN returned b ON b.customer_id = r.customer_id
    ) d
    LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.invoice_id = d.id
), free AS (
    SELECT m.customer_id, m.kind, m.id, m.rest - (s.returned_upto - s.returned_before) AS rest,
        m.upto - s.returned_upto AS upto, s.returned_before, s.returned_upto
    FROM money m LEFT JOIN returned b ON b.customer_id = m.customer_id
    CROSS JOIN LATERAL (SELECT
        coalesce(least(greatest(m.upto - m.rest - b.had + b.amount, 0), b.amount), 0) AS returned_before,
        coalesce(least(greatest(m.upto - b.had + b.amount, 0), b.amount), 0) AS returned_upto) s
)
SELECT d.customer_id, o.kind, o.id, 'invoice', d.id, o.amount, true
FROM own o JOIN debits d ON d.kind = 'invoice' AND d.id = o.invoice_id
UNION ALL
SELECT d.customer_id, 'payment', c.payment_id, 'invoice', d.id, c.amount, true
FROM chosen c JOIN debits d ON d.kind = 'invoice' AND d.id = c.invoice_id WHERE c.amount > 0
UNION ALL
SELECT f.customer_id, f.kind, f.id, o.kind, o.id,
    least(f.upto, o.upto) - greatest(f.upto - f.rest, o.upto - o.rest), false
FROM free f JOIN owed o ON o.customer_id = f.customer_id
    AND f.upto > o.upto - o.rest AND o.upto > f.upto - f.rest
WHERE f.rest > 0 AND o.rest > 0
UNION ALL
SELECT f.customer_id, f.kind, f.id, 'refund', r.id,
    least(f.returned_upto, r.upto) - greatest(f.returned_before, r.upto - r.amount), false
FROM free f JOIN refunded r ON r.customer_id = f.customer_id
    AND f.returned_upto > r.upto - r.amount AND r.upto > f.returned_before
WHERE f.returned_upto > f.returned_before;
END $$;
"""

SERIES_APART = """
DROP TRIGGER tr_settings_series_stay_apart ON settings;
CREATE TRIGGER tr_settings_series_stay_apart
    BEFORE UPDATE OF invoice_series, credit_note_series, debit_note_series ON settings
    FOR EACH ROW EXECUTE FUNCTION series_stay_apart();
"""


def upgrade() -> None:
    run(NOTES)
    run(TABLES)
    run(SETTINGS)
    run(KINDS)
    run(FUNCTIONS)
    run(SERIES_APART)


def downgrade() -> None:
    refuse_data_loss(
        "SELECT id FROM credit_notes WHERE irn IS NOT NULL UNION ALL SELECT id FROM debit_notes",
        "what the portal answered for credit notes, and debit notes",
    )
    run(FUNCTIONS_BEFORE)
    run("""
    DROP TRIGGER tr_settings_series_stay_apart ON settings;
    CREATE TRIGGER tr_settings_series_stay_apart BEFORE UPDATE OF invoice_series, credit_note_series ON settings
        FOR EACH ROW EXECUTE FUNCTION series_stay_apart();
    DELETE FROM events WHERE kind = 'debit_note.issued';
    UPDATE webhook_endpoints SET kinds = array_remove(kinds, 'debit_note.issued')
    WHERE 'debit_note.issued' = ANY (kinds);
    """)
    run(KINDS_BEFORE)
    run("""
    DROP TABLE debit_note_lines;
    DROP TABLE debit_notes;
    DROP FUNCTION debit_notes_add_up();
    DROP FUNCTION debit_notes_frozen();
    ALTER TABLE settings DROP COLUMN city, DROP COLUMN pincode, DROP COLUMN debit_note_series;
    ALTER TABLE credit_notes DROP COLUMN irn, DROP COLUMN ack_no, DROP COLUMN ack_date, DROP COLUMN signed_qr;
    """)
