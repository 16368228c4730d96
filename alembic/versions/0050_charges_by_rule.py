"""Charges for delivery and discounts that every bill has by itself, from a day on.

Why: a delivery charge or a discount that a household has for good was an adjustment that somebody typed each month, or
    forgot. A rule says it once; the bill gets a line of it, and the line knows its rule.
Locks: ACCESS EXCLUSIVE on invoice_lines for milliseconds, to add a column without a value; SHARE ROW EXCLUSIVE on
    customers, areas, products, tax_classes and users for the foreign keys of the new, empty table. 0051 validates.
Undo: refused while there are rules, because bills that were issued by them would lose what they are made of.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE charge_rules (
    id UUID DEFAULT uuid7() NOT NULL,
    kind TEXT NOT NULL,
    basis TEXT NOT NULL,
    amount NUMERIC(12, 2) NOT NULL,
    customer_id UUID,
    area_id UUID,
    product_id UUID,
    valid DATERANGE NOT NULL,
    description TEXT NOT NULL,
    tax_class TEXT,
    created_by UUID NOT NULL,
    replaced_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_charge_rules PRIMARY KEY (id),
    CONSTRAINT fk_charge_rules_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_charge_rules_area_id FOREIGN KEY(area_id) REFERENCES areas (id),
    CONSTRAINT fk_charge_rules_product_id FOREIGN KEY(product_id) REFERENCES products (id),
    CONSTRAINT fk_charge_rules_tax_class FOREIGN KEY(tax_class) REFERENCES tax_classes (code),
    CONSTRAINT fk_charge_rules_created_by FOREIGN KEY(created_by) REFERENCES users (id),
    CONSTRAINT ck_charge_rules_kind_known CHECK (kind IN ('delivery_charge', 'discount')),
    CONSTRAINT ck_charge_rules_basis_known CHECK (basis IN ('per_delivery_day', 'per_month', 'percent')),
    CONSTRAINT ck_charge_rules_amount_not_negative CHECK (amount >= 0 AND amount <> 'NaN'),
    CONSTRAINT ck_charge_rules_percent_at_most_100 CHECK (basis <> 'percent' OR amount <= 100),
    CONSTRAINT ck_charge_rules_one_scope CHECK (num_nonnulls(customer_id, area_id) <= 1),
    CONSTRAINT ck_charge_rules_valid_has_start CHECK (NOT isempty(valid) AND NOT lower_inf(valid)),
    CONSTRAINT ck_charge_rules_description_length CHECK (length(description) BETWEEN 1 AND 200),
    CONSTRAINT ex_charge_rules_in_force EXCLUDE USING gist (kind WITH =, basis WITH =,
        COALESCE(customer_id, area_id, '00000000-0000-0000-0000-000000000000'::uuid) WITH =,
        COALESCE(product_id, '00000000-0000-0000-0000-000000000000'::uuid) WITH =, valid WITH &&)
        WHERE (replaced_at IS NULL)
);
CREATE INDEX ix_charge_rules_customer_id ON charge_rules (customer_id);
CREATE INDEX ix_charge_rules_area_id ON charge_rules (area_id);
CREATE INDEX ix_charge_rules_product_id ON charge_rules (product_id);
COMMENT ON TABLE charge_rules IS
    'What every bill charges for delivery or takes off, from a day on; a line of its own, with the tax of the goods.';
COMMENT ON COLUMN charge_rules.amount IS
    'Rupees, with the tax in them or not as prices are, or per cent of the goods. 0: nothing, whatever holds around.';
COMMENT ON COLUMN charge_rules.area_id IS 'With all areas below it.';
COMMENT ON COLUMN charge_rules.product_id IS
    'Only days on which it was delivered count, and of them only it; NULL: all goods.';
COMMENT ON COLUMN charge_rules.description IS 'As the bill says it.';
COMMENT ON COLUMN charge_rules.tax_class IS 'NULL: taxed as the goods that were delivered.';
COMMENT ON COLUMN charge_rules.replaced_at IS
    'Since it was taken back, or another took its place at a merge: it only explains documents that were made by it.';
CREATE TRIGGER tr_audit_insert AFTER INSERT ON charge_rules REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON charge_rules REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON charge_rules
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON charge_rules REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON charge_rules
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
CREATE FUNCTION charge_rules_only_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - '{valid,description,customer_id,replaced_at,updated_at}'::text[]
        <> to_jsonb(OLD) - '{valid,description,customer_id,replaced_at,updated_at}'::text[]
        OR lower(NEW.valid) <> lower(OLD.valid)
        OR (NEW.customer_id IS DISTINCT FROM OLD.customer_id
            AND NOT follows_merge(OLD.customer_id, NEW.customer_id))
        OR (NEW.replaced_at IS DISTINCT FROM OLD.replaced_at AND OLD.replaced_at IS NOT NULL) THEN
        RAISE EXCEPTION 'charge rule % can only be ended', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_charge_rules_only_end';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_charge_rules_only_end BEFORE UPDATE ON charge_rules
    FOR EACH ROW EXECUTE FUNCTION charge_rules_only_end();
"""

LINES = """
ALTER TABLE invoice_lines ADD COLUMN charge_rule_id uuid;
COMMENT ON COLUMN invoice_lines.charge_rule_id IS 'By which rule it is charged or taken off.';
ALTER TABLE invoice_lines ADD COLUMN charged_for date[];
COMMENT ON COLUMN invoice_lines.charged_for IS
    'Days, or first days of months, for which it is charged or taken off: never a second time; NULL: of per cent.';
ALTER TABLE invoice_lines ADD CONSTRAINT ck_invoice_lines_charged_by_rule
    CHECK (charged_for IS NULL OR charge_rule_id IS NOT NULL) NOT VALID;
ALTER TABLE invoice_lines ADD CONSTRAINT fk_invoice_lines_charge_rule_id
    FOREIGN KEY (charge_rule_id) REFERENCES charge_rules (id) NOT VALID;
-- squawk-ignore ban-drop-constraint
ALTER TABLE invoice_lines DROP CONSTRAINT ck_invoice_lines_source_known;
ALTER TABLE invoice_lines ADD CONSTRAINT ck_invoice_lines_source_known
    CHECK (source IN ('subscription', 'one_time', 'adjustment', 'charge')) NOT VALID;
ALTER TABLE invoice_lines ADD CONSTRAINT ck_invoice_lines_charge_has_rule
    CHECK ((source = 'charge') = (charge_rule_id IS NOT NULL)) NOT VALID;
"""
EQUAL = """
CREATE OR REPLACE FUNCTION invoices_equal_their_lines() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    papers uuid[];
    carrying uuid[];
    wrong text;
BEGIN
    SELECT array_agg(n.id), array_agg(DISTINCT coalesce(n.companion_of, n.id)) INTO papers, carrying
    FROM arrived n JOIN departed d ON d.id = n.id WHERE d.status = 'draft' AND n.status = 'issued';
    IF papers IS NULL THEN
        RETURN NULL;
    END IF;
    WITH billed AS (
        SELECT l.invoice_id, sum(l.line_total) AS total,
            sum(l.quantity) FILTER (WHERE l.product_id IS NOT NULL) AS quantity,
            sum(l.gross_amount) FILTER (WHERE l.source = 'adjustment') AS adjusted
        FROM invoice_lines l WHERE l.invoice_id = ANY (papers) GROUP BY 1
    ), documents AS (  -- a companion's lines count for the paper that carries the orders
        SELECT coalesce(n.companion_of, n.id) AS paper, n.number, n.total - n.round_off AS total, b.total AS billed,
            b.quantity, b.adjusted
        FROM arrived n LEFT JOIN billed b ON b.invoice_id = n.id WHERE n.id = ANY (papers)
    )
    SELECT number INTO wrong FROM documents WHERE billed IS DISTINCT FROM total
    UNION ALL
    SELECT min(e.number) FROM (
        SELECT paper, number, quantity, adjusted FROM documents
        UNION ALL
        SELECT o.invoice_id, NULL, -sum(i.delivered_quantity), NULL
        FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.invoice_id = ANY (carrying) GROUP BY 1
        UNION ALL
        SELECT a.invoice_id, NULL, NULL, -a.amount FROM adjustments a WHERE a.invoice_id = ANY (carrying)
    ) e
    GROUP BY e.paper HAVING coalesce(sum(e.quantity), 0) <> 0 OR coalesce(sum(e.adjusted), 0) <> 0
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % does not equal its lines and deliveries', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_equal_their_lines';
    END IF;
    SELECT n.number INTO wrong FROM arrived n
    WHERE n.id = ANY (papers) AND n.invoice_date <= (SELECT late_through((min(m.issued_at) AT TIME ZONE
        (SELECT time_zone FROM settings))::date) FROM arrived m)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % is dated into a month whose return is filed', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_dated_after_return';
    END IF;
    RETURN NULL;
END $$;
"""
EQUAL_BEFORE = EQUAL.replace("l.product_id IS NOT NULL", "l.source <> 'adjustment'")
NOTES = """
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
"""
NOTES_BEFORE = NOTES.replace("l.product_id IS NOT NULL", "l.source <> 'adjustment'")
LEAVING = """
CREATE OR REPLACE FUNCTION customers_leave_nothing() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.id FOR UPDATE;
    IF EXISTS (SELECT FROM orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM subscriptions WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM invoices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payments WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM opening_balances WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM write_offs WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM refunds WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_prices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM charge_rules WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_moves WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM container_movements WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
"""
LEAVING_BEFORE = LEAVING.replace("        OR EXISTS (SELECT FROM charge_rules WHERE customer_id = NEW.id)\n", "")


def upgrade() -> None:
    for each in (TABLE, LINES, EQUAL, NOTES, LEAVING):
        run(each)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM charge_rules", "charge rules")
    for each in (EQUAL_BEFORE, NOTES_BEFORE, LEAVING_BEFORE):
        run(each)
    run("""
    ALTER TABLE invoice_lines DROP CONSTRAINT ck_invoice_lines_charge_has_rule;
    ALTER TABLE invoice_lines DROP CONSTRAINT ck_invoice_lines_source_known;
    ALTER TABLE invoice_lines ADD CONSTRAINT ck_invoice_lines_source_known
        CHECK (source IN ('subscription', 'one_time', 'adjustment')) NOT VALID;
    -- squawk-ignore ban-drop-column
    ALTER TABLE invoice_lines DROP COLUMN charged_for;
    -- squawk-ignore ban-drop-column
    ALTER TABLE invoice_lines DROP COLUMN charge_rule_id;
    -- squawk-ignore ban-drop-table
    DROP TABLE charge_rules;
    -- squawk-ignore ban-drop-function
    DROP FUNCTION charge_rules_only_end();
    """)
