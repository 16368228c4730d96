"""Adjustments on drafts and credit notes on issued invoices.

Why: before issue there was no way to add a charge or a discount, after it none to take back a part; and a registered
    buyer of taxed and exempt goods could not be billed at all, because the law wants two papers (CGST Rules r. 46A).
Locks: ACCESS EXCLUSIVE on settings for a moment (its CHECK is added NOT VALID; 0016 validates it). The foreign keys of
    the new tables take SHARE ROW EXCLUSIVE on invoices, invoice_lines, users and tax_classes for a moment.
Undo: drops them; refuses while there is one, unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SETTINGS = """
ALTER TABLE settings ADD COLUMN credit_note_series text DEFAULT 'CN' NOT NULL;
UPDATE settings SET credit_note_series = 'CRN' WHERE invoice_series = 'CN';
ALTER TABLE settings ADD CONSTRAINT ck_settings_credit_note_series_format
    CHECK (credit_note_series ~ '^[A-Z]{1,3}$' AND credit_note_series <> invoice_series) NOT VALID;
"""

TABLES = """
CREATE TABLE adjustments (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    kind text NOT NULL,
    description text NOT NULL,
    amount numeric(12,2) NOT NULL,
    tax_class text,
    adjusted_on date NOT NULL,
    reason text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_adjustments PRIMARY KEY (id),
    CONSTRAINT fk_adjustments_invoice_of_customer FOREIGN KEY(invoice_id, customer_id) REFERENCES invoices (id,
        customer_id),
    CONSTRAINT fk_adjustments_tax_class FOREIGN KEY(tax_class) REFERENCES tax_classes (code),
    CONSTRAINT fk_adjustments_created_by FOREIGN KEY(created_by) REFERENCES users (id),
    CONSTRAINT ck_adjustments_kind_known CHECK (kind IN ('charge', 'discount', 'correction')),
    CONSTRAINT ck_adjustments_amount_finite CHECK (amount <> 0 AND amount <> 'NaN'),
    CONSTRAINT ck_adjustments_kind_has_its_sign CHECK ((kind <> 'charge' OR amount > 0) AND (kind <> 'discount' OR
        amount < 0)),
    CONSTRAINT ck_adjustments_adjusted_on_finite CHECK (isfinite(adjusted_on)),
    CONSTRAINT ck_adjustments_description_length CHECK (length(description) BETWEEN 1 AND 200),
    CONSTRAINT ck_adjustments_reason_length CHECK (length(reason) BETWEEN 3 AND 500)
);
CREATE INDEX ix_adjustments_customer_id ON adjustments (customer_id);
CREATE INDEX ix_adjustments_invoice_id ON adjustments (invoice_id);
CREATE TABLE credit_notes (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    series text NOT NULL,
    financial_year text NOT NULL,
    sequence_no integer NOT NULL,
    number text NOT NULL,
    note_date date NOT NULL,
    reason text NOT NULL,
    snapshot jsonb NOT NULL,
    place_of_supply text,
    taxable_value numeric(12,2) NOT NULL,
    exempt_value numeric(12,2) NOT NULL,
    cgst numeric(12,2) NOT NULL,
    sgst numeric(12,2) NOT NULL,
    igst numeric(12,2) NOT NULL,
    round_off numeric(12,2) NOT NULL,
    total numeric(12,2) NOT NULL,
    issued_at timestamptz NOT NULL,
    issued_by uuid NOT NULL,
    document_hash text NOT NULL,
    previous_hash text NOT NULL,
    hash_version smallint NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_credit_notes PRIMARY KEY (id),
    CONSTRAINT fk_credit_notes_invoice_of_customer FOREIGN KEY(invoice_id, customer_id) REFERENCES invoices (id,
        customer_id),
    CONSTRAINT fk_credit_notes_issued_by FOREIGN KEY(issued_by) REFERENCES users (id),
    CONSTRAINT uq_credit_notes_id_invoice_id UNIQUE (id, invoice_id),
    CONSTRAINT uq_credit_notes_series_financial_year_sequence_no UNIQUE (series, financial_year, sequence_no),
    CONSTRAINT uq_credit_notes_financial_year_number UNIQUE (financial_year, number),
    CONSTRAINT ck_credit_notes_number_format CHECK (number ~ '^[A-Z0-9/-]{1,16}$'),
    CONSTRAINT ck_credit_notes_date_finite CHECK (isfinite(note_date)),
    CONSTRAINT ck_credit_notes_total_adds_up CHECK (total = taxable_value + exempt_value + cgst + sgst + igst +
        round_off),
    CONSTRAINT ck_credit_notes_total_positive CHECK (total > 0),
    CONSTRAINT ck_credit_notes_round_off_below_rupee CHECK (abs(round_off) < 1),
    CONSTRAINT ck_credit_notes_one_kind_of_gst CHECK (igst = 0 OR (cgst = 0 AND sgst = 0)),
    CONSTRAINT ck_credit_notes_cgst_equals_sgst CHECK (cgst = sgst),
    CONSTRAINT ck_credit_notes_reason_length CHECK (length(reason) BETWEEN 3 AND 500)
);
CREATE INDEX ix_credit_notes_customer ON credit_notes (customer_id, note_date);
CREATE INDEX ix_credit_notes_date ON credit_notes (note_date, id);
CREATE INDEX ix_credit_notes_invoice ON credit_notes (invoice_id);
CREATE TABLE credit_note_lines (
    credit_note_id uuid NOT NULL,
    line_no integer NOT NULL,
    invoice_id uuid NOT NULL,
    invoice_line_no integer NOT NULL,
    quantity numeric(10,3),
    taxable_value numeric(12,2) NOT NULL,
    cgst numeric(12,2) NOT NULL,
    sgst numeric(12,2) NOT NULL,
    igst numeric(12,2) NOT NULL,
    line_total numeric(12,2) NOT NULL,
    CONSTRAINT pk_credit_note_lines PRIMARY KEY (credit_note_id, line_no),
    CONSTRAINT fk_credit_note_lines_note_of_invoice FOREIGN KEY(credit_note_id, invoice_id) REFERENCES credit_notes
        (id, invoice_id),
    CONSTRAINT fk_credit_note_lines_line_of_invoice FOREIGN KEY(invoice_id, invoice_line_no) REFERENCES
        invoice_lines (invoice_id, line_no),
    CONSTRAINT uq_credit_note_lines_credit_note_id_invoice_line_no UNIQUE (credit_note_id, invoice_line_no),
    CONSTRAINT ck_credit_note_lines_line_no_positive CHECK (line_no > 0),
    CONSTRAINT ck_credit_note_lines_line_adds_up CHECK (CASE WHEN taxable_value <> 0 THEN line_total =
        taxable_value + cgst + sgst + igst ELSE cgst = 0 AND sgst = 0 AND igst = 0 END),
    CONSTRAINT ck_credit_note_lines_not_nothing CHECK (line_total <> 0),
    CONSTRAINT ck_credit_note_lines_one_sign CHECK (quantity > 0 AND taxable_value * line_total >= 0 AND
        cgst * line_total >= 0 AND igst * line_total >= 0),
    CONSTRAINT ck_credit_note_lines_cgst_equals_sgst CHECK (cgst = sgst)
);
CREATE INDEX ix_credit_note_lines_invoice_line ON credit_note_lines (invoice_id, invoice_line_no);
"""

# With adjustments and credit notes in them; the rest is as 0006 wrote it.
FUNCTIONS = """
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
CREATE OR REPLACE FUNCTION invoices_equal_their_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    -- Summed per paper before they are joined: a chunk has thousands of papers.
    WITH issued AS (
        SELECT n.* FROM arrived n JOIN departed d ON d.id = n.id WHERE d.status = 'draft' AND n.status = 'issued'
    ), billed AS (
        SELECT l.invoice_id, sum(l.line_total) AS total,
            coalesce(sum(l.quantity) FILTER (WHERE l.source <> 'adjustment'), 0) AS quantity,
            coalesce(sum(l.gross_amount) FILTER (WHERE l.source = 'adjustment'), 0) AS adjusted
        FROM issued n JOIN invoice_lines l ON l.invoice_id = n.id GROUP BY 1
    ), together AS (  -- a companion's lines count for the paper that carries the orders
        SELECT coalesce(n.companion_of, n.id) AS invoice_id, min(n.number) AS number, sum(b.quantity) AS quantity,
            sum(b.adjusted) AS adjusted
        FROM issued n LEFT JOIN billed b ON b.invoice_id = n.id GROUP BY 1
    ), delivered AS (
        SELECT n.invoice_id, sum(i.delivered_quantity) AS quantity
        FROM together n JOIN orders o ON o.invoice_id = n.invoice_id JOIN order_items i ON i.order_id = o.id
        GROUP BY 1
    ), adjusted AS (
        SELECT n.invoice_id, sum(a.amount) AS amount
        FROM together n JOIN adjustments a ON a.invoice_id = n.invoice_id GROUP BY 1
    )
    SELECT n.number INTO wrong
    FROM issued n LEFT JOIN billed b ON b.invoice_id = n.id
    WHERE b.total IS DISTINCT FROM n.total - n.round_off
    UNION ALL
    SELECT n.number
    FROM together n LEFT JOIN delivered d ON d.invoice_id = n.invoice_id
    LEFT JOIN adjusted a ON a.invoice_id = n.invoice_id
    WHERE coalesce(n.quantity, 0) <> coalesce(d.quantity, 0) OR coalesce(n.adjusted, 0) <> coalesce(a.amount, 0)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % does not equal its lines and deliveries', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_equal_their_lines';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION invoices_end_after_their_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders o JOIN invoices i ON i.id = o.invoice_id
        WHERE i.id = NEW.id AND i.status = 'draft' AND o.delivered_on > i.period_end)
        OR EXISTS (SELECT FROM adjustments a JOIN invoices i ON i.id = a.invoice_id
            WHERE i.id = NEW.id AND i.status = 'draft' AND a.adjusted_on > i.period_end) THEN
        RAISE EXCEPTION 'draft % holds what came after its end', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_end_after_their_orders';
    END IF;
    RETURN NULL;
END $$;
"""

ADJUSTMENTS_TOUCH_ONLY_DRAFTS = """
CREATE FUNCTION adjustments_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper_status text;
    paper_end date;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT status INTO paper_status FROM invoices WHERE id = OLD.invoice_id FOR SHARE;
        IF paper_status = 'issued' OR (paper_status <> 'draft'
            AND (TG_OP = 'DELETE' OR NEW.invoice_id = OLD.invoice_id)) THEN
            RAISE EXCEPTION 'adjustment % stands on an invoice that is %', OLD.id, paper_status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_touch_only_drafts';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    SELECT status, period_end INTO paper_status, paper_end
    FROM invoices WHERE id = NEW.invoice_id AND companion_of IS NULL FOR SHARE;
    IF paper_status IS DISTINCT FROM 'draft' THEN
        RAISE EXCEPTION 'an adjustment can only join a draft invoice'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_touch_only_drafts';
    ELSIF NEW.adjusted_on > paper_end THEN
        RAISE EXCEPTION 'an adjustment lies after the end of its invoice'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_within_period';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_adjustments_touch_only_drafts BEFORE INSERT OR UPDATE OR DELETE ON adjustments
    FOR EACH ROW EXECUTE FUNCTION adjustments_touch_only_drafts();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON adjustments EXECUTE FUNCTION never_truncated();
"""

CREDIT_NOTES = """
CREATE FUNCTION credit_notes_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a credit note is written once'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_frozen';
END $$;
CREATE TRIGGER tr_credit_notes_frozen BEFORE UPDATE OR DELETE ON credit_notes
    FOR EACH ROW EXECUTE FUNCTION credit_notes_frozen();
CREATE TRIGGER tr_credit_note_lines_frozen BEFORE UPDATE OR DELETE ON credit_note_lines
    FOR EACH ROW EXECUTE FUNCTION credit_notes_frozen();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON credit_notes EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON credit_note_lines EXECUTE FUNCTION never_truncated();
CREATE FUNCTION credit_notes_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF paper_status <> 'issued' THEN
        RAISE EXCEPTION 'credit note % belongs to an invoice that is %', note.number, paper_status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_on_issued';
    ELSIF (SELECT (coalesce(sum(k.taxable_value), 0), coalesce(sum(k.cgst), 0), coalesce(sum(k.sgst), 0),
                coalesce(sum(k.igst), 0), coalesce(sum(k.line_total), 0))
            FROM credit_note_lines k WHERE k.credit_note_id = note.id)
        IS DISTINCT FROM (note.taxable_value, note.cgst, note.sgst, note.igst, note.total - note.round_off) THEN
        RAISE EXCEPTION 'credit note % does not equal its lines', note.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_credit_notes_add_up';
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
CREATE CONSTRAINT TRIGGER tr_credit_notes_add_up AFTER INSERT ON credit_notes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION credit_notes_add_up();
CREATE CONSTRAINT TRIGGER tr_credit_note_lines_add_up AFTER INSERT ON credit_note_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION credit_notes_add_up();
"""

SERIES_STAY_APART = """
CREATE FUNCTION series_stay_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM credit_notes WHERE series = NEW.invoice_series)
        OR EXISTS (SELECT FROM invoices WHERE series = NEW.credit_note_series) THEN
        RAISE EXCEPTION 'a series is of invoices or of credit notes, never of both'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_settings_series_stay_apart';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_settings_series_stay_apart BEFORE UPDATE OF invoice_series, credit_note_series ON settings
    FOR EACH ROW EXECUTE FUNCTION series_stay_apart();
"""

AUDIT = """
CREATE TRIGGER tr_audit_insert AFTER INSERT ON adjustments REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON adjustments REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON adjustments
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_update AFTER UPDATE ON adjustments REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_insert AFTER INSERT ON credit_notes REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON credit_notes REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON credit_notes
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_update AFTER UPDATE ON credit_notes REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
"""

# As 0006 wrote them.
FORMER_FUNCTIONS = """
CREATE OR REPLACE FUNCTION invoices_void_keeps_no_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'orders still stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_keeps_no_orders';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION invoices_equal_their_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    -- Summed per paper before they are joined: a chunk has thousands of papers.
    WITH issued AS (
        SELECT n.* FROM arrived n JOIN departed d ON d.id = n.id WHERE d.status = 'draft' AND n.status = 'issued'
    ), billed AS (
        SELECT l.invoice_id, sum(l.line_total) AS total,
            coalesce(sum(l.quantity) FILTER (WHERE l.source <> 'adjustment'), 0) AS quantity
        FROM issued n JOIN invoice_lines l ON l.invoice_id = n.id GROUP BY 1
    ), together AS (  -- a companion's lines count for the paper that carries the orders
        SELECT coalesce(n.companion_of, n.id) AS invoice_id, min(n.number) AS number, sum(b.quantity) AS quantity
        FROM issued n LEFT JOIN billed b ON b.invoice_id = n.id GROUP BY 1
    ), delivered AS (
        SELECT n.invoice_id, sum(i.delivered_quantity) AS quantity
        FROM together n JOIN orders o ON o.invoice_id = n.invoice_id JOIN order_items i ON i.order_id = o.id
        GROUP BY 1
    )
    SELECT n.number INTO wrong
    FROM issued n LEFT JOIN billed b ON b.invoice_id = n.id
    WHERE b.total IS DISTINCT FROM n.total - n.round_off
    UNION ALL
    SELECT n.number
    FROM together n LEFT JOIN delivered d ON d.invoice_id = n.invoice_id
    WHERE coalesce(n.quantity, 0) <> coalesce(d.quantity, 0)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % does not equal its lines and deliveries', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_equal_their_lines';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION invoices_end_after_their_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders o JOIN invoices i ON i.id = o.invoice_id
        WHERE i.id = NEW.id AND i.status = 'draft' AND o.delivered_on > i.period_end) THEN
        RAISE EXCEPTION 'orders of draft % were delivered after its end', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_end_after_their_orders';
    END IF;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    run(SETTINGS)
    run(TABLES)
    run(FUNCTIONS)
    run(ADJUSTMENTS_TOUCH_ONLY_DRAFTS)
    run(CREDIT_NOTES)
    run(SERIES_STAY_APART)
    run(AUDIT)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM credit_notes UNION ALL SELECT FROM adjustments", "credit notes and adjustments")
    run(FORMER_FUNCTIONS)
    run("""
DROP TABLE credit_note_lines;
DROP TABLE credit_notes;
DROP TABLE adjustments;
DROP TRIGGER tr_settings_series_stay_apart ON settings;
DROP FUNCTION series_stay_apart();
DROP FUNCTION credit_notes_add_up();
DROP FUNCTION credit_notes_frozen();
DROP FUNCTION adjustments_touch_only_drafts();
DELETE FROM number_series WHERE series = (SELECT credit_note_series FROM settings);
ALTER TABLE settings DROP COLUMN credit_note_series;
""")
