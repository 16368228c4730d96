"""The one balance: the ledger, what is open as of a day, what settles what; and the guards of the money's tables.

``customer_ledger`` is every entry that changed what a customer owes. ``open_items`` and ``applications`` apply what
came in, as of any day: a credit note and a write-off to their own invoice, a chosen allocation as far as its invoice
still takes it, and the rest oldest first (opening balance, then invoices by date). Nothing of that is stored, so
nothing has to be applied anew when a paper is issued or voided, or a payment is reversed.

A voided paper counts as never issued, on any day: its two entries bear its own date. A reversed payment counts from
its receipt to its reversal.
"""

from dairy_app.database.ddl import after_tables, before_tables
from dairy_app.receivables.rules import SCHEMES

# A reference as two people copy it from two places is one: without blanks and signs, in capitals, without the word
# before it that says what it is. ``UPI Ref No. 4242``, ``utr-4242`` and ``4242`` are the same, ``UPI T24`` and ``t24``
# too. A word that is written together with letters stays: nobody can say where it ends.
BARE_REFERENCE = rf"""
CREATE FUNCTION bare_reference(reference text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(nullif(regexp_replace(regexp_replace(regexp_replace(upper(reference),
    '^([^[:alnum:]]*({SCHEMES})+[^[:alnum:]]+)+', ''),
    '[^[:alnum:]]', '', 'g'),
    '^({SCHEMES})+(?=[0-9])', ''),
    ''), upper(reference));
"""

# Numbers of receipts follow each other without a gap.
NEXT_RECEIPT_NO = """
CREATE FUNCTION next_receipt_no() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    taken integer;
BEGIN
    INSERT INTO receipt_series AS r (series, next_no) VALUES ('R', 2)
    ON CONFLICT (series) DO UPDATE SET next_no = r.next_no + 1 RETURNING next_no - 1 INTO taken;
    RETURN 'R' || lpad(taken::text, 7, '0');
END $$;
"""

# The order of entries of one day is the order of ``place``.
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

# ``p_customers`` NULL: all. ``net`` is what is left of a debit after its own credit notes and write-offs, ``rest``
# what the chosen allocations leave of it. A chosen amount that its invoice no longer takes is free money again.
_AS_OF = """
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
)"""

# Rows with ``open`` 0 are settled debits. What came in and found no debit is one row of kind credit, below 0: so the
# sum of ``open`` is the balance.
OPEN_ITEMS = f"""
CREATE FUNCTION open_items(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, kind text, document_id uuid, document text, document_date date, due_date date, amount numeric,
    open numeric)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH{_AS_OF}, pools AS (
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

# Two queues of amounts laid side by side: where a credit and a debit cover the same stretch, that much is settled.
APPLICATIONS = f"""
CREATE FUNCTION applications(p_customers uuid[], p_as_of date) RETURNS TABLE (
    customer_id uuid, credit_kind text, credit_id uuid, debit_kind text, debit_id uuid, amount numeric,
    is_chosen boolean)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH{_AS_OF}
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

# Written once: what a row may still learn is that it was reversed, settled or released.
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

# Deferred: a payment and its allocations, a settlement and its payments are several rows. Services hold the
# customer's row; the locks here make psql wait too.
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

before_tables(BARE_REFERENCE)
before_tables(NEXT_RECEIPT_NO)
after_tables(CUSTOMER_LEDGER)
after_tables(OPEN_ITEMS)
after_tables(APPLICATIONS)
after_tables(MONEY_FROZEN, {"tr_money_frozen": "illegal_transition"})
after_tables(
    MONEY_ADDS_UP,
    {
        "tr_allocations_within_payment": "allocation_exceeds_balance",
        "tr_allocations_within_invoice": "allocation_exceeds_balance",
        "tr_invoices_reduced_within_total": "allocation_exceeds_balance",
        "tr_invoices_reduced_after_date": "validation_failed",
        "tr_gone_papers_hold_no_money": "in_use",
        "tr_cash_settlements_add_up": "validation_failed",
    },
)
