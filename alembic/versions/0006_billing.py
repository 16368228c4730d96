"""STEP 23: nothing delivered stays unbilled, nothing is billed twice.

Why: a delivered order stands on a draft invoice from now on, by constraint; the backfill puts every delivered order
    of the past on a draft of its month, which is the recovery of past revenue.
Locks: a moment of ACCESS EXCLUSIVE on orders for each catalogue change, and of SHARE ROW EXCLUSIVE for each trigger.
    Past deliveries join their drafts some customers at a time, each customer's row held meanwhile. Cut short, it is
    run again.
Undo: drops invoices and settings; refuses while issued invoices exist unless told.
"""

from dairy_app.common.revisions import in_batches, in_steps, is_there, refuse_data_loss, run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE number_series (
    series text NOT NULL,
    financial_year text NOT NULL,
    next_no integer DEFAULT 1 NOT NULL,
    last_date date,
    last_hash text DEFAULT repeat('0', 64) NOT NULL,
    CONSTRAINT pk_number_series PRIMARY KEY (series, financial_year),
    CONSTRAINT ck_number_series_series_format CHECK (series ~ '^[A-Z]{1,3}$'),
    CONSTRAINT ck_number_series_financial_year_format CHECK (financial_year ~ '^[0-9]{4}$'),
    CONSTRAINT ck_number_series_next_no_range CHECK (next_no BETWEEN 1 AND 10000000)
);
CREATE TABLE settings (
    id boolean DEFAULT true NOT NULL,
    business_name text,
    legal_name text,
    address text,
    gstin text,
    state_code text,
    fssai_no text,
    phone text,
    upi_id text,
    time_zone text DEFAULT 'Asia/Kolkata' NOT NULL,
    language text DEFAULT 'en' NOT NULL,
    invoice_series text DEFAULT 'INV' NOT NULL,
    due_days smallint DEFAULT 10 NOT NULL,
    invoice_date_rule text DEFAULT 'period_end' NOT NULL,
    prices_include_tax boolean DEFAULT true NOT NULL,
    tax_rate_date text DEFAULT 'invoice_date' NOT NULL,
    delivery_window_days smallint DEFAULT 1 NOT NULL,
    cutoff_morning time,
    cutoff_evening time,
    unusual_total_percent numeric(5, 2) DEFAULT 50,
    billing_chunk integer DEFAULT 5000 NOT NULL,
    books_closed_through date,
    financial_year_start_month smallint DEFAULT 4 NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_settings PRIMARY KEY (id),
    CONSTRAINT ck_settings_one_row CHECK (id),
    CONSTRAINT ck_settings_gstin_format CHECK (gstin ~ '^[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]$'),
    CONSTRAINT ck_settings_gstin_of_state CHECK (gstin IS NULL OR left(gstin, 2) = state_code),
    CONSTRAINT ck_settings_state_code_format CHECK (state_code ~ '^[0-9]{2}$'),
    CONSTRAINT ck_settings_fssai_no_format CHECK (fssai_no ~ '^[0-9]{14}$'),
    CONSTRAINT ck_settings_invoice_series_format CHECK (invoice_series ~ '^[A-Z]{1,3}$'),
    CONSTRAINT ck_settings_due_days_range CHECK (due_days BETWEEN 0 AND 365),
    CONSTRAINT ck_settings_delivery_window_days_range CHECK (delivery_window_days BETWEEN 0 AND 31),
    CONSTRAINT ck_settings_unusual_total_percent_range CHECK (unusual_total_percent > 0),
    CONSTRAINT ck_settings_billing_chunk_range CHECK (billing_chunk BETWEEN 1 AND 50000),
    CONSTRAINT ck_settings_financial_year_start_month_range CHECK (financial_year_start_month BETWEEN 1 AND 12),
    CONSTRAINT ck_settings_invoice_date_rule_known CHECK (invoice_date_rule IN ('period_end', 'run_date')),
    CONSTRAINT ck_settings_tax_rate_date_known CHECK (tax_rate_date IN ('invoice_date', 'delivery_date'))
);
CREATE TABLE tax_classes (
    code text NOT NULL,
    description text NOT NULL,
    hsn_prefix text,
    is_packed boolean,
    is_default boolean DEFAULT false NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_tax_classes PRIMARY KEY (code),
    CONSTRAINT ck_tax_classes_hsn_prefix_format CHECK (hsn_prefix ~ '^[0-9]{2,8}$')
);
CREATE UNIQUE INDEX uq_tax_classes_default ON tax_classes (is_default) WHERE is_default;
CREATE TABLE billing_runs (
    id uuid DEFAULT uuid7() NOT NULL,
    period text NOT NULL,
    through date,
    status text DEFAULT 'running' NOT NULL,
    requested_by uuid,
    customers_total integer DEFAULT 0 NOT NULL,
    customers_done integer DEFAULT 0 NOT NULL,
    invoices_issued integer DEFAULT 0 NOT NULL,
    orders_billed integer DEFAULT 0 NOT NULL,
    one_time_orders_billed integer DEFAULT 0 NOT NULL,
    one_time_amount numeric(12, 2) DEFAULT 0 NOT NULL,
    prior_period_orders integer DEFAULT 0 NOT NULL,
    total numeric(12, 2) DEFAULT 0 NOT NULL,
    skipped jsonb DEFAULT '[]' NOT NULL,
    started_at timestamptz DEFAULT now() NOT NULL,
    heartbeat_at timestamptz DEFAULT now() NOT NULL,
    finished_at timestamptz,
    error text,
    idempotency_key text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_billing_runs PRIMARY KEY (id),
    CONSTRAINT fk_billing_runs_requested_by FOREIGN KEY (requested_by) REFERENCES users (id),
    CONSTRAINT uq_billing_runs_idempotency_key UNIQUE (idempotency_key),
    CONSTRAINT ck_billing_runs_status_known CHECK (status IN ('running', 'completed', 'failed')),
    CONSTRAINT ck_billing_runs_period_format CHECK (period ~ '^20[0-9]{2}-(0[1-9]|1[0-2])$'),
    CONSTRAINT ck_billing_runs_finished_iff_not_running CHECK ((status = 'running') = (finished_at IS NULL)),
    CONSTRAINT ck_billing_runs_failed_iff_error CHECK ((status = 'failed') = (error IS NOT NULL))
);
CREATE INDEX ix_billing_runs_started ON billing_runs (started_at, id);
CREATE TABLE tax_rates (
    id uuid DEFAULT uuid7() NOT NULL,
    tax_class text NOT NULL,
    supply_type text NOT NULL,
    gst_rate numeric(5, 2) NOT NULL,
    valid daterange NOT NULL,
    source text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_tax_rates PRIMARY KEY (id),
    CONSTRAINT fk_tax_rates_tax_class FOREIGN KEY (tax_class) REFERENCES tax_classes (code),
    CONSTRAINT ck_tax_rates_supply_type_known CHECK (supply_type IN ('taxable', 'exempt', 'nil_rated', 'non_gst')),
    CONSTRAINT ck_tax_rates_gst_rate_range CHECK (gst_rate BETWEEN 0 AND 100),
    CONSTRAINT ck_tax_rates_only_taxable_has_rate CHECK ((supply_type = 'taxable') = (gst_rate > 0)),
    CONSTRAINT ck_tax_rates_valid_not_empty CHECK (NOT isempty(valid)),
    CONSTRAINT ex_tax_rates_in_force EXCLUDE USING gist (tax_class WITH =, valid WITH &&)
);
CREATE TABLE invoices (
    id uuid DEFAULT uuid7() NOT NULL,
    customer_id uuid NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    status text DEFAULT 'draft' NOT NULL,
    document_type text,
    companion_of uuid,
    series text,
    financial_year text,
    sequence_no integer,
    number text,
    invoice_date date,
    due_date date,
    snapshot jsonb,
    place_of_supply text,
    taxable_value numeric(12, 2),
    exempt_value numeric(12, 2),
    cgst numeric(12, 2),
    sgst numeric(12, 2),
    igst numeric(12, 2),
    round_off numeric(12, 2),
    total numeric(12, 2),
    previous_balance numeric(12, 2),
    issued_at timestamptz,
    issued_by uuid,
    billing_run_id uuid,
    void_reason text,
    voided_at timestamptz,
    voided_by uuid,
    document_hash text,
    previous_hash text,
    hash_version smallint,
    legacy_id text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_invoices PRIMARY KEY (id),
    CONSTRAINT fk_invoices_customer_id FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT fk_invoices_billing_run_id FOREIGN KEY (billing_run_id) REFERENCES billing_runs (id),
    CONSTRAINT fk_invoices_issued_by FOREIGN KEY (issued_by) REFERENCES users (id),
    CONSTRAINT fk_invoices_voided_by FOREIGN KEY (voided_by) REFERENCES users (id),
    CONSTRAINT fk_invoices_companion_of_customer FOREIGN KEY (companion_of, customer_id) REFERENCES invoices (id,
        customer_id),
    CONSTRAINT uq_invoices_id_customer_id UNIQUE (id, customer_id),
    CONSTRAINT uq_invoices_companion_of UNIQUE (companion_of),
    CONSTRAINT uq_invoices_series_financial_year_sequence_no UNIQUE (series, financial_year, sequence_no),
    CONSTRAINT uq_invoices_financial_year_number UNIQUE (financial_year, number),
    CONSTRAINT ck_invoices_status_known CHECK (status IN ('draft', 'issued', 'void', 'external')),
    CONSTRAINT ck_invoices_document_type_known CHECK (document_type IN ('tax_invoice', 'bill_of_supply',
        'invoice_cum_bill_of_supply', 'invoice')),
    CONSTRAINT ck_invoices_period_in_order CHECK (period_end >= period_start),
    CONSTRAINT ck_invoices_period_finite CHECK (isfinite(period_start) AND isfinite(period_end)),
    CONSTRAINT ck_invoices_numbered_iff_issued CHECK (num_nulls(number, series, financial_year, sequence_no,
        invoice_date, due_date, document_type, snapshot, taxable_value, exempt_value, cgst, sgst, igst, round_off,
        total, previous_balance, issued_at, document_hash, previous_hash, hash_version) = CASE WHEN status IN
        ('issued', 'void') THEN 0 ELSE 20 END),
    CONSTRAINT ck_invoices_number_format CHECK (number ~ '^[A-Z0-9/-]{1,16}$'),
    CONSTRAINT ck_invoices_due_not_before_date CHECK (due_date >= invoice_date),
    CONSTRAINT ck_invoices_total_adds_up CHECK (total = taxable_value + exempt_value + cgst + sgst + igst +
        round_off),
    CONSTRAINT ck_invoices_round_off_below_rupee CHECK (abs(round_off) < 1),
    CONSTRAINT ck_invoices_one_kind_of_gst CHECK (igst = 0 OR (cgst = 0 AND sgst = 0)),
    CONSTRAINT ck_invoices_cgst_equals_sgst CHECK (cgst = sgst),
    CONSTRAINT ck_invoices_void_has_reason CHECK ((status = 'void') = (voided_at IS NOT NULL) AND (status = 'void') =
        (void_reason IS NOT NULL)),
    CONSTRAINT ex_invoices_live_period EXCLUDE USING gist (customer_id WITH =, daterange(period_start, period_end,
        '[]') WITH &&) WHERE (status IN ('draft', 'issued') AND companion_of IS NULL),
    CONSTRAINT uq_invoices_legacy_id UNIQUE (legacy_id)
);
CREATE INDEX ix_invoices_customer ON invoices (customer_id, period_start);
CREATE INDEX ix_invoices_date ON invoices (invoice_date, id) WHERE invoice_date IS NOT NULL;
CREATE INDEX ix_invoices_draft_periods ON invoices (period_end) WHERE status = 'draft';
CREATE INDEX ix_invoices_drafts ON invoices (customer_id, period_end) WHERE status = 'draft';
CREATE INDEX ix_invoices_run ON invoices (billing_run_id) WHERE billing_run_id IS NOT NULL;
CREATE TABLE invoice_lines (
    invoice_id uuid NOT NULL,
    line_no integer NOT NULL,
    product_id uuid,
    description text NOT NULL,
    hsn_code text,
    unit text NOT NULL,
    source text NOT NULL,
    prior_period boolean NOT NULL,
    deliveries integer NOT NULL,
    first_date date NOT NULL,
    last_date date NOT NULL,
    quantity numeric(10, 3) NOT NULL,
    unit_price numeric(12, 2) NOT NULL,
    gross_amount numeric(12, 2) NOT NULL,
    discount numeric(12, 2) DEFAULT 0 NOT NULL,
    supply_type text NOT NULL,
    gst_rate numeric(5, 2) NOT NULL,
    taxable_value numeric(12, 2) NOT NULL,
    cgst numeric(12, 2) NOT NULL,
    sgst numeric(12, 2) NOT NULL,
    igst numeric(12, 2) NOT NULL,
    line_total numeric(12, 2) NOT NULL,
    CONSTRAINT pk_invoice_lines PRIMARY KEY (invoice_id, line_no),
    CONSTRAINT fk_invoice_lines_invoice_id FOREIGN KEY (invoice_id) REFERENCES invoices (id),
    CONSTRAINT fk_invoice_lines_product_id FOREIGN KEY (product_id) REFERENCES products (id),
    CONSTRAINT ck_invoice_lines_source_known CHECK (source IN ('subscription', 'one_time', 'adjustment')),
    CONSTRAINT ck_invoice_lines_supply_type_known CHECK (supply_type IN ('taxable', 'exempt', 'nil_rated',
        'non_gst')),
    CONSTRAINT ck_invoice_lines_gst_rate_range CHECK (gst_rate BETWEEN 0 AND 100),
    CONSTRAINT ck_invoice_lines_dates_in_order CHECK (last_date >= first_date),
    CONSTRAINT ck_invoice_lines_gross_is_quantity_times_price CHECK (gross_amount = round(quantity * unit_price, 2)),
    CONSTRAINT ck_invoice_lines_discount_within_gross CHECK (discount BETWEEN 0 AND abs(gross_amount)),
    CONSTRAINT ck_invoice_lines_line_adds_up CHECK (CASE WHEN gst_rate > 0 THEN line_total = taxable_value + cgst +
        sgst + igst ELSE taxable_value = 0 AND cgst = 0 AND sgst = 0 AND igst = 0 AND line_total = gross_amount -
        discount END)
);
CREATE INDEX ix_invoice_lines_product_id ON invoice_lines (product_id);
"""

# Rates are data: a starting point with its source, to be checked by the dairy's accountant.
SEED = """
INSERT INTO settings DEFAULT VALUES;
INSERT INTO tax_classes (code, description, hsn_prefix, is_packed, is_default) VALUES
    ('milk_fresh', 'Fresh or pasteurised milk', '0401', NULL, false),
    ('milk_uht', 'UHT milk', NULL, NULL, false),
    ('curd_loose', 'Curd, lassi, buttermilk, loose', '0403', false, false),
    ('curd_packed', 'Curd, lassi, buttermilk, pre-packed', '0403', true, false),
    ('yoghurt_cream', 'Yoghurt, cream', NULL, NULL, false),
    ('paneer_loose', 'Paneer, loose', '0406', false, false),
    ('paneer_packed', 'Paneer, pre-packed', '0406', true, false),
    ('cheese', 'Cheese', NULL, NULL, false),
    ('butter_ghee', 'Butter, ghee, dairy spreads', '0405', NULL, false),
    ('condensed_milk', 'Condensed milk', '040299', NULL, false),
    ('milk_powder', 'Milk powder', '0402', NULL, false),
    ('unclassified', 'Not classified: a registered dairy must choose before it bills', NULL, NULL, true);
INSERT INTO tax_rates (tax_class, supply_type, gst_rate, valid, source)
SELECT tax_class, CASE WHEN rate > 0 THEN 'taxable' ELSE 'exempt' END, rate, valid::daterange,
    'GST rate schedules for dairy goods before and from 2025-09-22; verify with your accountant'
FROM (VALUES
    ('milk_fresh', 0, '[2022-07-18,)'),
    ('milk_uht', 5, '[2022-07-18,2025-09-22)'), ('milk_uht', 0, '[2025-09-22,)'),
    ('curd_loose', 0, '[2022-07-18,)'),
    ('curd_packed', 5, '[2022-07-18,)'),
    ('yoghurt_cream', 5, '[2022-07-18,)'),
    ('paneer_loose', 0, '[2022-07-18,)'),
    ('paneer_packed', 5, '[2022-07-18,2025-09-22)'), ('paneer_packed', 0, '[2025-09-22,)'),
    ('cheese', 12, '[2022-07-18,2025-09-22)'), ('cheese', 5, '[2025-09-22,)'),
    ('butter_ghee', 12, '[2022-07-18,2025-09-22)'), ('butter_ghee', 5, '[2025-09-22,)'),
    ('condensed_milk', 12, '[2022-07-18,2025-09-22)'), ('condensed_milk', 5, '[2025-09-22,)'),
    ('milk_powder', 5, '[2022-07-18,)')
) AS seeded (tax_class, rate, valid);
"""

PRODUCTS = """
ALTER TABLE products ADD COLUMN tax_class text;
UPDATE products p SET tax_class = coalesce(
    (SELECT t.code FROM tax_classes t
     WHERE p.hsn_code LIKE t.hsn_prefix || '%' AND (t.is_packed IS NULL OR t.is_packed = p.is_packed)
     ORDER BY length(t.hsn_prefix) DESC, t.is_packed NULLS LAST LIMIT 1), 'unclassified');
ALTER TABLE products ALTER COLUMN tax_class SET NOT NULL;
ALTER TABLE products ADD CONSTRAINT fk_products_tax_class FOREIGN KEY (tax_class) REFERENCES tax_classes (code) NOT
    VALID;
ALTER TABLE products VALIDATE CONSTRAINT fk_products_tax_class;
CREATE INDEX ix_products_tax_class ON products (tax_class);
"""

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

# The caller of open_drafts locks customers; here the table lock of the migration does.
ORDERS = ("ALTER TABLE orders ADD COLUMN IF NOT EXISTS invoice_id uuid;",)
PAST_DELIVERIES = """
SELECT count(*) FROM (SELECT FROM customers WHERE id {among} ORDER BY id FOR NO KEY UPDATE) locked;
SELECT open_drafts(array_agg(customer_id), array_agg(delivered_on))
FROM (SELECT DISTINCT customer_id, delivered_on FROM orders
    WHERE delivered_on IS NOT NULL AND invoice_id IS NULL AND customer_id {among}) past HAVING count(*) > 0;
UPDATE orders SET invoice_id = draft_for(customer_id, delivered_on)
WHERE delivered_on IS NOT NULL AND invoice_id IS NULL AND customer_id {among};
"""
#: What an attempt that was cut short left behind goes first, without a word when there is nothing.
ORDERS_ON_INVOICES = (
    "SET client_min_messages = warning;",
    """
ALTER TABLE orders DROP CONSTRAINT IF EXISTS fk_orders_invoice_of_customer,
    ADD CONSTRAINT fk_orders_invoice_of_customer FOREIGN KEY (invoice_id, customer_id)
    REFERENCES invoices (id, customer_id) NOT VALID;""",
    "ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_invoice_of_customer;",
    """
ALTER TABLE orders DROP CONSTRAINT IF EXISTS ck_orders_delivered_iff_on_invoice,
    ADD CONSTRAINT ck_orders_delivered_iff_on_invoice
    CHECK ((status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) = (invoice_id IS NOT NULL)) NOT VALID;""",
    "ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_delivered_iff_on_invoice;",
    "DROP INDEX CONCURRENTLY IF EXISTS ix_orders_invoice;",
    "CREATE INDEX CONCURRENTLY ix_orders_invoice ON orders (invoice_id) WHERE invoice_id IS NOT NULL;",
    "RESET client_min_messages;",
)

ORDERS_TOUCH_ONLY_DRAFTS = """
CREATE FUNCTION orders_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paper_status text;
    paper_end date;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.invoice_id IS NOT NULL THEN
        SELECT status INTO paper_status FROM invoices WHERE id = OLD.invoice_id FOR SHARE;
        IF TG_OP = 'DELETE' OR paper_status = 'issued'
            OR (paper_status <> 'draft' AND NEW.invoice_id IS NOT DISTINCT FROM OLD.invoice_id) THEN
            RAISE EXCEPTION 'order % stands on an invoice that is %', OLD.id, paper_status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_touch_only_drafts';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.invoice_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.invoice_id IS DISTINCT FROM OLD.invoice_id
        OR NEW.delivered_on IS DISTINCT FROM OLD.delivered_on) THEN
        SELECT status, period_end INTO paper_status, paper_end
        FROM invoices WHERE id = NEW.invoice_id AND companion_of IS NULL FOR SHARE;
        IF paper_status IS DISTINCT FROM 'draft'
            AND NOT (TG_OP = 'INSERT' AND NEW.source = 'import' AND paper_status = 'external') THEN
            RAISE EXCEPTION 'order % can only join a draft invoice', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_touch_only_drafts';
        ELSIF NEW.delivered_on > paper_end THEN
            RAISE EXCEPTION 'order % was delivered after the invoice''s period ended', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_within_period';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tr_orders_touch_only_drafts_insert BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.invoice_id IS NOT NULL) EXECUTE FUNCTION orders_touch_only_drafts();
CREATE TRIGGER tr_orders_touch_only_drafts_update
    BEFORE UPDATE OF id, customer_id, order_type, subscription_id, delivery_date, status, delivered_on, invoice_id
    ON orders FOR EACH ROW WHEN (OLD.invoice_id IS NOT NULL OR NEW.invoice_id IS NOT NULL)
    EXECUTE FUNCTION orders_touch_only_drafts();
CREATE TRIGGER tr_orders_touch_only_drafts_delete BEFORE DELETE ON orders
    FOR EACH ROW WHEN (OLD.invoice_id IS NOT NULL) EXECUTE FUNCTION orders_touch_only_drafts();
"""

ORDER_ITEMS_TOUCH_ONLY_DRAFTS = """
CREATE FUNCTION order_items_touch_only_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    papers uuid[];
    frozen boolean;
    unsaid boolean;
BEGIN
    SELECT array_agg(DISTINCT o.invoice_id), bool_or(changed.delivered_quantity IS NULL) INTO papers, unsaid
    FROM changed JOIN orders o ON o.id = changed.order_id WHERE o.invoice_id IS NOT NULL;
    IF TG_OP = 'UPDATE' THEN
        SELECT papers || array_agg(DISTINCT o.invoice_id) INTO papers
        FROM arrived JOIN orders o ON o.id = arrived.order_id WHERE o.invoice_id IS NOT NULL;
    END IF;
    IF papers IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT bool_or(NOT (status = 'draft' OR (status = 'external' AND TG_OP = 'INSERT'))) INTO frozen
    FROM (SELECT status FROM invoices WHERE id = ANY (papers) ORDER BY id FOR SHARE) paper;
    IF frozen THEN
        RAISE EXCEPTION 'items of an invoiced order are frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_touch_only_drafts';
    ELSIF TG_OP = 'INSERT' AND unsaid THEN
        RAISE EXCEPTION 'an item joins a delivered order only with what was delivered of it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_agree_with_items';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tr_order_items_touch_only_drafts_insert AFTER INSERT ON order_items
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
CREATE TRIGGER tr_order_items_touch_only_drafts_update AFTER UPDATE ON order_items
    REFERENCING OLD TABLE AS changed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
CREATE TRIGGER tr_order_items_touch_only_drafts_delete AFTER DELETE ON order_items
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION order_items_touch_only_drafts();
"""

ORDERS_AGREE_WITH_ITEMS = """
CREATE FUNCTION orders_agree_with_items() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched uuid;
    agrees boolean;
BEGIN
    IF TG_TABLE_NAME = 'orders' THEN
        touched := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        touched := OLD.order_id;
    ELSE
        touched := NEW.order_id;
    END IF;
    SELECT CASE o.status
        WHEN 'DELIVERED' THEN count(i.order_id) > 0 AND count(*) FILTER (WHERE i.item_status = 'full') = count(*)
        WHEN 'PARTIALLY_DELIVERED' THEN count(i.delivered_quantity) = count(*)
            AND sum(i.delivered_quantity) > 0 AND sum(i.delivered_quantity) < sum(i.quantity)
        ELSE coalesce(sum(i.delivered_quantity), 0) = 0 END
    INTO agrees
    FROM orders o LEFT JOIN order_items i ON i.order_id = o.id WHERE o.id = touched GROUP BY o.id;
    IF NOT agrees THEN
        RAISE EXCEPTION 'order % and its items disagree about what was delivered', touched
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_agree_with_items';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_orders_agree_with_items_insert AFTER INSERT ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED')) EXECUTE FUNCTION orders_agree_with_items();
CREATE CONSTRAINT TRIGGER tr_orders_agree_with_items_update AFTER UPDATE OF status ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR OLD.status IN ('DELIVERED', 'PARTIALLY_DELIVERED'))
    EXECUTE FUNCTION orders_agree_with_items();
CREATE CONSTRAINT TRIGGER tr_order_items_agree_insert AFTER INSERT ON order_items
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.delivered_quantity IS NOT NULL)
    EXECUTE FUNCTION orders_agree_with_items();
CREATE CONSTRAINT TRIGGER tr_order_items_agree_update AFTER UPDATE ON order_items
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.delivered_quantity IS NOT NULL OR NEW.delivered_quantity IS NOT NULL)
    EXECUTE FUNCTION orders_agree_with_items();
CREATE CONSTRAINT TRIGGER tr_order_items_agree_delete AFTER DELETE ON order_items
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.delivered_quantity IS NOT NULL)
    EXECUTE FUNCTION orders_agree_with_items();
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
        AND to_jsonb(NEW) - '{status,void_reason,voided_at,voided_by,updated_at}'::text[]
          = to_jsonb(OLD) - '{status,void_reason,voided_at,voided_by,updated_at}'::text[] THEN
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

INVOICES_WHOLE_AT_COMMIT = """
CREATE FUNCTION invoices_void_keeps_no_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders WHERE invoice_id = NEW.id) THEN
        RAISE EXCEPTION 'orders still stand on void invoice %', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_invoices_void_keeps_no_orders';
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
CREATE TRIGGER tr_invoices_equal_their_lines AFTER UPDATE ON invoices
    REFERENCING OLD TABLE AS departed NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_equal_their_lines();
"""

DOCUMENT_CHAIN = """
CREATE FUNCTION chain_step(state text, content text, before text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(coalesce(state, before) || content, 'UTF8')), 'hex');
CREATE AGGREGATE chained_sha256(content text, before text) (SFUNC = chain_step, STYPE = text);
"""

CONFIRM_DELIVERIES = """
CREATE FUNCTION judge_confirmations(
    p_confirmations jsonb, p_orders uuid[], p_round_of uuid, p_at timestamptz
) RETURNS TABLE (
    item_index integer, order_id uuid, customer_id uuid, subscription_id uuid, boy uuid,
    code text, detail text, new_status text, day date, delivered_at timestamptz, confirmation jsonb
) LANGUAGE sql STABLE AS $$
WITH dairy AS (
    SELECT s.time_zone, s.delivery_window_days AS days, (p_at AT TIME ZONE s.time_zone)::date AS today
    FROM settings s
), wanted AS (
    SELECT (w.c ->> 'index')::integer AS item_index, w.c, (w.c ->> 'order_id')::uuid AS order_id,
        coalesce((w.c ->> 'delivered_at')::timestamptz, p_at) AS at,
        coalesce((w.c ->> 'delivery_date')::date,
            (((w.c ->> 'delivered_at')::timestamptz) AT TIME ZONE d.time_zone)::date, d.today) AS day,
        CASE WHEN jsonb_typeof(w.c -> 'items') = 'array' THEN w.c -> 'items' END AS named
    FROM jsonb_array_elements(p_confirmations) AS w (c) CROSS JOIN dairy d
), known AS (
    SELECT w.*, o.id AS found, o.customer_id, o.subscription_id, o.status, o.delivery_date AS planned,
        coalesce(o.delivery_boy_id, c.delivery_boy_id) AS boy
    FROM wanted w
    LEFT JOIN (orders o JOIN customers c ON c.id = o.customer_id) ON o.id = w.order_id AND o.id = ANY (p_orders)
        AND (p_round_of IS NULL OR coalesce(o.delivery_boy_id, c.delivery_boy_id) = p_round_of)
), counted AS (
    SELECT k.item_index,
        bool_or(q.delivered NOT BETWEEN 0 AND i.quantity) AS exceeds,
        bool_or(q.delivered IS NULL) AS unnamed,
        count(*) > count(DISTINCT i.product_id) AS twice,
        bool_and(q.delivered = i.quantity) AS is_full,
        bool_and(q.delivered = 0) AS is_nothing,
        bool_and(q.delivered IS NOT DISTINCT FROM i.delivered_quantity) AS is_same
    FROM known k
    JOIN order_items i ON i.order_id = k.found AND i.order_id = ANY (p_orders)
    LEFT JOIN LATERAL (SELECT (n ->> 'delivered_quantity')::numeric AS delivered
        FROM jsonb_array_elements(k.named) n WHERE (n ->> 'product_id')::uuid = i.product_id) n ON true
    CROSS JOIN LATERAL (SELECT CASE WHEN k.c ->> 'status' = 'not_delivered' THEN 0
        WHEN k.named IS NULL THEN i.quantity ELSE n.delivered END AS delivered) q
    GROUP BY k.item_index
), judged AS (
    SELECT k.*, n.is_full, n.is_nothing, n.twice, CASE
        WHEN k.found IS NULL THEN 'order_not_found'
        WHEN (k.c ->> 'customer_id')::uuid <> k.customer_id THEN 'customer_mismatch'
        WHEN k.status = 'CANCELLED' THEN 'order_cancelled'
        WHEN EXISTS (SELECT FROM jsonb_array_elements(k.named) x WHERE NOT EXISTS (SELECT FROM order_items i
            WHERE i.order_id = k.found AND i.product_id = (x ->> 'product_id')::uuid))
            THEN 'product_not_in_order'
        WHEN n.item_index IS NULL THEN 'illegal_transition'
        WHEN n.exceeds THEN 'quantity_exceeds_ordered'
        WHEN n.unnamed OR n.twice THEN 'validation_failed'
        WHEN k.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') OR (k.status = 'NOT_DELIVERED' AND n.is_nothing)
            THEN CASE WHEN n.is_same THEN 'replayed' ELSE 'confirmed_differently' END
        WHEN k.day > d.today OR k.at > p_at + interval '10 minutes' THEN 'delivery_date_in_future'
        WHEN k.day NOT BETWEEN k.planned - d.days AND k.planned + d.days THEN 'delivery_date_outside_window'
        WHEN EXISTS (SELECT FROM delivery_statuses s
            WHERE s.client_event_id = (k.c ->> 'client_event_id')::uuid AND s.order_id <> k.found)
            THEN 'already_exists'
    END AS refused
    FROM known k CROSS JOIN dairy d LEFT JOIN counted n ON n.item_index = k.item_index
), verdicts AS (  -- an event id names one order: in a set, the first one that stands
    SELECT j.*, CASE WHEN j.refused IS NULL AND j.c ->> 'client_event_id' IS NOT NULL AND row_number() OVER (
        PARTITION BY j.refused IS NULL, (j.c ->> 'client_event_id')::uuid ORDER BY j.item_index) > 1
        THEN 'already_exists' ELSE j.refused END AS code
    FROM judged j
)
SELECT v.item_index, v.order_id, v.customer_id, v.subscription_id, v.boy, v.code,
    CASE v.code
        WHEN 'illegal_transition' THEN 'The order has no items.'
        WHEN 'delivery_date_in_future' THEN format('%s has not come yet.', greatest(v.day,
            (v.at AT TIME ZONE d.time_zone)::date))
        WHEN 'delivery_date_outside_window' THEN format(
            'The order is for %s; it can be confirmed for a delivery from %s to %s, not for %s.',
            v.planned, v.planned - d.days, v.planned + d.days, v.day)
        WHEN 'validation_failed' THEN CASE WHEN v.twice THEN 'A product is named twice.'
            ELSE 'With items, every product of the order must be named.' END
        WHEN 'already_exists' THEN 'The client_event_id was used for another order.'
    END,
    CASE WHEN v.code IS NOT NULL THEN v.status WHEN v.is_nothing THEN 'NOT_DELIVERED'
        WHEN v.is_full THEN 'DELIVERED' ELSE 'PARTIALLY_DELIVERED' END,
    v.day, CASE WHEN NOT v.is_nothing THEN v.at END, v.c
FROM verdicts v CROSS JOIN dairy d
$$;

CREATE FUNCTION confirm_deliveries(
    p_confirmations jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text, p_round_of uuid,
    p_ip inet, p_device text, p_at timestamptz
) RETURNS TABLE (item_index integer, outcome text, code text, detail text, order_id uuid, order_status text,
    delivery_status jsonb)
-- Planned once per session: planning takes four times as long as confirming.
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    wanted jsonb;
    -- Beside the join with JSON, of which the planner knows nothing: with it, a lookup stays one of a few rows.
    ids uuid[];
    turn integer := 0;
    turns integer;
    judged jsonb;
    verdicts jsonb := '[]';
BEGIN
    SELECT jsonb_agg(e.c || jsonb_build_object('index', e.n - 1, 'turn', e.turn)), max(e.turn),
        array_agg((e.c ->> 'order_id')::uuid) FILTER (WHERE e.turn = 0)
    INTO wanted, turns, ids
    FROM (SELECT e.*, row_number() OVER (PARTITION BY (e.c ->> 'order_id')::uuid ORDER BY e.n) - 1 AS turn
        FROM jsonb_array_elements(p_confirmations) WITH ORDINALITY AS e (c, n)) e;
    PERFORM FROM customers c WHERE c.id IN (SELECT o.customer_id FROM orders o WHERE o.id = ANY (ids))
        ORDER BY c.id FOR NO KEY UPDATE;
    PERFORM FROM orders o WHERE o.id = ANY (ids) ORDER BY o.id FOR NO KEY UPDATE;
    WHILE turn <= turns LOOP  -- once, but for an order named twice: the second is judged as the first left it
        SELECT jsonb_agg(to_jsonb(j)) INTO judged
        FROM judge_confirmations(CASE WHEN turns = 0 THEN wanted ELSE jsonb_path_query_array(
            wanted, '$[*] ? (@.turn == $turn)', jsonb_build_object('turn', turn)) END, ids, p_round_of, p_at) j;
        IF judged @? '$[*] ? (@.code == null)' THEN
            PERFORM write_confirmations(
                jsonb_path_query_array(judged, '$[*] ? (@.code == null)'),
                p_confirmed_by, p_confirmed_by_name, p_method, p_ip, p_device, p_at);
        END IF;
        verdicts := verdicts || judged;
        turn := turn + 1;
    END LOOP;
    RETURN QUERY
    SELECT v.item_index,
        CASE WHEN v.code IS NULL THEN 'confirmed' WHEN v.code = 'replayed' THEN v.code ELSE 'rejected' END,
        nullif(v.code, 'replayed'), v.detail, v.order_id, o.status, to_jsonb(s)
    FROM jsonb_to_recordset(verdicts) AS v (item_index integer, order_id uuid, code text, detail text)
    LEFT JOIN orders o ON o.id = v.order_id AND o.id = ANY (ids) AND v.code IS DISTINCT FROM 'order_not_found'
    LEFT JOIN delivery_statuses s ON s.order_id = o.id AND s.order_id = ANY (ids)
    ORDER BY v.item_index;
END $$;

CREATE FUNCTION write_confirmations(
    p_judged jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text, p_ip inet, p_device text,
    p_at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT (j ->> 'order_id')::uuid FROM jsonb_array_elements(p_judged) j);
BEGIN
    PERFORM open_drafts(array_agg(j.customer_id), array_agg(j.day))
    FROM jsonb_to_recordset(p_judged) AS j (customer_id uuid, new_status text, day date)
    WHERE j.new_status <> 'NOT_DELIVERED' HAVING count(*) > 0;

    UPDATE order_items i SET delivered_quantity = CASE
        WHEN j.new_status = 'NOT_DELIVERED' THEN 0
        WHEN j.new_status = 'DELIVERED' THEN i.quantity
        ELSE (SELECT (n ->> 'delivered_quantity')::numeric
            FROM jsonb_array_elements(j.confirmation -> 'items') n
            WHERE (n ->> 'product_id')::uuid = i.product_id) END
    FROM jsonb_to_recordset(p_judged) AS j (order_id uuid, new_status text, confirmation jsonb)
    WHERE i.order_id = j.order_id AND i.order_id = ANY (ids);

    UPDATE orders o SET status = j.new_status, updated_at = now(),
        delivered_on = CASE WHEN j.new_status <> 'NOT_DELIVERED' THEN j.day END,
        delivered_at = j.delivered_at,
        delivery_confirmed = j.new_status <> 'NOT_DELIVERED',
        invoice_id = CASE WHEN j.new_status <> 'NOT_DELIVERED' THEN draft_for(o.customer_id, j.day) END
    FROM jsonb_to_recordset(p_judged)
        AS j (order_id uuid, new_status text, day date, delivered_at timestamptz)
    WHERE o.id = j.order_id AND o.id = ANY (ids);

    INSERT INTO delivery_statuses AS s (order_id, customer_id, delivery_date, status, delivered_at,
        delivery_boy_id, confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method, ip_address,
        device_info, client_event_id, device_time, latitude, longitude, reason_code, notes)
    SELECT j.order_id, j.customer_id, j.day, lower(j.new_status), j.delivered_at, j.boy,
        p_confirmed_by, p_confirmed_by_name, p_at, p_method, p_ip, p_device,
        c.client_event_id, c.device_time, c.latitude, c.longitude, c.reason_code, c.notes
    FROM jsonb_to_recordset(p_judged) AS j (order_id uuid, customer_id uuid, boy uuid, new_status text,
        day date, delivered_at timestamptz, confirmation jsonb)
    CROSS JOIN LATERAL jsonb_to_record(j.confirmation) AS c (client_event_id uuid, device_time timestamptz,
        latitude numeric, longitude numeric, reason_code text, notes text)
    ON CONFLICT (order_id) DO UPDATE SET (delivery_date, status, delivered_at, delivery_boy_id,
        confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method, ip_address, device_info,
        client_event_id, device_time, latitude, longitude, reason_code, notes, updated_at) = ROW (
        excluded.delivery_date, excluded.status, excluded.delivered_at, excluded.delivery_boy_id,
        excluded.confirmed_by_user_id, excluded.confirmed_by_name, excluded.confirmed_at,
        excluded.confirmation_method, excluded.ip_address, excluded.device_info, excluded.client_event_id,
        excluded.device_time, excluded.latitude, excluded.longitude, excluded.reason_code, excluded.notes, now());

    -- Two days of one standing order may come in one set: the later one counts.
    UPDATE subscriptions s SET last_delivery_date = j.day, last_delivery_at = j.delivered_at,
        last_delivery_confirmed = true, updated_at = now()
    FROM (SELECT DISTINCT ON (k.subscription_id) k.subscription_id, k.day, k.delivered_at
        FROM jsonb_to_recordset(p_judged)
            AS k (subscription_id uuid, new_status text, day date, delivered_at timestamptz)
        WHERE k.new_status <> 'NOT_DELIVERED' AND k.subscription_id IS NOT NULL
        ORDER BY k.subscription_id, k.day DESC, k.delivered_at DESC) j
    WHERE s.id = j.subscription_id AND (s.last_delivery_date IS NULL OR s.last_delivery_date <= j.day);
END $$;
"""

ORDER_TRANSITIONS = """
CREATE FUNCTION orders_follow_transitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'order % cannot become % from %', NEW.id, NEW.status, OLD.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_orders_follow_transitions';
END $$;
CREATE TRIGGER tr_orders_follow_transitions BEFORE UPDATE OF status ON orders
    FOR EACH ROW WHEN (OLD.status <> NEW.status AND NOT CASE OLD.status
        WHEN 'PENDING' THEN true
        WHEN 'OUT_FOR_DELIVERY' THEN NEW.status <> 'PENDING'
        WHEN 'CANCELLED' THEN NEW.status = 'PENDING' AND NEW.order_type = 'subscription'
        WHEN 'NOT_DELIVERED' THEN NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'CANCELLED')
        ELSE NEW.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'NOT_DELIVERED') END)
    EXECUTE FUNCTION orders_follow_transitions();
CREATE FUNCTION order_items_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an item stays with its order'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_order_items_stay';
END $$;
CREATE TRIGGER tr_order_items_stay BEFORE UPDATE OF order_id ON order_items
    FOR EACH ROW WHEN (OLD.order_id <> NEW.order_id) EXECUTE FUNCTION order_items_stay();
"""

PAPERS_KEEP_THEIR_ORDERS = """
CREATE FUNCTION invoices_end_after_their_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders o JOIN invoices i ON i.id = o.invoice_id
        WHERE i.id = NEW.id AND i.status = 'draft' AND o.delivered_on > i.period_end) THEN
        RAISE EXCEPTION 'orders of draft % were delivered after its end', NEW.id
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

DELIVERY_STATUSES_AGREE = """
CREATE FUNCTION delivery_statuses_agree_with_orders() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    disagrees boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        SELECT o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED') AND s.id IS NULL INTO disagrees
        FROM orders o LEFT JOIN delivery_statuses s ON s.order_id = o.id WHERE o.id = OLD.order_id;
    ELSE
        SELECT CASE WHEN o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED')
            THEN s.status <> lower(o.status) OR s.delivery_date <> o.delivered_on
            ELSE s.status <> 'not_delivered' END INTO disagrees
        FROM delivery_statuses s JOIN orders o ON o.id = s.order_id WHERE s.id = NEW.id;
    END IF;
    IF disagrees THEN
        RAISE EXCEPTION 'an order and its delivery status disagree'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tr_delivery_statuses_agree';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tr_delivery_statuses_agree AFTER INSERT OR UPDATE OR DELETE ON delivery_statuses
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION delivery_statuses_agree_with_orders();
"""

TEAR_DOWN = """
DROP TRIGGER tr_delivery_statuses_agree ON delivery_statuses;
DROP FUNCTION delivery_statuses_agree_with_orders();
DROP TRIGGER tr_never_truncated ON orders;
DROP TRIGGER tr_never_truncated ON order_items;
DROP TRIGGER tr_never_truncated ON delivery_statuses;
DROP TRIGGER tr_orders_follow_transitions ON orders;
DROP FUNCTION orders_follow_transitions();
DROP TRIGGER tr_order_items_stay ON order_items;
DROP FUNCTION order_items_stay();
DROP FUNCTION confirm_deliveries(jsonb, uuid, text, text, uuid, inet, text, timestamptz);
DROP FUNCTION write_confirmations(jsonb, uuid, text, text, inet, text, timestamptz);
DROP FUNCTION judge_confirmations(jsonb, uuid[], uuid, timestamptz);
DROP AGGREGATE chained_sha256(text, text);
DROP FUNCTION chain_step(text, text, text);
DROP TRIGGER tr_orders_touch_only_drafts_insert ON orders;
DROP TRIGGER tr_orders_touch_only_drafts_update ON orders;
DROP TRIGGER tr_orders_touch_only_drafts_delete ON orders;
DROP TRIGGER tr_orders_agree_with_items_insert ON orders;
DROP TRIGGER tr_orders_agree_with_items_update ON orders;
DROP TRIGGER tr_order_items_touch_only_drafts_insert ON order_items;
DROP TRIGGER tr_order_items_touch_only_drafts_update ON order_items;
DROP TRIGGER tr_order_items_touch_only_drafts_delete ON order_items;
DROP TRIGGER tr_order_items_agree_insert ON order_items;
DROP TRIGGER tr_order_items_agree_update ON order_items;
DROP TRIGGER tr_order_items_agree_delete ON order_items;
DROP FUNCTION orders_touch_only_drafts();
DROP FUNCTION order_items_touch_only_drafts();
DROP FUNCTION orders_agree_with_items();
ALTER TABLE orders DROP CONSTRAINT ck_orders_delivered_iff_on_invoice, DROP COLUMN invoice_id;
DROP FUNCTION open_drafts(uuid[], date[]);
DROP FUNCTION draft_for(uuid, date);
DROP TABLE invoice_lines, invoices, number_series, billing_runs;
DROP FUNCTION never_truncated();
DROP FUNCTION invoices_end_after_their_orders();
DROP FUNCTION invoices_frozen();
DROP FUNCTION invoices_begin_as_drafts();
DROP FUNCTION invoice_lines_frozen();
DROP FUNCTION invoice_lines_never_change();
DROP FUNCTION invoices_void_keeps_no_orders();
DROP FUNCTION invoices_equal_their_lines();
DROP FUNCTION billing_period_start(text, date);
DROP FUNCTION billing_period_end(text, date);
DROP FUNCTION financial_year(date, integer);
ALTER TABLE products DROP COLUMN tax_class;
DROP TABLE tax_rates, tax_classes, settings;
"""

FIRST = (
    TABLES,
    SEED,
    PRODUCTS,
    BILLING_PERIODS,
    OPEN_DRAFTS,
)
LAST = (
    ORDERS_TOUCH_ONLY_DRAFTS,
    ORDER_ITEMS_TOUCH_ONLY_DRAFTS,
    ORDERS_AGREE_WITH_ITEMS,
    INVOICES_FROZEN,
    INVOICES_WHOLE_AT_COMMIT,
    DOCUMENT_CHAIN,
    CONFIRM_DELIVERIES,
    ORDER_TRANSITIONS,
    PAPERS_KEEP_THEIR_ORDERS,
    DELIVERY_STATUSES_AGREE,
)


def upgrade() -> None:
    if not is_there("draft_for(uuid, date)"):  # the last of these, which an attempt that was cut short has made
        for sql in FIRST:
            run(sql)
    in_steps(ORDERS)
    in_batches(PAST_DELIVERIES)
    in_steps(ORDERS_ON_INVOICES)
    for sql in LAST:
        run(sql)


def downgrade() -> None:
    refuse_data_loss(
        "SELECT FROM invoices WHERE status <> 'draft'", "issued invoices, or what an earlier system billed"
    )
    run(TEAR_DOWN)
