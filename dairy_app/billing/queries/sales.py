"""What was sold, from the documents: their lines with what debit notes charged more, less what credit notes took back,
and the lines of drafts as of now.

A document belongs to one month, that of its period; so does all that is on it, also what was confirmed after its own
month was billed. A void invoice sold nothing: its orders are on a draft again. What an earlier system billed has no
lines here; it counts as billed at the prices of its orders, without tax. Each document is rounded to the whole rupee
only as a whole: its rounding is not a sale.

A month that is billed costs its invoice lines, by ``ix_invoices_status`` and the key of the lines: six or seven for a
customer, whatever it got. A month on drafts costs its deliveries, as the preview of its bills does. By area the index
``ix_orders_invoice_area`` is read besides, an entry for each order, and the deliveries of those who moved. With 100,000
customers that is 650,000 lines for a billed month; for one on drafts 3,000,000 orders with their items.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.billing.queries.drafts import PAPERS, lines_of_papers
from dairy_app.billing.rules.sales import Span, table_of
from dairy_app.database.statements import room_to_sum
from dairy_app.invoices.rules import MOST_MONTHS

#: Compares like a key where a row has none.
_NONE = "'00000000-0000-0000-0000-000000000000'::uuid"
#: By grouping: where code and name of a row's key ``id`` are.
NAMES = {
    "product": "(SELECT id, sku AS code, name FROM products)",
    "area": "(SELECT id, NULL AS code, name FROM areas)",
    "month": "(SELECT NULL::uuid AS id, NULL AS code, NULL AS name)",
    "customer": "(SELECT id, code, name FROM customers)",
}

_DRAFTS_OF_MONTHS = PAPERS.format(
    which="date_trunc('month', d.period_start::timestamp)::date IN (SELECT m.month FROM months m)", ends="d.period_end"
)

# One row a line. ``root_id``: the document on which the orders are, also of the second paper of a period.
_SOLD = """
documents AS (
    SELECT m.month, coalesce(i.companion_of, i.id) AS root_id, i.id, i.customer_id, i.status
    FROM months m
    JOIN invoices i ON i.status IN ('issued', 'external')
        AND i.period_start >= m.month AND i.period_start < m.month + interval '1 month'
), sold AS (
    SELECT d.month, d.root_id, d.customer_id, l.product_id, l.source, 'billed' AS state, l.quantity,
        l.line_total - l.cgst - l.sgst - l.igst AS before_tax, l.line_total AS with_tax
    FROM documents d JOIN invoice_lines l ON l.invoice_id = d.id
    UNION ALL
    SELECT d.month, d.root_id, d.customer_id, l.product_id, l.source, 'credited', n.quantity,
        n.line_total - n.cgst - n.sgst - n.igst, n.line_total
    FROM documents d
    JOIN credit_note_lines n ON n.invoice_id = d.id
    JOIN invoice_lines l ON l.invoice_id = n.invoice_id AND l.line_no = n.invoice_line_no
    UNION ALL
    SELECT d.month, d.root_id, d.customer_id, l.product_id, l.source, 'billed', n.quantity,
        n.line_total - n.cgst - n.sgst - n.igst, n.line_total
    FROM documents d
    JOIN debit_note_lines n ON n.invoice_id = d.id
    JOIN invoice_lines l ON l.invoice_id = n.invoice_id AND l.line_no = n.invoice_line_no
    UNION ALL
    SELECT d.month, d.root_id, d.customer_id, t.product_id, o.order_type, 'billed', sum(t.delivered_quantity),
        round(sum(t.delivered_quantity) * t.unit_price, 2), round(sum(t.delivered_quantity) * t.unit_price, 2)
    FROM documents d
    JOIN all_orders o ON o.invoice_id = d.id
    JOIN all_order_items t ON t.order_id = o.id AND t.delivered_quantity > 0
    WHERE d.status = 'external'
    GROUP BY 1, 2, 3, 4, 5, t.unit_price
    UNION ALL
    SELECT date_trunc('month', p.period_start::timestamp)::date, p.invoice_id, p.customer_id, l.product_id, l.source,
        'unbilled', l.quantity, l.line_total - l.cgst - l.sgst - l.igst, l.line_total
    FROM lines l JOIN papers p ON p.invoice_id = l.invoice_id
)"""

# The area in which an order was delivered is fixed when its round starts; until then it is the customer's. Who never
# moved has one area on a document. Else a product's lines are cut by what of it came where, and the last part takes
# the rest, so that the parts make the whole. A charge or a discount is not delivered: it is where the customer is.
_PLACED = """, homes AS MATERIALIZED (
    SELECT r.root_id, c.area_id, bool_and(coalesce(o.area_id, c.area_id) IS NOT DISTINCT FROM c.area_id) AS is_one
    FROM (SELECT DISTINCT s.root_id, s.customer_id FROM sold s) r
    JOIN customers c ON c.id = r.customer_id
    LEFT JOIN all_orders o ON o.invoice_id = r.root_id
    GROUP BY 1, 2
), shares AS (
    SELECT h.root_id, t.product_id, coalesce(o.area_id, h.area_id) AS area_id, sum(t.delivered_quantity) AS quantity
    FROM homes h
    JOIN all_orders o ON o.invoice_id = h.root_id
    JOIN all_order_items t ON t.order_id = o.id AND t.delivered_quantity > 0
    WHERE NOT h.is_one
    GROUP BY 1, 2, 3
), cuts AS (
    SELECT s.root_id, s.product_id, s.area_id, sum(s.quantity) OVER upto - s.quantity AS after,
        sum(s.quantity) OVER upto AS upto, sum(s.quantity) OVER (PARTITION BY s.root_id, s.product_id) AS whole
    FROM shares s WINDOW upto AS (PARTITION BY s.root_id, s.product_id ORDER BY s.area_id)
), placed AS (
    SELECT s.month, s.customer_id, coalesce(k.area_id, h.area_id) AS area_id, s.product_id, s.source, s.state,
        cut.quantity, cut.before_tax, cut.with_tax
    FROM sold s
    JOIN homes h ON h.root_id = s.root_id
    LEFT JOIN cuts k ON k.root_id = s.root_id AND k.product_id = s.product_id
    CROSS JOIN LATERAL (SELECT coalesce(k.after, 0) AS after, coalesce(k.upto, 1) AS upto,
        coalesce(k.whole, 1) AS whole) w
    CROSS JOIN LATERAL (SELECT
        round(s.quantity * w.upto / w.whole, 3) - round(s.quantity * w.after / w.whole, 3) AS quantity,
        round(s.before_tax * w.upto / w.whole, 2) - round(s.before_tax * w.after / w.whole, 2) AS before_tax,
        round(s.with_tax * w.upto / w.whole, 2) - round(s.with_tax * w.after / w.whole, 2) AS with_tax) cut
)"""


def sold_by(grouping: str, months: str, today: str) -> str:
    """``WITH …, keyed`` of the first days that ``months`` selects; a SELECT follows.

    ``keyed`` has a row for each month, key (product, area, customer; none by month), unit, state, and whether it was a
    one-time order's. ``today`` decides, where it matters, how a draft would be taxed. Both are SQL, as parameters are
    written differently by who asks.
    """
    key = "NULL::uuid" if grouping == "month" else f"s.{grouping}_id"
    placed, rows = (_PLACED, "placed") if grouping == "area" else ("", "sold")
    drafts = _DRAFTS_OF_MONTHS.replace(":today", today)
    lines = lines_of_papers(charged=True)
    return f"""WITH months AS MATERIALIZED ({months}), {drafts}, {lines}, {_SOLD}{placed}, keyed AS MATERIALIZED (
    SELECT s.month, {key} AS key, g.unit, s.state, s.source = 'one_time' AS is_one_time,
        coalesce(sum(s.quantity) FILTER (WHERE g.id IS NOT NULL), 0) AS quantity,
        sum(s.before_tax) AS before_tax, sum(s.with_tax) AS with_tax
    FROM {rows} s LEFT JOIN products g ON g.id = s.product_id
    GROUP BY 1, 2, 3, 4, 5
)"""


def sales(session: Session, spans: Sequence[Span], by: str, today: date, limit: int) -> dict[str, Any]:
    """Rows of sales, the largest first (by month: the earliest), with the sums of all; one statement that reads.

    ``rows`` counts all rows, of which there are at most ``limit``.
    """
    months = """SELECT DISTINCT every::date AS month
        FROM unnest(CAST(:firsts AS date[]), CAST(:lasts AS date[])) AS wanted (first, last)
        CROSS JOIN generate_series(wanted.first, wanted.last::timestamp, interval '1 month') every"""
    room_to_sum(session)
    found = session.execute(
        text(f"""{sold_by(by, months, ":today")}, asked AS (
            SELECT * FROM unnest(CAST(:periods AS text[]), CAST(:compared AS text[]), CAST(:firsts AS date[]),
                CAST(:lasts AS date[])) AS asked (period, compared, first, last)
        ), spanned AS MATERIALIZED (
            SELECT a.period, a.compared, k.key, coalesce(k.key, {_NONE}) AS row_key, k.unit, k.state, k.is_one_time,
                sum(k.quantity) AS quantity, sum(k.before_tax) AS before_tax, sum(k.with_tax) AS with_tax
            FROM asked a JOIN keyed k ON k.month BETWEEN a.first AND a.last
            GROUP BY 1, 2, 3, 4, 5, 6, 7
        ), ranked AS (
            SELECT s.period, s.row_key, count(*) OVER () AS rows, row_number() OVER (ORDER BY s.period,
                sum(CASE s.state WHEN 'credited' THEN -s.with_tax ELSE s.with_tax END)
                    FILTER (WHERE s.compared = 'sales') DESC NULLS LAST, s.row_key) AS place
            FROM spanned s GROUP BY 1, 2
        )
        SELECT r.place, r.rows, s.period, s.key AS id, k.code, k.name,
            s.compared, s.unit, s.state, s.is_one_time, s.quantity, s.before_tax, s.with_tax
        FROM ranked r JOIN spanned s ON s.period = r.period AND s.row_key = r.row_key
        LEFT JOIN {NAMES[by]} k ON k.id = s.key
        WHERE r.place <= :limit
        UNION ALL
        SELECT NULL, NULL, NULL, NULL, NULL, NULL, s.compared, s.unit, s.state, s.is_one_time,
            sum(s.quantity), sum(s.before_tax), sum(s.with_tax)
        FROM spanned s GROUP BY s.compared, s.unit, s.state, s.is_one_time
        ORDER BY 1 NULLS FIRST"""),
        {
            "periods": [each.period for each in spans],
            "compared": [each.compared for each in spans],
            "firsts": [each.first for each in spans],
            "lasts": [each.last for each in spans],
            "today": today,
            "limit": MOST_MONTHS if by == "month" else limit,
        },
    )
    return table_of([dict(row) for row in found.mappings()], spans)
