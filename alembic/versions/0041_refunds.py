"""Refunds: credit that was paid back to a customer.

Why: a customer who stops with money paid in advance gets it back, and the ledger had no entry for that. A refund takes
    credit, so open_items and applications settle no invoice with it; cash that a helper pays out lowers what he has to
    hand over.
Locks: nothing that is in use for more than a moment: the table is new and empty. SHARE ROW EXCLUSIVE on customers,
    users and cash_settlements for its foreign keys, for milliseconds.
Undo: drops the table; refused while there are refunds, because the balances of their customers would change.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

TABLE = """
CREATE FUNCTION next_refund_no() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    taken integer;
BEGIN
    INSERT INTO receipt_series AS r (series, next_no) VALUES ('RF', 2)
    ON CONFLICT (series) DO UPDATE SET next_no = r.next_no + 1 RETURNING next_no - 1 INTO taken;
    RETURN 'RF' || lpad(taken::text, 7, '0');
END $$;

CREATE TABLE refunds (
    id UUID DEFAULT uuid7() NOT NULL,
    voucher_no TEXT DEFAULT next_refund_no() NOT NULL,
    customer_id UUID NOT NULL,
    amount NUMERIC(12, 2) NOT NULL,
    method TEXT NOT NULL,
    paid_on DATE NOT NULL,
    reference TEXT,
    reason TEXT NOT NULL,
    paid_by UUID,
    recorded_by UUID NOT NULL,
    status TEXT DEFAULT 'paid' NOT NULL,
    reversed_on DATE,
    reversal_reason TEXT,
    reversed_by UUID,
    cash_settlement_id UUID,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_refunds PRIMARY KEY (id),
    CONSTRAINT fk_refunds_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_refunds_paid_by FOREIGN KEY(paid_by) REFERENCES users (id),
    CONSTRAINT fk_refunds_recorded_by FOREIGN KEY(recorded_by) REFERENCES users (id),
    CONSTRAINT fk_refunds_reversed_by FOREIGN KEY(reversed_by) REFERENCES users (id),
    CONSTRAINT fk_refunds_cash_settlement_id FOREIGN KEY(cash_settlement_id) REFERENCES cash_settlements (id),
    CONSTRAINT uq_refunds_voucher_no UNIQUE (voucher_no),
    CONSTRAINT ck_refunds_method_known
        CHECK (method IN ('cash', 'upi', 'qr', 'bank_transfer', 'card', 'cheque', 'wallet')),
    CONSTRAINT ck_refunds_status_known CHECK (status IN ('paid', 'reversed')),
    CONSTRAINT ck_refunds_amount_positive CHECK (amount > 0 AND amount <> 'NaN'),
    CONSTRAINT ck_refunds_paid_on_finite CHECK (isfinite(paid_on)),
    CONSTRAINT ck_refunds_reversed_with_reason
        CHECK (num_nonnulls(reversed_on, reversal_reason) = CASE status WHEN 'reversed' THEN 2 ELSE 0 END),
    CONSTRAINT ck_refunds_reversed_after_payment CHECK (reversed_on >= paid_on AND isfinite(reversed_on)),
    CONSTRAINT ck_refunds_only_cash_is_paid_by_staff CHECK (paid_by IS NULL OR method = 'cash'),
    CONSTRAINT ck_refunds_only_cash_of_staff_is_settled CHECK (cash_settlement_id IS NULL OR paid_by IS NOT NULL),
    CONSTRAINT ck_refunds_reason_length CHECK (length(reason) BETWEEN 3 AND 500),
    CONSTRAINT ck_refunds_text_lengths CHECK (length(reversal_reason) <= 500 AND length(reference) BETWEEN 1 AND 100)
);
CREATE INDEX ix_refunds_customer ON refunds (customer_id, paid_on);
CREATE INDEX ix_refunds_paid ON refunds (paid_on, id);
CREATE INDEX ix_refunds_settlement ON refunds (cash_settlement_id) WHERE cash_settlement_id IS NOT NULL;
CREATE INDEX ix_refunds_unsettled_cash ON refunds (paid_by, paid_on)
    WHERE paid_by IS NOT NULL AND cash_settlement_id IS NULL;
CREATE UNIQUE INDEX uq_refunds_reference ON refunds (customer_id, bare_reference(reference))
    WHERE status = 'paid' AND method <> 'cash';
COMMENT ON TABLE refunds IS
    'Credit that was paid back to a customer. Never changed or deleted, only reversed (a transfer that came back).';
COMMENT ON COLUMN refunds.voucher_no IS 'For people: RF0000001.';
COMMENT ON COLUMN refunds.reference IS 'UTR of a transfer, number of a cheque.';
COMMENT ON COLUMN refunds.paid_by IS
    'Who paid it out of the cash that he had collected, and has so much less to hand over; NULL: the office.';
"""

LEDGER = """
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
"""
OPEN_ITEMS = """
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
"""
APPLICATIONS = """
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
SETTLEMENTS = """
CREATE OR REPLACE FUNCTION cash_settlements_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    settlement cash_settlements;
BEGIN
    IF TG_TABLE_NAME = 'cash_settlements' THEN
        settlement := NEW;
    ELSE
        SELECT * INTO settlement FROM cash_settlements WHERE id = NEW.cash_settlement_id;
    END IF;
    IF settlement.expected <> (SELECT coalesce(sum(amount), 0) FROM payments WHERE cash_settlement_id = settlement.id)
            - (SELECT coalesce(sum(amount), 0) FROM refunds WHERE cash_settlement_id = settlement.id)
        OR EXISTS (SELECT FROM payments WHERE cash_settlement_id = settlement.id
            AND (collected_by <> settlement.staff_id OR received_on > settlement.settled_for))
        OR EXISTS (SELECT FROM refunds WHERE cash_settlement_id = settlement.id
            AND (paid_by <> settlement.staff_id OR paid_on > settlement.settled_for)) THEN
        RAISE EXCEPTION 'a settlement expects what its payments come to, less its refunds'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_cash_settlements_add_up';
    END IF;
    RETURN NULL;
END $$;
"""

GUARDS = """
CREATE FUNCTION credit_since(p_customer uuid, p_day date) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT -max(balance) FROM (
        SELECT sum(sum(amount)) OVER (ORDER BY day) AS balance FROM (
            SELECT greatest(entry_date, p_day) AS day, debit - credit AS amount FROM customer_ledger
            WHERE customer_id = p_customer
            UNION ALL SELECT p_day, 0) entries
        GROUP BY day) days);
END $$;

CREATE FUNCTION refunds_within_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.customer_id FOR NO KEY UPDATE;
    IF credit_since(NEW.customer_id, NEW.paid_on) < 0 THEN
        RAISE EXCEPTION 'refund % is more than the credit', NEW.voucher_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_refunds_within_credit';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_refunds_within_credit AFTER INSERT ON refunds
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refunds_within_credit();

CREATE FUNCTION refunds_only_reversed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := '{status,reversed_on,reversal_reason,reversed_by,cash_settlement_id,updated_at}';
BEGIN
    IF NEW.customer_id <> OLD.customer_id AND follows_merge(OLD.customer_id, NEW.customer_id) THEN
        may_change := may_change || '{customer_id}';
    END IF;
    IF to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change
        OR (OLD.status = 'reversed' AND (NEW.status, NEW.reversed_on, NEW.reversal_reason, NEW.reversed_by)
            IS DISTINCT FROM (OLD.status, OLD.reversed_on, OLD.reversal_reason, OLD.reversed_by))
        OR (OLD.cash_settlement_id IS NOT NULL AND NEW.cash_settlement_id IS DISTINCT FROM OLD.cash_settlement_id) THEN
        RAISE EXCEPTION 'refund % can only be reversed', OLD.voucher_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_refunds_only_reversed BEFORE UPDATE ON refunds
    FOR EACH ROW EXECUTE FUNCTION refunds_only_reversed();

CREATE TRIGGER tr_money_frozen BEFORE DELETE ON refunds FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON refunds EXECUTE FUNCTION never_truncated();
CREATE CONSTRAINT TRIGGER tr_cash_settlements_add_up AFTER INSERT OR UPDATE OF cash_settlement_id ON refunds
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.cash_settlement_id IS NOT NULL)
    EXECUTE FUNCTION cash_settlements_add_up();
CREATE TRIGGER tr_audit_insert AFTER INSERT ON refunds REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON refunds REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON refunds
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_update AFTER UPDATE ON refunds REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
"""

LEDGER_BEFORE = """
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
SELECT customer_id, written_off_on, 7, 'write_off', NULL, id, 0::numeric(12,2), amount FROM write_offs;
"""
OPEN_ITEMS_BEFORE = """
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
), owed AS (
    SELECT d.*, d.net - coalesce(c.amount, 0) AS rest,
        sum(d.net - coalesce(c.amount, 0))
            OVER (PARTITION BY d.customer_id ORDER BY d.day, d.kind DESC, d.document, d.id) AS upto
    FROM debits d
    LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.invoice_id = d.id
), free AS (
    SELECT r.*, r.amount - coalesce(c.amount, 0) AS rest,
        sum(r.amount - coalesce(c.amount, 0)) OVER (PARTITION BY r.customer_id ORDER BY r.day, r.kind, r.id) AS upto
    FROM received r
    LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.payment_id = r.id
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
"""
APPLICATIONS_BEFORE = """
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
), owed AS (
    SELECT d.*, d.net - coalesce(c.amount, 0) AS rest,
        sum(d.net - coalesce(c.amount, 0))
            OVER (PARTITION BY d.customer_id ORDER BY d.day, d.kind DESC, d.document, d.id) AS upto
    FROM debits d
    LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.invoice_id = d.id
), free AS (
    SELECT r.*, r.amount - coalesce(c.amount, 0) AS rest,
        sum(r.amount - coalesce(c.amount, 0)) OVER (PARTITION BY r.customer_id ORDER BY r.day, r.kind, r.id) AS upto
    FROM received r
    LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM chosen GROUP BY 1) c ON c.payment_id = r.id
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
WHERE f.rest > 0 AND o.rest > 0;
END $$;
"""
SETTLEMENTS_BEFORE = """
CREATE OR REPLACE FUNCTION cash_settlements_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    settlement cash_settlements;
BEGIN
    IF TG_TABLE_NAME = 'cash_settlements' THEN
        settlement := NEW;
    ELSE
        SELECT * INTO settlement FROM cash_settlements WHERE id = NEW.cash_settlement_id;
    END IF;
    IF settlement.expected <> (SELECT coalesce(sum(amount), 0) FROM payments WHERE cash_settlement_id = settlement.id)
        OR EXISTS (SELECT FROM payments WHERE cash_settlement_id = settlement.id
            AND (collected_by <> settlement.staff_id OR received_on > settlement.settled_for)) THEN
        RAISE EXCEPTION 'a settlement expects what its payments come to'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_cash_settlements_add_up';
    END IF;
    RETURN NULL;
END $$;
"""

MERGES = """
CREATE TRIGGER tr_rows_of_living_customers AFTER INSERT OR UPDATE OF customer_id ON refunds
    FOR EACH ROW EXECUTE FUNCTION rows_of_living_customers();
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
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
"""
MERGES_BEFORE = """
CREATE OR REPLACE FUNCTION customers_leave_nothing() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.id FOR UPDATE;
    IF EXISTS (SELECT FROM orders WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM subscriptions WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM invoices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM payments WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM opening_balances WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM write_offs WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM customer_prices WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM change_requests WHERE customer_id = NEW.id)
        OR EXISTS (SELECT FROM outbox_messages WHERE customer_id = NEW.id) THEN
        RAISE EXCEPTION 'customer % is merged into another and still has something', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_customers_leave_nothing';
    END IF;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    for each in (TABLE, LEDGER, OPEN_ITEMS, APPLICATIONS, SETTLEMENTS, GUARDS, MERGES):
        run(each)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM refunds", "refunds")
    for each in (MERGES_BEFORE, LEDGER_BEFORE, OPEN_ITEMS_BEFORE, APPLICATIONS_BEFORE, SETTLEMENTS_BEFORE):
        run(each)
    run("""
    -- squawk-ignore ban-drop-table
    DROP TABLE refunds;
    DELETE FROM receipt_series WHERE series = 'RF';
    -- squawk-ignore ban-drop-function
    DROP FUNCTION next_refund_no(), credit_since(uuid, date), refunds_within_credit(), refunds_only_reversed();
    """)
