"""The SQL of an invoice, written once: preview, a draft on screen and the run read the very same text.

From the outside in: ``PAPERS`` are the drafts with their date and place of supply, ``LINES`` their lines
(delivered quantity × price, grouped by who got it, product, price, rate, source and prior period; then what rules
charge or take off, ``CHARGES``, and the adjustments),
``TOTALS`` the sums with the code that forbids issuing, when there is one. ``{which}`` chooses the drafts ``d`` of
customers ``c``; ``{ends}`` is the last day of each, earlier than its own for a preview of a run up to a day.

The untaxed lines of a registered buyer, by composition too, are ``apart``: when there are taxed ones, they go to a
second document (CGST Rules r. 46A lets only unregistered buyers have both on one). Each document is rounded for itself.

Amounts (each half up to the paisa, once per line): gross = q × p. Prices with the tax in them: cgst = sgst = gross ×
rate / (2 × (100 + rate)) within the state, else igst = gross × rate / (100 + rate), and taxable = gross − tax: the
line comes to the price that was quoted (CGST Rules r. 35). Prices without: taxable = gross, cgst = sgst = taxable ×
rate / 200, igst = taxable × rate / 100 (CGST Act s. 9, IGST Act s. 5). An untaxed line has no taxable value. The
total is rounded to the whole rupee (CGST Act s. 170). The rate is that of the invoice's date, or of the delivery's, by
setting. Computed amounts are wider than any column, so that a slip on one draft is that draft's ``skip_code`` and not
everybody's fault.

Only a regular seller's lines bear tax. Under composition a price is the price (CGST Act s. 10 (4)); a line keeps how
the goods would be taxed, for the return, and what no rate is known of counts as taxable.
"""


def _supply_type(rate: str) -> str:
    """How a line is taxed, by the row ``rate`` of the rates and the seller's scheme."""
    return f"""CASE s.gst_scheme WHEN 'regular' THEN {rate}.supply_type
            WHEN 'composition' THEN coalesce({rate}.supply_type, 'taxable') ELSE 'non_gst' END"""


def _gst_rate(rate: str) -> str:
    """The rate that a line bears."""
    return f"CASE WHEN s.gst_scheme = 'regular' THEN {rate}.gst_rate ELSE 0 END"


#: Dated not before the last document of its series; a late one, for days whose return is filed, on the day it is made.
#: Place of supply defaults to the seller's state. OFFSET 0: of a day that is a column the financial year is an
#: expression, of one that is computed a call.
PAPERS = """
papers AS MATERIALIZED (
    SELECT d.id AS invoice_id, d.customer_id, c.code AS customer_code, c.name, d.period_start, {ends} AS period_end,
        {ends} <= (SELECT late_through(CAST(:today AS date))) AS is_late,
        c.gst_treatment, coalesce(c.state_code, s.state_code) AS place_of_supply,
        greatest(wanted.day, series.last_date) AS invoice_date, wanted.financial_year
    FROM invoices d
    JOIN customers c ON c.id = d.customer_id
    CROSS JOIN settings s
    CROSS JOIN LATERAL (SELECT CASE
        WHEN s.invoice_date_rule = 'run_date' OR {ends} <= (SELECT late_through(CAST(:today AS date)))
        THEN CAST(:today AS date) ELSE {ends} END AS day OFFSET 0) made
    CROSS JOIN LATERAL (SELECT made.day,
        financial_year(made.day, s.financial_year_start_month) AS financial_year) wanted
    LEFT JOIN number_series series
        ON series.series = s.invoice_series AND series.financial_year = wanted.financial_year
    WHERE d.status = 'draft' AND d.companion_of IS NULL AND {which}
)"""

#: The amounts of each row of ``rated``: quantity, unit price, rate, and whether tax is in the price. OFFSET 0: a tax is
#: computed once a line, not once for each sum that it is in.
AMOUNTS = """
    SELECT r.*, g.gross_amount, tax.cgst, tax.igst, CASE WHEN r.gst_rate > 0
        THEN g.gross_amount - CASE WHEN r.prices_include_tax THEN 2 * tax.cgst + tax.igst ELSE 0 END
        ELSE 0 END::numeric(24,2) AS taxable_value
    FROM rated r
    CROSS JOIN LATERAL (SELECT round(r.quantity * r.unit_price, 2) AS gross_amount,
        CASE WHEN r.prices_include_tax THEN 100 + r.gst_rate ELSE 100 END AS parts) g
    CROSS JOIN LATERAL (SELECT
        CASE WHEN r.gst_rate > 0 AND NOT r.inter_state THEN round(g.gross_amount * r.gst_rate / (2 * g.parts), 2)
            ELSE 0 END::numeric(24,2) AS cgst,
        CASE WHEN r.gst_rate > 0 AND r.inter_state THEN round(g.gross_amount * r.gst_rate / g.parts, 2)
            ELSE 0 END::numeric(24,2) AS igst OFFSET 0) tax"""

#: What rules charge for delivery and take off, a row for each line: none are read while there is no rule.
#:
#: Each door is charged for itself, whoever pays: whose deliveries are billed to another has lines of its own.
#: Of a kind and basis the most narrow rule that holds on a day counts: the customer's own, its nearest area's, the
#: dairy's; of a percentage the one of the product before that of all goods. A day or a month counts once: not when an
#: issued document was charged for it (``charged_for`` of its lines), and not when a draft of an earlier period will be.
#: A month has the rule of its first delivery for which one charges something. Percentages are of the goods with their
#: own tax; an amount without a tax class is divided between the rates of the goods by value, to the paisa (each share
#: is the difference of two rounded sums), has the HSN of the most valuable goods of the rate, and takes off no more
#: than the goods come to.
CHARGES = f"""
charge_goods AS MATERIALIZED (
    SELECT b.invoice_id, b.customer_id, b.day, b.product_id, b.unit_price, b.quantity,
        {_supply_type("t")} AS supply_type,
        {_gst_rate("t")} AS gst_rate,
        CASE WHEN s.gst_scheme <> 'none' THEN g.hsn_code END AS hsn_code
    FROM (
        SELECT p.invoice_id, o.customer_id, p.invoice_date, o.delivered_on AS day, i.product_id, i.unit_price,
            sum(i.delivered_quantity) AS quantity
        FROM papers p
        JOIN orders o ON o.invoice_id = p.invoice_id AND o.delivered_on <= p.period_end
        JOIN order_items i ON i.order_id = o.id AND i.delivered_quantity > 0
        WHERE (SELECT EXISTS (SELECT FROM charge_rules))
        GROUP BY 1, 2, 3, 4, 5, 6
    ) b
    JOIN products g ON g.id = b.product_id
    CROSS JOIN settings s
    LEFT JOIN tax_rates t ON t.tax_class = g.tax_class
        AND t.valid @> CASE s.tax_rate_date WHEN 'delivery_date' THEN b.day ELSE b.invoice_date END
), charge_spans AS MATERIALIZED (
    SELECT g.invoice_id, g.customer_id, date_trunc('month', min(g.day)::timestamp)::date AS first_day,
        max(g.day) AS last_day
    FROM charge_goods g GROUP BY 1, 2
), charge_areas AS (
    WITH RECURSIVE reached AS (
        SELECT r.area_id AS outer_id, r.area_id, 0 AS depth
        FROM (SELECT DISTINCT area_id FROM charge_rules WHERE area_id IS NOT NULL) r
        UNION SELECT n.outer_id, a.id, n.depth + 1 FROM reached n JOIN areas a ON a.parent_id = n.area_id
        WHERE n.depth < 100
    ) SELECT outer_id, area_id, min(depth) AS depth FROM reached GROUP BY 1, 2
), charge_scopes AS MATERIALIZED (
    SELECT g.invoice_id, g.customer_id, -1 AS breadth, r.id AS rule_id, r.kind, r.basis, r.amount,
        r.product_id AS of_product, r.valid, r.tax_class
    FROM charge_spans g
    JOIN charge_rules r ON r.customer_id = g.customer_id AND r.replaced_at IS NULL
        AND r.valid && daterange(g.first_day, g.last_day, '[]')
    UNION ALL
    SELECT g.invoice_id, g.customer_id, n.depth, r.id, r.kind, r.basis, r.amount, r.product_id, r.valid, r.tax_class
    FROM charge_spans g
    JOIN customers c ON c.id = g.customer_id
    JOIN charge_areas n ON n.area_id = c.area_id
    JOIN charge_rules r ON r.area_id = n.outer_id AND r.replaced_at IS NULL
        AND r.valid && daterange(g.first_day, g.last_day, '[]')
    UNION ALL
    SELECT g.invoice_id, g.customer_id, 1000, r.id, r.kind, r.basis, r.amount, r.product_id, r.valid, r.tax_class
    FROM charge_spans g
    JOIN charge_rules r ON r.customer_id IS NULL AND r.area_id IS NULL AND r.replaced_at IS NULL
        AND r.valid && daterange(g.first_day, g.last_day, '[]')
), charge_days AS MATERIALIZED (
    SELECT DISTINCT ON (b.invoice_id, b.customer_id, b.day, r.kind, r.basis, k.product_id, k.unit_price) b.*,
        r.rule_id, r.kind, r.basis, r.amount, r.of_product, r.tax_class
    FROM charge_goods b
    JOIN charge_scopes r ON r.invoice_id = b.invoice_id AND r.customer_id = b.customer_id AND r.valid @> b.day
        AND coalesce(r.of_product, b.product_id) = b.product_id
    CROSS JOIN LATERAL (SELECT CASE r.basis WHEN 'percent' THEN b.product_id ELSE r.of_product END AS product_id,
        CASE r.basis WHEN 'percent' THEN b.unit_price END AS unit_price) k
    ORDER BY b.invoice_id, b.customer_id, b.day, r.kind, r.basis, k.product_id, k.unit_price, r.breadth, r.of_product
), charge_known AS MATERIALIZED (
    SELECT l.invoice_id, l.customer_id, r.kind, r.basis, r.product_id AS of_product, unnest(l.charged_for) AS first_day
    FROM (
        SELECT g.invoice_id, g.customer_id, l.charge_rule_id, l.charged_for
        FROM charge_spans g
        JOIN invoices d ON d.customer_id = g.customer_id AND d.status = 'issued' AND d.period_end >= g.first_day
        JOIN invoice_lines l ON l.invoice_id = d.id AND l.charge_rule_id IS NOT NULL AND l.delivered_to IS NULL
        UNION ALL
        SELECT g.invoice_id, g.customer_id, l.charge_rule_id, l.charged_for
        FROM charge_spans g
        JOIN invoice_lines l ON l.delivered_to = g.customer_id AND l.charge_rule_id IS NOT NULL
        JOIN invoices d ON d.id = l.invoice_id AND d.status = 'issued' AND d.period_end >= g.first_day
    ) l
    JOIN charge_rules r ON r.id = l.charge_rule_id
), charge_times AS (
    SELECT DISTINCT ON (c.invoice_id, c.customer_id, c.kind, c.basis, c.of_product, t.first_day) c.invoice_id,
        c.customer_id, c.rule_id, c.amount, c.tax_class, c.day, t.first_day
    FROM charge_days c
    JOIN papers p ON p.invoice_id = c.invoice_id
    CROSS JOIN LATERAL (SELECT CASE c.basis WHEN 'per_month' THEN date_trunc('month', c.day::timestamp)::date
        ELSE c.day END AS first_day) t
    WHERE c.basis <> 'percent' AND c.amount > 0
        AND NOT EXISTS (SELECT FROM charge_known k WHERE k.invoice_id = c.invoice_id
            AND k.customer_id = c.customer_id AND k.first_day = t.first_day AND k.kind = c.kind
            AND k.basis = c.basis AND k.of_product IS NOT DISTINCT FROM c.of_product)
        AND (t.first_day >= p.period_start OR NOT EXISTS (
            SELECT FROM invoices d
            JOIN orders o ON o.invoice_id = d.id
            JOIN order_items i ON i.order_id = o.id AND i.delivered_quantity > 0
            JOIN charge_scopes r ON r.invoice_id = c.invoice_id AND r.customer_id = c.customer_id
                AND r.valid @> o.delivered_on AND r.amount > 0 AND r.kind = c.kind AND r.basis = c.basis
                AND r.of_product IS NOT DISTINCT FROM c.of_product
            WHERE d.customer_id = p.customer_id AND d.status = 'draft' AND d.period_start < p.period_start
                AND o.customer_id = c.customer_id
                AND o.delivered_on >= t.first_day AND o.delivered_on
                    <= CASE c.basis WHEN 'per_month' THEN t.first_day + interval '1 month - 1 day' ELSE c.day END
                AND coalesce(c.of_product, i.product_id) = i.product_id))
    ORDER BY c.invoice_id, c.customer_id, c.kind, c.basis, c.of_product, t.first_day, c.day
), charge_amounts AS (
    SELECT c.invoice_id, c.customer_id, c.rule_id, c.amount, count(*) AS times, min(c.day) AS first_day,
        max(c.day) AS last_day, array_agg(c.first_day ORDER BY c.first_day) AS charged_for
    FROM charge_times c WHERE c.tax_class IS NULL GROUP BY 1, 2, 3, 4
), charge_parts AS (
    SELECT v.invoice_id, v.customer_id, v.product_id, v.supply_type, v.gst_rate, min(v.hsn_code) AS hsn_code,
        greatest(sum(v.quantity * v.unit_price), 0.000001) AS value  -- what is free bears what nothing else can
    FROM charge_goods v GROUP BY 1, 2, 3, 4, 5
), charge_shares AS (
    SELECT f.*, v.supply_type, v.gst_rate, (array_agg(v.hsn_code ORDER BY v.value DESC, v.hsn_code))[1] AS hsn_code,
        count(*) OVER one AS groups, sum(sum(v.value)) OVER one AS whole,
        sum(sum(v.value)) OVER upto AS upto, sum(sum(v.value)) OVER upto - sum(v.value) AS after
    FROM charge_amounts f
    JOIN charge_rules r ON r.id = f.rule_id
    JOIN charge_parts v ON v.invoice_id = f.invoice_id AND v.customer_id = f.customer_id
        AND coalesce(r.product_id, v.product_id) = v.product_id
    GROUP BY f.invoice_id, f.customer_id, f.rule_id, f.amount, f.times, f.first_day, f.last_day, f.charged_for,
        v.supply_type, v.gst_rate
    WINDOW one AS (PARTITION BY f.invoice_id, f.customer_id, f.rule_id),
        upto AS (PARTITION BY f.invoice_id, f.customer_id, f.rule_id ORDER BY v.gst_rate, v.supply_type)
), charge_percents AS (
    SELECT c.invoice_id, c.customer_id, c.rule_id, c.amount, c.tax_class IS NULL AS of_goods, t.supply_type, t.gst_rate,
        CASE WHEN c.tax_class IS NULL THEN c.hsn_code END AS hsn_code,
        round(sum(c.quantity) * c.unit_price, 2) AS value, min(c.day) AS first_day, max(c.day) AS last_day
    FROM charge_days c
    JOIN papers p ON p.invoice_id = c.invoice_id
    CROSS JOIN settings s
    LEFT JOIN tax_rates named ON named.tax_class = c.tax_class
        AND named.valid @> CASE s.tax_rate_date WHEN 'delivery_date' THEN c.day ELSE p.invoice_date END
    CROSS JOIN LATERAL (SELECT
        CASE WHEN c.tax_class IS NULL THEN c.supply_type ELSE {_supply_type("named")} END AS supply_type,
        CASE WHEN c.tax_class IS NULL THEN c.gst_rate ELSE {_gst_rate("named")} END AS gst_rate) t
    WHERE c.basis = 'percent' AND c.amount > 0
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, c.product_id, c.unit_price
), charged AS (
    SELECT s.invoice_id, s.customer_id, s.rule_id,
        CASE WHEN s.groups = 1 AND NOT a.is_less THEN s.times ELSE 1 END AS quantity,
        CASE WHEN s.groups = 1 AND NOT a.is_less THEN s.amount
            ELSE round(a.all_of_it * s.upto / s.whole, 2) - round(a.all_of_it * s.after / s.whole, 2)
            END AS unit_price,
        s.first_day, s.last_day, s.supply_type, s.gst_rate, s.hsn_code, s.charged_for
    FROM charge_shares s
    JOIN charge_rules r ON r.id = s.rule_id
    CROSS JOIN LATERAL (SELECT r.kind = 'discount' AND s.times * s.amount > s.whole AS is_less,
        CASE r.kind WHEN 'discount' THEN least(s.times * s.amount, round(s.whole, 2)) ELSE s.times * s.amount END
            AS all_of_it) a
    UNION ALL
    SELECT b.invoice_id, b.customer_id, b.rule_id, 1, round(sum(b.value) * b.amount / 100, 2), min(b.first_day),
        max(b.last_day), b.supply_type, b.gst_rate, b.hsn_code, NULL
    FROM charge_percents b
    GROUP BY b.invoice_id, b.customer_id, b.rule_id, b.amount, b.supply_type, b.gst_rate, b.hsn_code
    UNION ALL
    SELECT c.invoice_id, c.customer_id, c.rule_id, count(*), c.amount, min(c.day), max(c.day),
        {_supply_type("t")},
        {_gst_rate("t")}, NULL, array_agg(c.first_day ORDER BY c.first_day)
    FROM charge_times c
    JOIN papers p ON p.invoice_id = c.invoice_id
    CROSS JOIN settings s
    LEFT JOIN tax_rates t ON t.tax_class = c.tax_class
        AND t.valid @> CASE s.tax_rate_date WHEN 'delivery_date' THEN c.day ELSE p.invoice_date END
    WHERE c.tax_class IS NOT NULL
    GROUP BY 1, 2, 3, 5, 8, 9
)"""

#: A line for each row of ``charged``.
_CHARGE_LINES = """UNION ALL
    SELECT p.invoice_id, NULL, CASE r.kind WHEN 'discount' THEN -c.unit_price ELSE c.unit_price END, 'charge',
        c.last_day < p.period_start OR p.is_late, c.quantity, 0, c.first_day, c.last_day, false, c.supply_type,
        c.gst_rate, p.place_of_supply <> s.state_code, s.prices_include_tax,
        p.gst_treatment IN ('registered', 'composition'), NULL, r.id, c.hsn_code, c.charged_for,
        nullif(c.customer_id, p.customer_id)
    FROM charged c
    JOIN charge_rules r ON r.id = c.rule_id
    JOIN papers p ON p.invoice_id = c.invoice_id
    CROSS JOIN settings s
    WHERE c.unit_price <> 0"""

#: The order of a document's lines.
_LINE_NO = """row_number() OVER (PARTITION BY t.invoice_id, t.is_registered AND t.gst_rate = 0
            ORDER BY t.delivered_to NULLS FIRST, t.product_id IS NULL, t.adjustment_id IS NOT NULL, t.prior_period,
                t.source DESC, g.name, g.id, u.kind, u.description, u.id, t.unit_price, t.gst_rate, t.adjustment_id,
                t.charge_hsn_code)"""

#: ``{charges}`` are ``CHARGES`` with a comma, and ``{charge_lines}`` their lines; nothing where there is no rule.
#: ``{line_no}`` puts the lines in the order of a document; sums need none.
_LINES = f"""{{charges}}delivered AS (
    SELECT p.invoice_id, i.product_id, i.unit_price, o.order_type AS source,
        o.delivered_on < p.period_start OR p.is_late AS prior_period,
        CASE s.tax_rate_date WHEN 'delivery_date' THEN o.delivered_on END AS rate_day,
        nullif(o.customer_id, o.payer_id) AS delivered_to,
        sum(i.delivered_quantity) AS quantity, count(*) AS deliveries,
        min(o.delivered_on) AS first_date, max(o.delivered_on) AS last_date,
        bool_or(i.unit_price = 0 AND i.price_source <> 'free') AS unpriced
    FROM papers p
    JOIN orders o ON o.invoice_id = p.invoice_id AND o.delivered_on <= p.period_end
    JOIN order_items i ON i.order_id = o.id AND i.delivered_quantity > 0
    CROSS JOIN settings s
    GROUP BY 1, 2, 3, 4, 5, 6, 7
), rated AS (
    SELECT v.invoice_id, v.product_id, v.unit_price, v.source, v.prior_period,
        sum(v.quantity) AS quantity, sum(v.deliveries) AS deliveries,
        min(v.first_date) AS first_date, max(v.last_date) AS last_date, bool_or(v.unpriced) AS unpriced,
        {_supply_type("r")} AS supply_type,
        {_gst_rate("r")} AS gst_rate,
        p.place_of_supply <> s.state_code AS inter_state, s.prices_include_tax,
        p.gst_treatment IN ('registered', 'composition') AS is_registered, NULL::uuid AS adjustment_id,
        NULL::uuid AS charge_rule_id, NULL::text AS charge_hsn_code, NULL::date[] AS charged_for, v.delivered_to
    FROM delivered v
    JOIN papers p ON p.invoice_id = v.invoice_id
    JOIN products g ON g.id = v.product_id
    CROSS JOIN settings s
    LEFT JOIN tax_rates r ON r.tax_class = g.tax_class AND r.valid @> coalesce(v.rate_day, p.invoice_date)
    GROUP BY 1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 20
    UNION ALL
    SELECT p.invoice_id, NULL, a.amount, 'adjustment', a.adjusted_on < p.period_start OR p.is_late,
        1, 0, a.adjusted_on, a.adjusted_on, false,
        CASE WHEN s.gst_scheme = 'regular' AND a.tax_class IS NULL THEN 'exempt' ELSE {_supply_type("r")} END,
        CASE WHEN a.tax_class IS NULL THEN 0 ELSE {_gst_rate("r")} END,
        p.place_of_supply <> s.state_code, s.prices_include_tax, p.gst_treatment IN ('registered', 'composition'), a.id,
        NULL, NULL, NULL, NULL
    FROM papers p
    JOIN adjustments a ON a.invoice_id = p.invoice_id AND a.adjusted_on <= p.period_end
    CROSS JOIN settings s
    LEFT JOIN tax_rates r ON r.tax_class = a.tax_class
        AND r.valid @> CASE s.tax_rate_date WHEN 'delivery_date' THEN a.adjusted_on ELSE p.invoice_date END
    {{charge_lines}}
), taxed AS ({AMOUNTS}
), lines AS MATERIALIZED (
    SELECT t.invoice_id, t.is_registered AND t.gst_rate = 0 AS apart,
        {{line_no}} AS line_no,
        t.product_id, coalesce(g.name, a.description, u.description) AS description,
        coalesce(g.hsn_code, t.charge_hsn_code, k.hsn_prefix,
            (SELECT min(o.hsn_code) FROM products o WHERE o.tax_class = k.code)) AS hsn_code,
        coalesce(g.unit, 'piece') AS unit, t.source, t.prior_period, t.deliveries,
        t.first_date, t.last_date, t.quantity, t.unit_price, t.gross_amount, 0::numeric(24,2) AS discount,
        t.supply_type, t.gst_rate, t.taxable_value,
        t.cgst, t.cgst AS sgst, t.igst,
        CASE WHEN t.gst_rate > 0 THEN t.taxable_value + 2 * t.cgst + t.igst
            ELSE t.gross_amount END::numeric(24,2) AS line_total,
        t.charge_rule_id, t.charged_for, t.delivered_to, t.unpriced
    FROM taxed t
    LEFT JOIN products g ON g.id = t.product_id
    LEFT JOIN adjustments a ON a.id = t.adjustment_id
    LEFT JOIN charge_rules u ON u.id = t.charge_rule_id
    LEFT JOIN tax_classes k ON k.code = coalesce(a.tax_class, u.tax_class)
)"""

#: Sums of stored or computed lines ``l``, one row a document.
SUMS = """
    coalesce(sum(l.taxable_value), 0)::numeric(24,2) AS taxable_value,
    coalesce(sum(l.line_total) FILTER (WHERE l.gst_rate = 0), 0)::numeric(24,2) AS exempt_value,
    coalesce(sum(l.cgst), 0)::numeric(24,2) AS cgst,
    coalesce(sum(l.sgst), 0)::numeric(24,2) AS sgst,
    coalesce(sum(l.igst), 0)::numeric(24,2) AS igst,
    (round(coalesce(sum(l.line_total), 0)) - coalesce(sum(l.line_total), 0))::numeric(24,2) AS round_off,
    round(coalesce(sum(l.line_total), 0))::numeric(24,2) AS total,
    bool_or(l.gst_rate > 0) AS has_taxed,
    bool_or(l.gst_rate = 0) AS has_untaxed"""

TOTALS = f"""
totals AS (
    SELECT p.*, sums.documents, sums.taxable_value, sums.exempt_value, sums.cgst, sums.sgst, sums.igst, sums.round_off,
        sums.total,
        CASE
            WHEN s.business_name IS NULL THEN 'missing_seller'
            WHEN p.invoice_date <= s.books_closed_through THEN 'period_closed'
            WHEN sums.outsized THEN 'amount_too_large'
            WHEN sums.unpriced THEN 'zero_price'
            WHEN sums.unrated THEN 'missing_tax_rate'
            WHEN sums.uncoded THEN 'missing_hsn'
            WHEN sums.negative THEN 'negative_total'
        END AS skip_code
    FROM papers p
    CROSS JOIN settings s
    JOIN (SELECT d.invoice_id, count(*) AS documents, sum(d.taxable_value)::numeric(24,2) AS taxable_value,
            sum(d.exempt_value)::numeric(24,2) AS exempt_value, sum(d.cgst)::numeric(24,2) AS cgst,
            sum(d.sgst)::numeric(24,2) AS sgst, sum(d.igst)::numeric(24,2) AS igst,
            sum(d.round_off)::numeric(24,2) AS round_off, sum(d.total)::numeric(24,2) AS total,
            bool_or(d.unpriced) AS unpriced, bool_or(d.unrated) AS unrated, bool_or(d.uncoded) AS uncoded,
            bool_or(d.total < 0) AS negative, bool_or(d.outsized OR abs(d.total) > 999999999) AS outsized
        FROM (SELECT l.invoice_id,{SUMS},
                bool_or(l.unpriced) AS unpriced, bool_or(l.supply_type IS NULL) AS unrated,
                bool_or(l.gst_rate > 0 AND l.hsn_code IS NULL) AS uncoded,
                bool_or(greatest(abs(l.gross_amount), abs(l.line_total)) > 999999999 OR l.quantity > 9999999)
                    AS outsized
            FROM lines l GROUP BY l.invoice_id, l.apart) d
        GROUP BY d.invoice_id) AS sums ON sums.invoice_id = p.invoice_id
)"""


def lines_of_papers(*, charged: bool, in_order: bool = False) -> str:
    """The common tables up to ``lines``, of ``papers``.

    ``charged``: with what rules charge. To plan their dozen queries takes the server longer than to read a draft, so
    who knows that there are none (``charges.has_rules``) does not ask for them. ``in_order``: with ``line_no``.
    """
    return _LINES.format(
        charges=f"{CHARGES}, " if charged else "",
        charge_lines=_CHARGE_LINES if charged else "",
        line_no=_LINE_NO if in_order else "NULL::bigint",
    )


def drafts_with_totals(which: str, ends: str = "d.period_end", *, charged: bool, in_order: bool = False) -> str:
    """``WITH papers …, lines …, totals …`` of the drafts that ``which`` chooses, up to ``ends``; a SELECT follows."""
    lines = lines_of_papers(charged=charged, in_order=in_order)
    return f"WITH {PAPERS.format(which=which, ends=ends)}, {lines}, {TOTALS}"
