"""Invoices, credit notes and payments with the headings of Zoho Books' imports, which are three there.

One row per item, the head of the document on each of them; of payments one row per invoice that one was applied to.
The words for GST treatment and tax are those of Zoho's help pages of 2024.
"""

from dairy_app.exports.gst.codes import STATE_LETTERS
from dairy_app.exports.registers.columns import Profile, amount, coded, date, money, number, text, word
from dairy_app.exports.registers.entries import DOCUMENT_ORDER, DOCUMENTS, LINES, MONEY_LEDGERS, buyer

_TREATMENTS = {
    "registered": "business_registered_regular",
    "composition": "business_registered_composition",
    "unregistered_business": "business_unregistered",
    "consumer": "consumer",
}
_WHY_UNTAXED = {"exempt": "Exempt supply", "nil_rated": "Nil-rated supply", "non_gst": "Non-GST supply"}
_EXEMPTION = (
    f"CASE WHEN l.gst_rate = 0 THEN {coded('l.supply_type', _WHY_UNTAXED | {'taxable': 'Composition scheme'})} END"
)


def _taxed(sql: str) -> str:
    """Nothing for an untaxed line: it carries its exemption only. The place of supply, not the tax, says which kind."""
    return f"CASE WHEN l.gst_rate > 0 THEN {sql} END"


ZOHO_INVOICES = Profile(
    name="zoho-invoices",
    version=2,
    title="One row per item of an issued invoice, for Zoho Books. Customers are named with their code: names repeat.",
    columns=(
        text("Invoice Number", "d.number"),
        date("Invoice Date", "d.day"),
        word("Invoice Status", "'Approved'"),
        text("Customer Name", f"concat({buyer('name')}, ' (', {buyer('code')}, ')')"),
        word("GST Treatment", coded(buyer("gst_treatment"), _TREATMENTS)),
        text("GST Identification Number (GSTIN)", buyer("gstin")),
        word("Place of Supply", coded("d.place_of_supply", STATE_LETTERS)),
        text("PurchaseOrder", "NULL::text"),
        number("Payment Terms", "d.due_date - d.day"),
        word("Payment Terms Label", "'Net ' || (d.due_date - d.day)"),
        date("Due Date", "d.due_date"),
        word("Currency Code", "'INR'"),
        number("Exchange Rate", "1"),
        word("Account", "'Sales'"),
        text("Item Name", "l.description"),
        text("Item Desc", "l.first_date || ' to ' || l.last_date"),
        word("Item Type", "'goods'"),
        text("HSN/SAC", "l.hsn_code"),
        number("Quantity", "trim_scale(l.quantity)"),
        word("Usage unit", "l.unit"),
        amount("Item Price", "l.unit_price"),
        word("Item Tax", _taxed("CASE WHEN d.inter_state THEN 'IGST' ELSE 'GST' END || trim_scale(l.gst_rate)")),
        word("Item Tax Type", _taxed("CASE WHEN d.inter_state THEN 'ItemAmount' ELSE 'Tax Group' END")),
        number("Item Tax %", _taxed("trim_scale(l.gst_rate)")),
        word("Item Tax Exemption Reason", _EXEMPTION),
        word(
            "Is Inclusive Tax",
            "coalesce((SELECT bool_or(v.gst_rate > 0 AND v.taxable_value <> v.gross_amount - v.discount)"
            " FROM invoice_lines v WHERE v.invoice_id = d.id), false)::text",
        ),
        amount("Adjustment", "d.round_off"),
        word("Adjustment Description", "'Round off'"),
    ),
    rows=f"""
FROM {DOCUMENTS}
CROSS JOIN LATERAL {LINES} l
WHERE d.place = 1 AND d.sign <> 0""",
    order=f"{DOCUMENT_ORDER}, l.line_no",
)

#: How a payment came, in the words of Zoho.
_MODES = {
    "cash": "Cash",
    "upi": "UPI",
    "qr": "UPI",
    "bank_transfer": "Bank Transfer",
    "cheque": "Check",
    "card": "Credit Card",
    "wallet": "UPI",
}

# What a note takes back may be an amount without goods: each item is one, at the value that is taken back.
ZOHO_CREDIT_NOTES = Profile(
    name="zoho-credit-notes",
    version=1,
    title="One row per item of a credit note, for Zoho Books; its invoice must be there already.",
    columns=(
        text("Credit Note Number", "d.number"),
        date("Credit Note Date", "d.day"),
        text("Associated Invoice Number", "d.original_number"),
        date("Associated Invoice Date", "(SELECT i.invoice_date FROM invoices i WHERE i.number = d.original_number)"),
        word("Credit Note Status", "'Open'"),
        word("Reason", "'Others'"),
        text("Customer Name", f"concat({buyer('name')}, ' (', {buyer('code')}, ')')"),
        word("GST Treatment", coded(buyer("gst_treatment"), _TREATMENTS)),
        text("GST Identification Number (GSTIN)", buyer("gstin")),
        word("Place of Supply", coded("d.place_of_supply", STATE_LETTERS)),
        word("Currency Code", "'INR'"),
        number("Exchange Rate", "1"),
        word("Account", "'Sales'"),
        text("Item Name", "l.description"),
        text("Item Desc", "l.first_date || ' to ' || l.last_date"),
        word("Item Type", "'goods'"),
        text("HSN/SAC", "l.hsn_code"),
        number("Quantity", "1"),
        word("Usage unit", "l.unit"),
        amount("Item Price", "CASE WHEN l.gst_rate > 0 THEN l.taxable_value ELSE l.line_total END"),
        word("Item Tax", _taxed("CASE WHEN d.inter_state THEN 'IGST' ELSE 'GST' END || trim_scale(l.gst_rate)")),
        word("Item Tax Type", _taxed("CASE WHEN d.inter_state THEN 'ItemAmount' ELSE 'Tax Group' END")),
        number("Item Tax %", _taxed("trim_scale(l.gst_rate)")),
        word("Item Tax Exemption Reason", _EXEMPTION),
        word("Is Inclusive Tax", "'false'"),
        amount("Adjustment", "d.round_off"),
        word("Adjustment Description", "'Round off'"),
        text("Notes", "d.reason"),
    ),
    rows=f"""
FROM {DOCUMENTS}
CROSS JOIN LATERAL {LINES} l
WHERE d.place = 2""",
    order=f"{DOCUMENT_ORDER}, l.line_no",
)

# The name of a customer is that of the invoice, or Zoho would make two of one whose name changed.
ZOHO_PAYMENTS = Profile(
    name="zoho-payments",
    version=1,
    title="One row per invoice that a payment was applied to, for Zoho Books; one without where it was to none.",
    columns=(
        text("Payment Number Prefix", "regexp_replace(p.receipt_no, '[0-9]+$', '')"),
        text("Payment Number Suffix", "substring(p.receipt_no FROM '[0-9]+$')"),
        date("Date", "p.received_on"),
        word("Payment Type", "CASE WHEN i.id IS NULL THEN 'Customer Advance' ELSE 'Invoice Payment' END"),
        text("Customer Name", f"concat(coalesce({buyer('name', 'i.snapshot')}, c.name), ' (', c.code, ')')"),
        word("Mode", coded("p.method", _MODES)),
        text("Description", "p.notes"),
        number("Exchange Rate", "1"),
        amount("Amount", "p.amount"),
        word("Deposit To", coded("p.method", MONEY_LEDGERS)),
        text("Reference Number", "p.reference"),
        text("Invoice Number", "i.number"),
        date("Invoice Date", "i.invoice_date"),
        money("Amount Applied to Invoice", "a.amount"),
    ),
    rows="""
FROM payments p
JOIN customers c ON c.id = p.customer_id
LEFT JOIN (
    SELECT s.credit_id, s.debit_id, sum(s.amount)::numeric(12,2) AS amount
    FROM applications(ARRAY(SELECT DISTINCT v.customer_id FROM payments v
        WHERE v.received_on BETWEEN %(first)s AND %(last)s), %(as_of)s) s
    WHERE s.credit_kind = 'payment' AND s.debit_kind = 'invoice' GROUP BY 1, 2
) a ON a.credit_id = p.id
LEFT JOIN invoices i ON i.id = a.debit_id
WHERE p.received_on BETWEEN %(first)s AND %(last)s AND (p.reversed_on IS NULL OR p.reversed_on > %(as_of)s)""",
    order="p.received_on, p.receipt_no, i.number",
)
