"""What an accountant checks before filing: prices of 0, invoices the portal would refuse, gaps in the numbers."""

from typing import Any

from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from dairy_app.exports.registers.columns import Profile, date, text, word
from dairy_app.exports.registers.entries import DOCUMENTS, LINES, buyer
from dairy_app.exports.rules import Span

# A delivered item that costs nothing and is not marked free; billed or not.
_ZERO_PRICE = """
    SELECT 'zero_price' AS finding, o.delivered_on AS day, i.number AS document, c.code AS customer_code,
        p.sku AS product_sku, 'Order ' || o.id || ': delivered at price 0, not marked free' AS detail, t.line_no
    FROM all_orders o
    JOIN all_order_items t ON t.order_id = o.id AND t.delivered_quantity > 0
        AND t.unit_price = 0 AND t.price_source <> 'free'
    JOIN products p ON p.id = t.product_id
    JOIN customers c ON c.id = o.customer_id
    LEFT JOIN invoices i ON i.id = o.invoice_id
    WHERE o.delivered_on BETWEEN %(first)s AND %(last)s"""

_MISSING_HSN = f"""
    SELECT 'missing_hsn', d.day, d.number, {buyer("code")}, p.sku, l.description || ': no HSN code', l.line_no
    FROM {DOCUMENTS} CROSS JOIN LATERAL {LINES} l LEFT JOIN products p ON p.id = l.product_id
    WHERE d.sign <> 0 AND d.of_gst AND l.hsn_code IS NULL"""

_MISSING_GSTIN = f"""
    SELECT 'missing_gstin', d.day, d.number, {buyer("code")}, NULL,
        {buyer("name")} || ': ' || ({buyer("gst_treatment")}) || ' without a GSTIN, listed as a consumer', 0
    FROM {DOCUMENTS}
    WHERE d.sign <> 0 AND d.of_gst AND {buyer("gst_treatment")} IN ('registered', 'composition')
        AND {buyer("gstin")} IS NULL"""

# By the product's tax class of today: in force neither on the document's date nor on a day of delivery.
_RATE_NOT_IN_FORCE = f"""
    SELECT 'rate_not_in_force', d.day, d.number, {buyer("code")}, p.sku,
        l.description || ': ' || l.supply_type || ' at ' || l.gst_rate || ' per cent, not the rate of class '
            || p.tax_class, l.line_no
    FROM {DOCUMENTS} CROSS JOIN LATERAL {LINES} l JOIN products p ON p.id = l.product_id
    WHERE d.place = 1 AND d.sign = 1 AND d.of_gst AND NOT EXISTS (
        SELECT FROM tax_rates r
        WHERE r.tax_class = p.tax_class AND r.supply_type = l.supply_type AND r.gst_rate = l.gst_rate
            AND (r.valid @> d.day OR r.valid && daterange(l.first_date, l.last_date, '[]')))"""

# The number before a document's own must be there, in the same series and financial year.
_NUMBER_GAP = f"""
    SELECT 'number_gap', d.day, d.number, NULL, NULL,
        'No document has number ' || (d.sequence_no - 1) || ' of series ' || d.series || ' ' || d.financial_year, 0
    FROM {DOCUMENTS}
    WHERE d.sequence_no > 1
        AND NOT EXISTS (SELECT FROM invoices i WHERE i.series = d.series AND i.financial_year = d.financial_year
            AND i.sequence_no = d.sequence_no - 1)
        AND NOT EXISTS (SELECT FROM credit_notes n WHERE n.series = d.series AND n.financial_year = d.financial_year
            AND n.sequence_no = d.sequence_no - 1)
        AND NOT EXISTS (SELECT FROM debit_notes n WHERE n.series = d.series AND n.financial_year = d.financial_year
            AND n.sequence_no = d.sequence_no - 1)"""

# The return that was filed still holds it: that of the month of the void amends it.
_VOIDED_AFTER_RETURN = f"""
    SELECT 'voided_after_return', d.day, d.number, {buyer("code")}, NULL,
        'Voided after the return was filed: ' || d.reason, 0
    FROM {DOCUMENTS} JOIN invoices i ON i.id = d.invoice_id WHERE i.voided_after_return"""

EXCEPTIONS = Profile(
    name="exceptions",
    version=2,
    title="Findings: zero_price, missing_hsn, missing_gstin, rate_not_in_force, number_gap, voided_after_return.",
    columns=(
        word("finding", "f.finding"),
        date("date", "f.day"),
        text("document_number", "f.document"),
        text("customer_code", "f.customer_code"),
        text("product_sku", "f.product_sku"),
        text("detail", "f.detail"),
    ),
    rows=f"""
FROM ({_ZERO_PRICE}
    UNION ALL{_MISSING_HSN}
    UNION ALL{_MISSING_GSTIN}
    UNION ALL{_RATE_NOT_IN_FORCE}
    UNION ALL{_NUMBER_GAP}
    UNION ALL{_VOIDED_AFTER_RETURN}
) f""",
    order="f.finding, f.day, f.document, f.customer_code, f.detail, f.line_no",
)


def voided_after_return(session: Session, span: Span) -> list[dict[str, Any]]:
    """The invoices dated within the days that an admin voided although their return was filed, by number."""
    rows = session.execute(
        sql("""
            SELECT i.number, i.invoice_date, i.total, i.void_reason AS reason, u.name AS voided_by, i.voided_at
            FROM invoices i JOIN users u ON u.id = i.voided_by
            WHERE i.voided_after_return AND i.invoice_date BETWEEN :first AND :last
            ORDER BY i.financial_year, i.number"""),
        {"first": span.first, "last": span.last},
    )
    return [dict(row) for row in rows.mappings()]
