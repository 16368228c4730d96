"""The registers: documents, their lines, what was delivered, and what of it is on no document yet."""

from dairy_app.exports.gst.codes import STATES, UNIT_QUANTITY_CODES
from dairy_app.exports.registers.columns import Profile, amount, coded, date, money, number, text, word
from dairy_app.exports.registers.entries import DOCUMENT_ORDER, DOCUMENTS, LINES, buyer, signed

# Nil-rated and non-GST value are not stored on the document; what is left of its untaxed value is exempt.
_REGISTER_ROWS = f"""
FROM {DOCUMENTS}
CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.line_total) FILTER (WHERE l.supply_type = 'nil_rated'), 0) AS nil_rated,
        coalesce(sum(l.line_total) FILTER (WHERE l.supply_type = 'non_gst'), 0) AS non_gst
    FROM {LINES} l WHERE l.gst_rate = 0
) untaxed
LEFT JOIN (
    SELECT o.document_id, sum(o.open) AS open FROM open_items(NULL::uuid[], %(as_of)s) o
    WHERE o.kind IN ('invoice', 'debit_note') GROUP BY 1
) due ON due.document_id = d.id
LEFT JOIN (
    SELECT a.debit_id, sum(a.amount) FILTER (WHERE a.credit_kind = 'payment') AS paid,
        sum(a.amount) FILTER (WHERE a.credit_kind <> 'payment') AS credit
    FROM applications(NULL::uuid[], %(as_of)s) a WHERE a.debit_kind IN ('invoice', 'debit_note') GROUP BY 1
) settled ON settled.debit_id = d.id"""

#: Of a document; a credit note owes nothing, it is applied to its invoice. Before its date all of an invoice is open.
_BALANCE_DUE = "CASE d.place WHEN 2 THEN 0 ELSE coalesce(due.open, d.total) * d.sign END::numeric(14,2)"

INVOICE_REGISTER = Profile(
    name="invoice-register",
    version=3,
    title="One row per document, by series, year and number: invoices, then credit notes below 0, then debit notes.",
    columns=(
        word("document_type", "d.document_type"),
        text("series", "d.series"),
        text("number", "d.number"),
        word("financial_year", "d.financial_year"),
        date("invoice_date", "d.day"),
        date("period_from", "d.period_start"),
        date("period_to", "d.period_end"),
        word("status", "d.status"),
        text("original_document_number", "d.original_number"),
        text("reason", "d.reason"),
        text("customer_code", buyer("code")),
        text("customer_name", buyer("name")),
        text("customer_gstin", buyer("gstin")),
        text("gst_treatment", buyer("gst_treatment")),
        text("billing_address", buyer("address")),
        text("pincode", buyer("pincode")),
        text("place_of_supply_code", "d.place_of_supply"),
        word("place_of_supply_name", coded("d.place_of_supply", STATES)),
        text("supplier_gstin", "d.snapshot #>> '{seller,gstin}'"),
        text("area", buyer("area")),
        word("currency", "'INR'"),
        money("exempt_value", signed("(d.exempt_value - untaxed.nil_rated - untaxed.non_gst)")),
        money("nil_rated_value", signed("untaxed.nil_rated")),
        money("non_gst_value", signed("untaxed.non_gst")),
        money("taxable_value", signed("d.taxable_value")),
        money("cgst_amount", signed("d.cgst")),
        money("sgst_amount", signed("d.sgst")),
        money("igst_amount", signed("d.igst")),
        money("round_off", signed("d.round_off")),
        money("total_amount", signed("d.total")),
        money("amount_paid", "coalesce(settled.paid, 0)::numeric(14,2)"),
        money("credit_applied", "coalesce(settled.credit, 0)::numeric(14,2)"),
        money("balance_due", _BALANCE_DUE),
        date("due_date", "d.due_date"),
        number("days_overdue", f"CASE WHEN {_BALANCE_DUE} > 0 THEN greatest(%(as_of)s - d.due_date, 0) ELSE 0 END"),
        word("issued_at", """to_char(d.issued_at, 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM')"""),
        word("document_hash", "d.document_hash"),
        word("irn", "d.irn"),
        word("ack_no", "d.ack_no"),
        word("ack_date", """to_char(d.ack_date, 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM')"""),
    ),
    rows=_REGISTER_ROWS,
    order=DOCUMENT_ORDER,
)

# The documents are sorted, then the lines of each: the first line comes out before the last is read, and nothing is
# sorted twice. A LATERAL is joined document by document, which keeps both orders. OFFSET 0 keeps the planner from
# joining first and sorting everything afterwards, and the product within, where it disturbs no order. What is said of
# the buyer is taken out of the snapshot once a document.
_LINES_ROWS = f"""
FROM (
    SELECT d.*, {buyer("code")} AS buyer_code, {buyer("name")} AS buyer_name
    FROM {DOCUMENTS} WHERE d.sign <> 0 ORDER BY {DOCUMENT_ORDER}
) d
CROSS JOIN LATERAL (
    SELECT l.*, p.sku, b.code AS delivered_to_code, b.name AS delivered_to_name
    FROM {LINES} l LEFT JOIN products p ON p.id = l.product_id LEFT JOIN customers b ON b.id = l.delivered_to
    ORDER BY l.line_no OFFSET 0
) l"""

INVOICE_LINES = Profile(
    name="invoice-lines",
    version=3,
    title="One row per line of the documents, in the order of the register; no lines of void documents.",
    columns=(
        text("number", "d.number"),
        date("invoice_date", "d.day"),
        text("customer_code", "d.buyer_code"),
        text("customer_name", "d.buyer_name"),
        number("line_no", "l.line_no"),
        word("source", "l.source"),
        word("prior_period", "l.prior_period::text"),
        date("first_date", "l.first_date"),
        date("last_date", "l.last_date"),
        text("product_sku", "l.sku"),
        text("description", "l.description"),
        text("hsn", "l.hsn_code"),
        word("supply_type", "l.supply_type"),
        number("quantity", "trim_scale(CASE d.sign WHEN 1 THEN l.quantity ELSE d.sign * l.quantity END)"),
        word("uqc", coded("l.unit", UNIT_QUANTITY_CODES)),
        amount("unit_price", "l.unit_price"),
        money("gross_amount", signed("l.gross_amount")),
        money("discount_amount", signed("l.discount")),
        money("taxable_value", signed("l.taxable_value")),
        number("gst_rate", "l.gst_rate"),
        money("cgst", signed("l.cgst")),
        money("sgst", signed("l.sgst")),
        money("igst", signed("l.igst")),
        money("line_total", signed("l.line_total")),
        text("delivered_to_code", "l.delivered_to_code"),
        text("delivered_to_name", "l.delivered_to_name"),
    ),
    rows=_LINES_ROWS,
    order=DOCUMENT_ORDER,
)

# A registered buyer's untaxed goods are on the companion of the document that holds the order.
_NUMBER_OF_ITEM = """coalesce((SELECT k.number FROM invoices k JOIN invoice_lines l ON l.invoice_id = k.id
    WHERE k.companion_of = i.id AND l.product_id = t.product_id LIMIT 1), i.number)"""

_DELIVERED = "round(t.delivered_quantity * t.unit_price, 2)"

DELIVERIES = Profile(
    name="deliveries",
    version=1,
    title="One row per delivered item, by the day it was really delivered.",
    columns=(
        date("delivery_date", "o.delivered_on"),
        text("customer_code", "c.code"),
        word("order_id", "o.id::text"),
        word("order_type", "o.order_type"),
        text("product_sku", "p.sku"),
        number("ordered", "trim_scale(t.quantity)"),
        number("delivered", "trim_scale(t.delivered_quantity)"),
        amount("unit_price", "t.unit_price"),
        money("amount", _DELIVERED),
        text("invoice_number", _NUMBER_OF_ITEM),
        text("confirmed_by", "s.confirmed_by_name"),
        word("method", "s.confirmation_method"),
    ),
    rows="""
FROM all_orders o
JOIN all_order_items t ON t.order_id = o.id AND t.delivered_quantity > 0
JOIN products p ON p.id = t.product_id
JOIN customers c ON c.id = o.customer_id
LEFT JOIN invoices i ON i.id = o.invoice_id
LEFT JOIN all_delivery_statuses s ON s.order_id = o.id
WHERE o.delivered_on BETWEEN %(first)s AND %(last)s""",
    order="o.delivered_on, c.code, o.id, t.line_no",
)

UNBILLED = Profile(
    name="unbilled",
    version=1,
    title="One row per delivered item that is on no issued invoice, by the day it was delivered, and why.",
    columns=(
        date("delivery_date", "o.delivered_on"),
        text("customer_code", "c.code"),
        text("customer_name", "c.name"),
        word("order_id", "o.id::text"),
        word("order_type", "o.order_type"),
        text("product_sku", "p.sku"),
        number("delivered", "trim_scale(t.delivered_quantity)"),
        amount("unit_price", "t.unit_price"),
        money("amount", _DELIVERED),
        date("period_from", "i.period_start"),
        date("period_to", "i.period_end"),
        word(
            "why",
            "CASE WHEN i.period_end >= %(as_of)s THEN 'period_running' ELSE 'period_ended' END",
        ),
    ),
    rows="""
FROM invoices i
JOIN orders o ON o.invoice_id = i.id
JOIN order_items t ON t.order_id = o.id AND t.delivered_quantity > 0
JOIN products p ON p.id = t.product_id
JOIN customers c ON c.id = o.customer_id
WHERE i.status = 'draft' AND o.delivered_on BETWEEN %(first)s AND %(last)s""",
    order="o.delivered_on, c.code, o.id, t.line_no",
)
