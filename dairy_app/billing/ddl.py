"""The billing period of a day, the opening of drafts, the frozen papers, and the chain of hashes.

``open_drafts`` is the one place that decides which draft a delivery joins; confirming, importing and voiding
call it. Its caller holds the customers' rows FOR NO KEY UPDATE.
"""

import dairy_app.business.ddl  # noqa: F401 - late_through asks returns_filed_through, which must be there first
from dairy_app.database.ddl import after_tables

# Weeks are those of the month (1–7, 8–14, 15–21, 22–28, rest): a period never spans two months, so every
# paper belongs to one month and one financial year.
BILLING_PERIODS = """
CREATE FUNCTION billing_period_start(cycle text, day date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_trunc('month', day::timestamp)::date + CASE cycle
    WHEN 'half_monthly' THEN CASE WHEN extract(day FROM day) > 15 THEN 15 ELSE 0 END
    WHEN 'weekly' THEN (extract(day FROM day)::integer - 1) / 7 * 7
    ELSE 0 END;
CREATE FUNCTION billing_period_end(cycle text, day date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN cycle = 'half_monthly' AND extract(day FROM day) <= 15
        THEN date_trunc('month', day::timestamp)::date + 14
    WHEN cycle = 'weekly' AND extract(day FROM day) <= 28
        THEN date_trunc('month', day::timestamp)::date + ((extract(day FROM day)::integer - 1) / 7 * 7 + 6)
    ELSE (date_trunc('month', day::timestamp) + interval '1 month - 1 day')::date END;
CREATE FUNCTION financial_year(day date, first_month integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lpad((extract(year FROM day - make_interval(months => first_month - 1))::integer % 100)::text, 2, '0')
    || lpad(((extract(year FROM day - make_interval(months => first_month - 1))::integer + 1) % 100)::text, 2, '0');
"""

# A paper for a period up to this day is dated the day it is made: the return is filed, or the financial year is over
# and closed even to those who file late.
LATE_THROUGH = """
CREATE FUNCTION late_through(p_day date) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT greatest(returns_filed_through(p_day), least(
    (date_trunc('month', p_day::timestamp) - interval '1 month')::date - 1,
    (date_trunc('year', p_day - make_interval(months => s.financial_year_start_month - 1))
        + make_interval(months => s.financial_year_start_month - 1))::date - 1)) FROM settings s);
"""

# Two statements on purpose: the second must see what the first opened.
OPEN_DRAFTS = """
CREATE FUNCTION open_drafts(p_customers uuid[], p_days date[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- A day that no live paper holds: the cycle's period, clipped to its neighbours.
    INSERT INTO invoices (customer_id, period_start, period_end)
    SELECT DISTINCT c.id,
        greatest(billing_period_start(c.billing_cycle, w.day), before.period_end + 1),
        least(billing_period_end(c.billing_cycle, w.day), after.period_start - 1)
    FROM unnest(p_customers, p_days) AS w (customer_id, day)
    JOIN customers c ON c.id = w.customer_id
    CROSS JOIN LATERAL (SELECT max(i.period_end) AS period_end FROM invoices i
        WHERE i.customer_id = c.id AND i.status IN ('draft', 'issued') AND i.companion_of IS NULL
            AND i.period_end < w.day) before
    CROSS JOIN LATERAL (SELECT min(i.period_start) AS period_start FROM invoices i
        WHERE i.customer_id = c.id AND i.status IN ('draft', 'issued') AND i.companion_of IS NULL
            AND i.period_start > w.day) after
    WHERE NOT EXISTS (SELECT FROM invoices i
        WHERE i.customer_id = c.id AND i.status IN ('draft', 'issued') AND i.companion_of IS NULL
            AND w.day BETWEEN i.period_start AND i.period_end);
    -- The day's paper is issued and no later draft takes the late delivery: open the next one.
    INSERT INTO invoices (customer_id, period_start, period_end)
    SELECT DISTINCT c.id, last.period_end + 1, billing_period_end(c.billing_cycle, last.period_end + 1)
    FROM unnest(p_customers, p_days) AS w (customer_id, day)
    JOIN customers c ON c.id = w.customer_id
    CROSS JOIN LATERAL (SELECT max(i.period_end) AS period_end FROM invoices i
        WHERE i.customer_id = c.id AND i.status IN ('draft', 'issued') AND i.companion_of IS NULL) last
    WHERE NOT EXISTS (SELECT FROM invoices i
        WHERE i.customer_id = c.id AND i.status = 'draft' AND i.companion_of IS NULL AND i.period_end >= w.day);
END $$;
CREATE FUNCTION draft_for(p_customer uuid, p_day date) RETURNS uuid LANGUAGE sql STABLE
RETURN (SELECT i.id FROM invoices i
    WHERE i.customer_id = p_customer AND i.status = 'draft' AND i.companion_of IS NULL AND i.period_end >= p_day
    ORDER BY i.period_start LIMIT 1);
"""

INVOICES_FROZEN = """
CREATE FUNCTION invoices_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF OLD.status = 'draft' AND NEW.status IN ('draft', 'issued')
        AND NEW.id = OLD.id AND NEW.customer_id = OLD.customer_id
        AND NEW.companion_of IS NOT DISTINCT FROM OLD.companion_of THEN
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND NEW.status = 'void'
        AND to_jsonb(NEW) - '{status,void_reason,voided_at,voided_by,voided_after_return,updated_at}'::text[]
          = to_jsonb(OLD) - '{status,void_reason,voided_at,voided_by,voided_after_return,updated_at}'::text[] THEN
        IF NOT NEW.voided_after_return
            AND OLD.invoice_date <= returns_filed_through((NEW.voided_at AT TIME ZONE
                (SELECT time_zone FROM settings))::date) THEN
            RAISE EXCEPTION 'the return that holds invoice % is filed', OLD.number
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_return_filed';
        END IF;
        RETURN NEW;
    ELSIF OLD.status = 'issued' AND TG_OP = 'UPDATE' AND OLD.irn IS NULL AND NEW.irn IS NOT NULL
        AND to_jsonb(NEW) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[]
          = to_jsonb(OLD) - '{irn,ack_no,ack_date,signed_qr,updated_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'invoice % is % and can no longer change', coalesce(OLD.number, OLD.id::text), OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_frozen';
END $$;
CREATE TRIGGER tr_invoices_frozen BEFORE UPDATE OR DELETE ON invoices
    FOR EACH ROW EXECUTE FUNCTION invoices_frozen();
CREATE FUNCTION invoices_begin_as_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an invoice begins as a draft'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_begin_as_drafts';
END $$;
CREATE TRIGGER tr_invoices_begin_as_drafts BEFORE INSERT ON invoices
    FOR EACH ROW WHEN (NEW.status NOT IN ('draft', 'external')) EXECUTE FUNCTION invoices_begin_as_drafts();
CREATE FUNCTION invoice_lines_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen boolean;
BEGIN
    SELECT bool_or(status <> 'draft') INTO frozen
    FROM (SELECT status FROM invoices WHERE id IN (SELECT invoice_id FROM changed) ORDER BY id FOR SHARE) paper;
    IF frozen THEN
        RAISE EXCEPTION 'lines of an issued invoice are frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoice_lines_frozen';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_invoice_lines_frozen_insert AFTER INSERT ON invoice_lines
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION invoice_lines_frozen();
CREATE TRIGGER tr_invoice_lines_frozen_old AFTER DELETE ON invoice_lines
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION invoice_lines_frozen();
CREATE FUNCTION invoice_lines_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an invoice line is written once'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoice_lines_frozen';
END $$;
CREATE TRIGGER tr_invoice_lines_never_change BEFORE UPDATE ON invoice_lines
    FOR EACH ROW EXECUTE FUNCTION invoice_lines_never_change();
"""

# That a void paper keeps no orders is deferred to the commit: by then they have moved to its fresh draft. That an
# issued paper equals its lines is asked once a statement, because nothing of it can change afterwards; a paper and its
# companion are issued by one statement.
INVOICES_WHOLE_AT_COMMIT = """
CREATE FUNCTION invoices_void_keeps_no_orders() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE CONSTRAINT TRIGGER tr_invoices_void_keeps_no_orders AFTER UPDATE OF status ON invoices
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'void')
    EXECUTE FUNCTION invoices_void_keeps_no_orders();
CREATE FUNCTION invoices_equal_their_lines() RETURNS trigger LANGUAGE plpgsql AS $$
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
    SELECT n.number INTO wrong FROM arrived n JOIN departed d ON d.id = n.id AND d.status = 'draft'
    WHERE n.status = 'issued' AND n.invoice_date <= (SELECT late_through((min(m.issued_at) AT TIME ZONE
        (SELECT time_zone FROM settings))::date) FROM arrived m)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % is dated into a month whose return is filed', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_dated_after_return';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_invoices_equal_their_lines AFTER UPDATE ON invoices
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_equal_their_lines();
"""

# A draft that ends before a day delivered on it would bill that day out of its period; one that is emptied with
# TRUNCATE would forget it. The first is deferred: cutting a draft and moving its later orders are two statements.
PAPERS_KEEP_THEIR_ORDERS = """
CREATE FUNCTION invoices_end_after_their_orders() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE CONSTRAINT TRIGGER tr_invoices_end_after_their_orders AFTER UPDATE OF period_end ON invoices
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.period_end < OLD.period_end)
    EXECUTE FUNCTION invoices_end_after_their_orders();
CREATE FUNCTION never_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never truncated: it holds what was delivered and billed', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_never_truncated';
END $$;
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON orders EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON order_items EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON delivery_statuses EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON invoices EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON invoice_lines EXECUTE FUNCTION never_truncated();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON number_series EXECUTE FUNCTION never_truncated();
"""

# An adjustment joins a draft and leaves it only for another one, as an order does.
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
CREATE FUNCTION adjustments_take_class() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT default_adjustment_class INTO NEW.tax_class FROM settings;
    IF NEW.tax_class IS NULL AND EXISTS (SELECT FROM settings WHERE gstin IS NOT NULL) THEN
        RAISE EXCEPTION 'an adjustment of a registered seller needs a tax class'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_adjustments_take_class';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_adjustments_take_class BEFORE INSERT ON adjustments
    FOR EACH ROW WHEN (NEW.tax_class IS NULL) EXECUTE FUNCTION adjustments_take_class();
CREATE TRIGGER tr_never_truncated BEFORE TRUNCATE ON adjustments EXECUTE FUNCTION never_truncated();
"""

# A note and its lines are several rows: whether they agree, and take back no more than the invoice's lines have, is
# judged at the commit. The lock makes two notes of one invoice wait for each other, whoever writes them.
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
            AND l.unit IN ('piece', 'packet', 'dozen') AND l.source <> 'adjustment') THEN
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
CREATE CONSTRAINT TRIGGER tr_credit_notes_add_up AFTER INSERT ON credit_notes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION credit_notes_add_up();
CREATE CONSTRAINT TRIGGER tr_credit_note_lines_add_up AFTER INSERT ON credit_note_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION credit_notes_add_up();
"""

# Both would take numbers from one row, and each would break the other's chain.
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

# A running hash over a window: chained_sha256(content, hash before the first) OVER (ORDER BY sequence_no).
DOCUMENT_CHAIN = """
CREATE FUNCTION chain_step(state text, content text, before text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(coalesce(state, before) || content, 'UTF8')), 'hex');
CREATE AGGREGATE chained_sha256(content text, before text) (SFUNC = chain_step, STYPE = text);
"""

after_tables(BILLING_PERIODS)
after_tables(LATE_THROUGH)
after_tables(OPEN_DRAFTS)
after_tables(
    INVOICES_FROZEN,
    {
        "tr_invoices_frozen": "invoice_issued",
        "tr_invoices_return_filed": "return_filed",
        "tr_invoices_begin_as_drafts": "illegal_transition",
        "tr_invoice_lines_frozen": "invoice_issued",
    },
)
after_tables(
    INVOICES_WHOLE_AT_COMMIT,
    {
        "tr_invoices_void_keeps_no_orders": "illegal_transition",
        "tr_invoices_void_has_no_notes": "in_use",
        "tr_invoices_equal_their_lines": "illegal_transition",
        "tr_invoices_dated_after_return": "return_filed",
    },
)
after_tables(
    PAPERS_KEEP_THEIR_ORDERS,
    {"tr_invoices_end_after_their_orders": "illegal_transition", "tr_never_truncated": "illegal_transition"},
)
after_tables(
    ADJUSTMENTS_TOUCH_ONLY_DRAFTS,
    {
        "tr_adjustments_touch_only_drafts": "invoice_issued",
        "tr_adjustments_within_period": "illegal_transition",
        "tr_adjustments_take_class": "validation_failed",
    },
)
after_tables(
    CREDIT_NOTES,
    {
        "tr_credit_notes_frozen": "illegal_transition",
        "tr_credit_notes_after_return": "return_filed",
        "tr_credit_notes_on_issued": "illegal_transition",
        "tr_credit_notes_add_up": "validation_failed",
        "tr_credit_notes_whole": "validation_failed",
        "tr_credit_notes_within_lines": "credit_exceeds_line",
    },
)
after_tables(SERIES_STAY_APART, {"tr_settings_series_stay_apart": "in_use"})
after_tables(DOCUMENT_CHAIN)
