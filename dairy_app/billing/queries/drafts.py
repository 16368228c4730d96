"""The SQL of an invoice, written once: preview, a draft on screen and the run read the very same text.

From the outside in: ``PAPERS`` are the drafts with their date and place of supply, ``LINES`` their lines
(delivered quantity × price, grouped by product, price, rate, source and prior period; then the adjustments),
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
"""

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

#: The amounts of each row of ``rated``: quantity, unit price, rate, and whether tax is in the price.
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
            ELSE 0 END::numeric(24,2) AS igst
        ) tax"""

LINES = f"""
delivered AS (
    SELECT p.invoice_id, i.product_id, i.unit_price, o.order_type AS source,
        o.delivered_on < p.period_start OR p.is_late AS prior_period,
        CASE s.tax_rate_date WHEN 'delivery_date' THEN o.delivered_on END AS rate_day,
        sum(i.delivered_quantity) AS quantity, count(*) AS deliveries,
        min(o.delivered_on) AS first_date, max(o.delivered_on) AS last_date,
        bool_or(i.unit_price = 0 AND i.price_source <> 'free') AS unpriced
    FROM papers p
    JOIN orders o ON o.invoice_id = p.invoice_id AND o.delivered_on <= p.period_end
    JOIN order_items i ON i.order_id = o.id AND i.delivered_quantity > 0
    CROSS JOIN settings s
    GROUP BY 1, 2, 3, 4, 5, 6
), rated AS (
    SELECT v.invoice_id, v.product_id, v.unit_price, v.source, v.prior_period,
        sum(v.quantity) AS quantity, sum(v.deliveries) AS deliveries,
        min(v.first_date) AS first_date, max(v.last_date) AS last_date, bool_or(v.unpriced) AS unpriced,
        CASE WHEN s.gstin IS NULL THEN 'non_gst' ELSE r.supply_type END AS supply_type,
        CASE WHEN s.gstin IS NULL THEN 0 ELSE r.gst_rate END AS gst_rate,
        p.place_of_supply <> s.state_code AS inter_state, s.prices_include_tax,
        p.gst_treatment IN ('registered', 'composition') AS is_registered, NULL::uuid AS adjustment_id
    FROM delivered v
    JOIN papers p ON p.invoice_id = v.invoice_id
    JOIN products g ON g.id = v.product_id
    CROSS JOIN settings s
    LEFT JOIN tax_rates r ON r.tax_class = g.tax_class AND r.valid @> coalesce(v.rate_day, p.invoice_date)
    GROUP BY 1, 2, 3, 4, 5, 11, 12, 13, 14, 15
    UNION ALL
    SELECT p.invoice_id, NULL, a.amount, 'adjustment', a.adjusted_on < p.period_start OR p.is_late,
        1, 0, a.adjusted_on, a.adjusted_on, false,
        CASE WHEN s.gstin IS NULL THEN 'non_gst' WHEN a.tax_class IS NULL THEN 'exempt' ELSE r.supply_type END,
        CASE WHEN s.gstin IS NULL OR a.tax_class IS NULL THEN 0 ELSE r.gst_rate END,
        p.place_of_supply <> s.state_code, s.prices_include_tax, p.gst_treatment IN ('registered', 'composition'), a.id
    FROM papers p
    JOIN adjustments a ON a.invoice_id = p.invoice_id AND a.adjusted_on <= p.period_end
    CROSS JOIN settings s
    LEFT JOIN tax_rates r ON r.tax_class = a.tax_class
        AND r.valid @> CASE s.tax_rate_date WHEN 'delivery_date' THEN a.adjusted_on ELSE p.invoice_date END
), taxed AS ({AMOUNTS}
), lines AS MATERIALIZED (
    SELECT t.invoice_id, t.is_registered AND t.gst_rate = 0 AS apart,
        row_number() OVER (PARTITION BY t.invoice_id, t.is_registered AND t.gst_rate = 0
            ORDER BY t.adjustment_id IS NOT NULL, t.prior_period, t.source DESC, g.name, g.id, t.unit_price,
                t.gst_rate, t.adjustment_id) AS line_no,
        t.product_id, coalesce(g.name, a.description) AS description,
        coalesce(g.hsn_code, k.hsn_prefix, (SELECT min(o.hsn_code) FROM products o WHERE o.tax_class = k.code))
            AS hsn_code,
        coalesce(g.unit, 'piece') AS unit, t.source, t.prior_period, t.deliveries,
        t.first_date, t.last_date, t.quantity, t.unit_price, t.gross_amount, 0::numeric(24,2) AS discount,
        t.supply_type, t.gst_rate, t.taxable_value,
        t.cgst, t.cgst AS sgst, t.igst,
        CASE WHEN t.gst_rate > 0 THEN t.taxable_value + 2 * t.cgst + t.igst
            ELSE t.gross_amount END::numeric(24,2) AS line_total,
        t.unpriced
    FROM taxed t
    LEFT JOIN products g ON g.id = t.product_id
    LEFT JOIN adjustments a ON a.id = t.adjustment_id
    LEFT JOIN tax_classes k ON k.code = a.tax_class
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


def drafts_with_totals(which: str, ends: str = "d.period_end") -> str:
    """``WITH papers …, lines …, totals …`` of the drafts that ``which`` chooses, up to ``ends``; a SELECT follows."""
    return f"WITH {PAPERS.format(which=which, ends=ends)}, {LINES}, {TOTALS}"
