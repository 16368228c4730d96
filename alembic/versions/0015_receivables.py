"""What customers pay: payments, chosen allocations, opening balances, write-offs, cash handed over; the one balance.

Why: an invoice's previous balance knew issued papers only; what was paid stood nowhere.
Locks: the foreign keys of the new tables take SHARE ROW EXCLUSIVE on customers, invoices and users for a moment, the
    new triggers on invoices and credit_notes too.
Undo: drops them; refuses while there is one, unless told.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = """
CREATE SEQUENCE receipt_numbers;
CREATE TABLE cash_settlements (
    id uuid DEFAULT uuid7() NOT NULL,
    staff_id uuid NOT NULL,
    settled_for date NOT NULL,
    expected numeric(12,2) NOT NULL,
    handed_over numeric(12,2) NOT NULL,
    variance numeric(12,2) GENERATED ALWAYS AS (handed_over - expected) STORED NOT NULL,
    notes text,
    settled_by uuid NOT NULL,
    settled_at timestamptz DEFAULT now() NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_cash_settlements PRIMARY KEY (id),
    CONSTRAINT fk_cash_settlements_staff_id FOREIGN KEY(staff_id) REFERENCES users (id),
    CONSTRAINT fk_cash_settlements_settled_by FOREIGN KEY(settled_by) REFERENCES users (id),
    CONSTRAINT ck_cash_settlements_amounts_not_negative CHECK (expected >= 0 AND handed_over >= 0 AND expected <>
        'NaN' AND handed_over <> 'NaN'),
    CONSTRAINT ck_cash_settlements_settled_for_finite CHECK (isfinite(settled_for)),
    CONSTRAINT ck_cash_settlements_notes_length CHECK (length(notes) <= 500)
);
CREATE INDEX ix_cash_settlements_day ON cash_settlements (settled_for, id);
CREATE INDEX ix_cash_settlements_staff ON cash_settlements (staff_id, settled_for);
CREATE TABLE payments (
    id uuid DEFAULT uuid7() NOT NULL,
    receipt_no text DEFAULT 'R' || lpad(nextval('receipt_numbers')::text, 7, '0') NOT NULL,
    customer_id uuid NOT NULL,
    amount numeric(12,2) NOT NULL,
    method text NOT NULL,
    received_on date NOT NULL,
    reference text,
    notes text,
    collected_by uuid,
    recorded_by uuid,
    status text DEFAULT 'received' NOT NULL,
    reversed_on date,
    reversal_reason text,
    reversed_by uuid,
    cash_settlement_id uuid,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_payments PRIMARY KEY (id),
    CONSTRAINT fk_payments_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_payments_collected_by FOREIGN KEY(collected_by) REFERENCES users (id),
    CONSTRAINT fk_payments_recorded_by FOREIGN KEY(recorded_by) REFERENCES users (id),
    CONSTRAINT fk_payments_reversed_by FOREIGN KEY(reversed_by) REFERENCES users (id),
    CONSTRAINT fk_payments_cash_settlement_id FOREIGN KEY(cash_settlement_id) REFERENCES cash_settlements (id),
    CONSTRAINT uq_payments_id_customer_id UNIQUE (id, customer_id),
    CONSTRAINT uq_payments_receipt_no UNIQUE (receipt_no),
    CONSTRAINT ck_payments_method_known CHECK (method IN ('cash', 'upi', 'qr', 'bank_transfer', 'card', 'cheque',
        'wallet')),
    CONSTRAINT ck_payments_status_known CHECK (status IN ('received', 'reversed')),
    CONSTRAINT ck_payments_amount_positive CHECK (amount > 0 AND amount <> 'NaN'),
    CONSTRAINT ck_payments_received_on_finite CHECK (isfinite(received_on)),
    CONSTRAINT ck_payments_reversed_with_reason CHECK (num_nonnulls(reversed_on, reversal_reason) = CASE status
        WHEN 'reversed' THEN 2 ELSE 0 END),
    CONSTRAINT ck_payments_reversed_after_receipt CHECK (reversed_on >= received_on AND isfinite(reversed_on)),
    CONSTRAINT ck_payments_only_collected_cash_is_settled CHECK (cash_settlement_id IS NULL OR (method = 'cash' AND
        collected_by IS NOT NULL)),
    CONSTRAINT ck_payments_text_lengths CHECK (length(notes) <= 500 AND length(reversal_reason) <= 500 AND
        length(reference) BETWEEN 1 AND 100),
    CONSTRAINT uq_payments_legacy_id UNIQUE (legacy_id)
);
CREATE INDEX ix_payments_customer ON payments (customer_id, received_on);
CREATE INDEX ix_payments_received ON payments (received_on, id);
CREATE INDEX ix_payments_settlement ON payments (cash_settlement_id) WHERE cash_settlement_id IS NOT NULL;
CREATE INDEX ix_payments_unsettled_cash ON payments (collected_by, received_on)
    WHERE method = 'cash' AND collected_by IS NOT NULL AND cash_settlement_id IS NULL;
CREATE UNIQUE INDEX uq_payments_reference ON payments (upper(reference))
    WHERE status = 'received' AND method IN ('upi', 'qr', 'bank_transfer');
CREATE TABLE payment_allocations (
    id uuid DEFAULT uuid7() NOT NULL,
    payment_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    amount numeric(12,2) NOT NULL,
    allocated_on date NOT NULL,
    allocated_by uuid,
    released_on date,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_payment_allocations PRIMARY KEY (id),
    CONSTRAINT fk_payment_allocations_payment_of_customer FOREIGN KEY(payment_id, customer_id) REFERENCES payments
        (id, customer_id),
    CONSTRAINT fk_payment_allocations_invoice_of_customer FOREIGN KEY(invoice_id, customer_id) REFERENCES invoices
        (id, customer_id),
    CONSTRAINT fk_payment_allocations_allocated_by FOREIGN KEY(allocated_by) REFERENCES users (id),
    CONSTRAINT ck_payment_allocations_amount_positive CHECK (amount > 0 AND amount <> 'NaN'),
    CONSTRAINT ck_payment_allocations_released_after CHECK (isfinite(allocated_on) AND isfinite(released_on) AND
        released_on >= allocated_on)
);
CREATE INDEX ix_payment_allocations_customer ON payment_allocations (customer_id);
CREATE INDEX ix_payment_allocations_invoice ON payment_allocations (invoice_id);
CREATE UNIQUE INDEX uq_payment_allocations_live ON payment_allocations (payment_id, invoice_id)
    WHERE released_on IS NULL;
CREATE TABLE opening_balances (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    as_of date NOT NULL,
    amount numeric(12,2) NOT NULL,
    entered_by uuid,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_opening_balances PRIMARY KEY (id),
    CONSTRAINT fk_opening_balances_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_opening_balances_entered_by FOREIGN KEY(entered_by) REFERENCES users (id),
    CONSTRAINT uq_opening_balances_customer_id UNIQUE (customer_id),
    CONSTRAINT ck_opening_balances_amount_finite CHECK (amount <> 'NaN'),
    CONSTRAINT ck_opening_balances_as_of_finite CHECK (isfinite(as_of)),
    CONSTRAINT uq_opening_balances_legacy_id UNIQUE (legacy_id)
);
CREATE TABLE write_offs (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    invoice_id uuid,
    amount numeric(12,2) NOT NULL,
    written_off_on date NOT NULL,
    reason text NOT NULL,
    written_by uuid NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_write_offs PRIMARY KEY (id),
    CONSTRAINT fk_write_offs_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_write_offs_invoice_of_customer FOREIGN KEY(invoice_id, customer_id) REFERENCES invoices (id,
        customer_id),
    CONSTRAINT fk_write_offs_written_by FOREIGN KEY(written_by) REFERENCES users (id),
    CONSTRAINT ck_write_offs_amount_positive CHECK (amount > 0 AND amount <> 'NaN'),
    CONSTRAINT ck_write_offs_written_off_on_finite CHECK (isfinite(written_off_on)),
    CONSTRAINT ck_write_offs_reason_length CHECK (length(reason) BETWEEN 3 AND 500)
);
CREATE INDEX ix_write_offs_customer ON write_offs (customer_id, written_off_on);
CREATE INDEX ix_write_offs_invoice ON write_offs (invoice_id) WHERE invoice_id IS NOT NULL;
"""

CUSTOMER_LEDGER = """
CREATE VIEW customer_ledger AS
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

OPEN_ITEMS = """
CREATE FUNCTION open_items(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, kind text, document_id uuid, document text, document_date date, due_date date, amount numeric,
    open numeric)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH
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
WHERE p.amount > coalesce(w.amount, 0)
$$;
"""

APPLICATIONS = """
CREATE FUNCTION applications(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, credit_kind text, credit_id uuid, debit_kind text, debit_id uuid, amount numeric,
    is_chosen boolean)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH
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
WHERE f.rest > 0 AND o.rest > 0
$$;
"""

MONEY_FROZEN = """
CREATE FUNCTION money_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
END $$;
CREATE FUNCTION payments_only_reversed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := '{status,reversed_on,reversal_reason,reversed_by,cash_settlement_id,updated_at}';
BEGIN
    IF to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change
        OR (OLD.status = 'reversed' AND (NEW.status, NEW.reversed_on, NEW.reversal_reason, NEW.reversed_by)
            IS DISTINCT FROM (OLD.status, OLD.reversed_on, OLD.reversal_reason, OLD.reversed_by))
        OR (OLD.cash_settlement_id IS NOT NULL AND NEW.cash_settlement_id IS DISTINCT FROM OLD.cash_settlement_id) THEN
        RAISE EXCEPTION 'payment % can only be reversed', OLD.receipt_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION payment_allocations_only_released() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.released_on IS NOT NULL OR NEW.released_on IS NULL
        OR to_jsonb(NEW) - '{released_on,updated_at}'::text[] <> to_jsonb(OLD) - '{released_on,updated_at}'::text[] THEN
        RAISE EXCEPTION 'an allocation can only be released'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_money_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_payments_only_reversed BEFORE UPDATE ON payments
    FOR EACH ROW EXECUTE FUNCTION payments_only_reversed();
CREATE TRIGGER tr_payment_allocations_only_released BEFORE UPDATE ON payment_allocations
    FOR EACH ROW EXECUTE FUNCTION payment_allocations_only_released();
CREATE TRIGGER tr_money_frozen BEFORE DELETE ON payments FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE DELETE ON payment_allocations FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE UPDATE OR DELETE ON write_offs FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_money_frozen BEFORE UPDATE OR DELETE ON cash_settlements
    FOR EACH ROW EXECUTE FUNCTION money_frozen();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON payments EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON payment_allocations EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON opening_balances EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON write_offs EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON cash_settlements EXECUTE FUNCTION never_truncated();
"""

MONEY_ADDS_UP = """
CREATE FUNCTION allocations_within_payment_and_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    has numeric;
    paper invoices;
BEGIN
    SELECT CASE status WHEN 'received' THEN amount ELSE 0 END INTO has
    FROM payments WHERE id = NEW.payment_id FOR NO KEY UPDATE;
    SELECT * INTO paper FROM invoices WHERE id = NEW.invoice_id FOR NO KEY UPDATE;
    -- On the day of each choice: a choice entered for a day gone by must not meet one that was released since.
    IF has < ANY (SELECT sum(b.amount) FROM payment_allocations a JOIN payment_allocations b
            ON b.payment_id = a.payment_id AND b.allocated_on <= a.allocated_on
                AND (b.released_on IS NULL OR b.released_on > a.allocated_on)
            WHERE a.payment_id = NEW.payment_id GROUP BY a.id) THEN
        RAISE EXCEPTION 'more is allocated than payment % has', NEW.payment_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_allocations_within_payment';
    ELSIF EXISTS (SELECT FROM payment_allocations WHERE id = NEW.id AND released_on IS NULL)
        AND (paper.status <> 'issued' OR paper.total < (SELECT coalesce(sum(amount), 0) FROM (
            SELECT amount FROM payment_allocations WHERE invoice_id = NEW.invoice_id AND released_on IS NULL
            UNION ALL SELECT total FROM credit_notes WHERE invoice_id = NEW.invoice_id
            UNION ALL SELECT amount FROM write_offs WHERE invoice_id = NEW.invoice_id) taken)) THEN
        RAISE EXCEPTION 'more is allocated than invoice % takes', coalesce(paper.number, NEW.invoice_id::text)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_allocations_within_invoice';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_allocations_within AFTER INSERT ON payment_allocations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION allocations_within_payment_and_invoice();
CREATE FUNCTION invoices_reduced_within_total() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE CONSTRAINT TRIGGER tr_invoices_reduced_within_total AFTER INSERT ON credit_notes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoices_reduced_within_total();
CREATE CONSTRAINT TRIGGER tr_invoices_reduced_within_total AFTER INSERT ON write_offs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.invoice_id IS NOT NULL)
    EXECUTE FUNCTION invoices_reduced_within_total();
CREATE FUNCTION gone_papers_hold_no_money() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'payments' THEN
        IF EXISTS (SELECT FROM payment_allocations WHERE payment_id = NEW.id AND released_on IS NULL) THEN
            RAISE EXCEPTION 'reversed payment % is still allocated', NEW.receipt_no
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_gone_papers_hold_no_money';
        END IF;
    ELSIF EXISTS (SELECT FROM payment_allocations WHERE invoice_id = NEW.id AND released_on IS NULL)
        OR EXISTS (SELECT FROM write_offs WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'money stands on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_gone_papers_hold_no_money';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_gone_papers_hold_no_money AFTER UPDATE OF status ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'reversed')
    EXECUTE FUNCTION gone_papers_hold_no_money();
CREATE CONSTRAINT TRIGGER tr_gone_papers_hold_no_money AFTER UPDATE OF status ON invoices
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'void')
    EXECUTE FUNCTION gone_papers_hold_no_money();
CREATE FUNCTION cash_settlements_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE CONSTRAINT TRIGGER tr_cash_settlements_add_up AFTER INSERT ON cash_settlements
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cash_settlements_add_up();
CREATE CONSTRAINT TRIGGER tr_cash_settlements_add_up AFTER INSERT OR UPDATE OF cash_settlement_id ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.cash_settlement_id IS NOT NULL)
    EXECUTE FUNCTION cash_settlements_add_up();
"""

AUDIT = """
CREATE TRIGGER tr_audit_insert AFTER INSERT ON cash_settlements REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON cash_settlements REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON cash_settlements
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_update AFTER UPDATE ON cash_settlements REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_insert AFTER INSERT ON payments REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON payments REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_update AFTER UPDATE ON payments REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_insert AFTER INSERT ON payment_allocations REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON payment_allocations REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON payment_allocations
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_update AFTER UPDATE ON payment_allocations REFERENCING OLD TABLE AS departed NEW TABLE AS
    arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_insert AFTER INSERT ON opening_balances REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON opening_balances REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON opening_balances
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_update AFTER UPDATE ON opening_balances REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_insert AFTER INSERT ON write_offs REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_delete AFTER DELETE ON write_offs REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
CREATE TRIGGER tr_audit_truncate BEFORE TRUNCATE ON write_offs
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');

CREATE TRIGGER tr_audit_update AFTER UPDATE ON write_offs REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{created_at,updated_at}', 'id');
"""


def upgrade() -> None:
    run(TABLES)
    run(CUSTOMER_LEDGER)
    run(OPEN_ITEMS)
    run(APPLICATIONS)
    run(MONEY_FROZEN)
    run(MONEY_ADDS_UP)
    run(AUDIT)


def downgrade() -> None:
    refuse_data_loss(
        "SELECT FROM payments UNION ALL SELECT FROM opening_balances UNION ALL SELECT FROM write_offs"
        " UNION ALL SELECT FROM cash_settlements",
        "payments, opening balances and write-offs",
    )
    run("""
DROP FUNCTION applications(uuid[], date);
DROP FUNCTION open_items(uuid[], date);
DROP VIEW customer_ledger;
DROP TRIGGER tr_gone_papers_hold_no_money ON invoices;
DROP TRIGGER tr_invoices_reduced_within_total ON credit_notes;
DROP TABLE write_offs;
DROP TABLE opening_balances;
DROP TABLE payment_allocations;
DROP TABLE payments;
DROP TABLE cash_settlements;
DROP SEQUENCE receipt_numbers;
DROP FUNCTION cash_settlements_add_up();
DROP FUNCTION gone_papers_hold_no_money();
DROP FUNCTION invoices_reduced_within_total();
DROP FUNCTION allocations_within_payment_and_invoice();
DROP FUNCTION payment_allocations_only_released();
DROP FUNCTION payments_only_reversed();
DROP FUNCTION money_frozen();
""")
