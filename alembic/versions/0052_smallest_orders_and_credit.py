"""A one-time order may have to come to an amount, and a customer may have a limit of what it owes.

Why: going to a door for one packet costs more than the packet brings. Who pays in advance, or has used up what the
    dairy lends, gets nothing more until it pays, where the dairy wants it so; why no milk came is kept beside the
    standing order, because customer and owner will ask.
Locks: ACCESS EXCLUSIVE on settings and customers for milliseconds: the columns have constant defaults, so no row is
    written. SHARE ROW EXCLUSIVE on subscriptions for the foreign key of the new table, for milliseconds. The next
    revision validates and builds the index.
Undo: drops settings, terms and limits; refused while orders are held back: why no milk came would be lost.
"""

from dairy_app.common.revisions import refuse_data_loss, run

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

SETTINGS = """
ALTER TABLE settings ADD COLUMN minimum_order_amount numeric(12,2);
COMMENT ON COLUMN settings.minimum_order_amount IS
    'Rupees that a one-time order comes to at least, unless an admin confirms less; NULL: any amount.';
ALTER TABLE settings ADD CONSTRAINT ck_settings_minimum_order_amount_not_negative
    CHECK (minimum_order_amount >= 0 AND minimum_order_amount <> 'NaN') NOT VALID;
ALTER TABLE settings ADD COLUMN on_credit_limit text DEFAULT 'warn' NOT NULL;
COMMENT ON COLUMN settings.on_credit_limit IS
    'Whether orders that would take a customer over its credit limit are made all the same, or held back.';
ALTER TABLE settings ADD CONSTRAINT ck_settings_on_credit_limit_known
    CHECK (on_credit_limit IN ('warn', 'hold')) NOT VALID;
"""

CUSTOMERS = """
ALTER TABLE customers ADD COLUMN payment_terms text DEFAULT 'postpaid' NOT NULL;
ALTER TABLE customers ADD COLUMN credit_limit numeric(12,2);
COMMENT ON COLUMN customers.payment_terms IS
    'Whether it pays its bills, or in advance: then it owes nothing at any time, unless it has a limit.';
COMMENT ON COLUMN customers.credit_limit IS
    'Rupees that it owes at most, with what is delivered and ordered and not billed yet; NULL: any amount.';
ALTER TABLE customers ADD CONSTRAINT ck_customers_payment_terms_known
    CHECK (payment_terms IN ('postpaid', 'prepaid')) NOT VALID;
ALTER TABLE customers ADD CONSTRAINT ck_customers_credit_limit_not_negative
    CHECK (credit_limit >= 0 AND credit_limit <> 'NaN') NOT VALID;
"""

HOLDS = """
CREATE TABLE credit_holds (
    subscription_id uuid NOT NULL,
    day date NOT NULL,
    amount numeric(24,2) NOT NULL,
    exposure numeric(24,2) NOT NULL,
    credit_limit numeric(12,2) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_credit_holds PRIMARY KEY (subscription_id, day),
    CONSTRAINT fk_credit_holds_subscription_id FOREIGN KEY (subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT ck_credit_holds_day_finite CHECK (isfinite(day)),
    CONSTRAINT ck_credit_holds_over_the_limit CHECK (exposure > credit_limit)
);
CREATE INDEX ix_credit_holds_day ON credit_holds (day);
COMMENT ON TABLE credit_holds IS
    'Why a standing order has no order on a day on which something was due: its customer was at its credit limit.';
COMMENT ON COLUMN credit_holds.amount IS 'Rupees that the order would have come to.';
COMMENT ON COLUMN credit_holds.exposure IS
    'What the customer would have owed, ordered and on its draft, with all that was due up to the day.';
COMMENT ON COLUMN credit_holds.credit_limit IS 'As it was then; 0 of who pays in advance and has none.';
"""

FUNCTIONS = """
CREATE FUNCTION tax_factors(p_day date) RETURNS TABLE (tax_class text, factor numeric) LANGUAGE sql STABLE AS $$
SELECT k.code, CASE WHEN s.gstin IS NULL OR s.prices_include_tax THEN 1 ELSE 1 + coalesce(r.gst_rate, 0) / 100 END
FROM tax_classes k
CROSS JOIN settings s
LEFT JOIN tax_rates r ON r.tax_class = k.code AND r.valid @> p_day
$$;

CREATE FUNCTION credit_exposures(p_customers uuid[], p_day date) RETURNS TABLE (
    customer_id uuid, credit_limit numeric, balance numeric, draft numeric, ordered numeric, exposure numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    v_customers uuid[] := coalesce(p_customers, ARRAY(SELECT c.id FROM customers c
        WHERE c.credit_limit IS NOT NULL OR c.payment_terms = 'prepaid'));
BEGIN
RETURN QUERY WITH goods AS (
    SELECT o.customer_id, p.tax_class, false AS is_delivered, sum(round(i.quantity * i.unit_price, 2)) AS amount
    FROM orders o
    JOIN order_items i ON i.order_id = o.id
    JOIN products p ON p.id = i.product_id
    WHERE o.customer_id = ANY (v_customers) AND o.status IN ('PENDING', 'OUT_FOR_DELIVERY')
    GROUP BY 1, 2
    UNION ALL
    SELECT d.customer_id, p.tax_class, true, sum(round(i.delivered_quantity * i.unit_price, 2))
    FROM invoices d
    JOIN orders o ON o.invoice_id = d.id
    JOIN order_items i ON i.order_id = o.id
    JOIN products p ON p.id = i.product_id
    WHERE d.customer_id = ANY (v_customers) AND d.status = 'draft'
    GROUP BY 1, 2
    UNION ALL
    SELECT d.customer_id, a.tax_class, true, sum(a.amount)
    FROM invoices d
    JOIN adjustments a ON a.invoice_id = d.id
    WHERE d.customer_id = ANY (v_customers) AND d.status = 'draft'
    GROUP BY 1, 2
), valued AS (
    SELECT g.customer_id, coalesce(sum(v.amount) FILTER (WHERE g.is_delivered), 0) AS draft,
        coalesce(sum(v.amount) FILTER (WHERE NOT g.is_delivered), 0) AS ordered
    FROM goods g
    LEFT JOIN tax_factors(p_day) f ON f.tax_class = g.tax_class
    CROSS JOIN LATERAL (SELECT round(g.amount * coalesce(f.factor, 1), 2) AS amount) v
    GROUP BY 1
), owed AS (
    SELECT l.customer_id, sum(l.debit - l.credit) AS balance FROM customer_ledger l
    WHERE l.customer_id = ANY (v_customers) GROUP BY 1
)
SELECT c.id, coalesce(c.credit_limit, CASE c.payment_terms WHEN 'prepaid' THEN 0 END), coalesce(w.balance, 0),
    coalesce(v.draft, 0), coalesce(v.ordered, 0), coalesce(w.balance, 0) + coalesce(v.draft, 0) + coalesce(v.ordered, 0)
FROM customers c
LEFT JOIN owed w ON w.customer_id = c.id
LEFT JOIN valued v ON v.customer_id = c.id
WHERE c.id = ANY (v_customers);
END $$;
"""


def upgrade() -> None:
    run(SETTINGS)
    run(CUSTOMERS)
    run(HOLDS)
    run(FUNCTIONS)


def downgrade() -> None:
    refuse_data_loss("SELECT FROM credit_holds", "why orders were held back")
    run("""
    DROP FUNCTION credit_exposures(uuid[], date);
    DROP FUNCTION tax_factors(date);
    DROP TABLE credit_holds;
    ALTER TABLE customers DROP COLUMN credit_limit;
    ALTER TABLE customers DROP COLUMN payment_terms;
    ALTER TABLE settings DROP COLUMN on_credit_limit;
    ALTER TABLE settings DROP COLUMN minimum_order_amount;
    """)
