"""Invoices with the headings of Zoho Books' import: one row per item, the head of the invoice on each of them.

The words for GST treatment and tax are those of Zoho's help pages of 2024. Credit notes are another import there.
"""

from dairy_app.exports.gst.codes import STATE_LETTERS
from dairy_app.exports.registers.columns import Profile, amount, coded, date, number, text, word
from dairy_app.exports.registers.entries import DOCUMENT_ORDER, DOCUMENTS, LINES, buyer

_TREATMENTS = {
    "registered": "business_registered_regular",
    "composition": "business_registered_composition",
    "unregistered_business": "business_unregistered",
    "consumer": "consumer",
}
_WHY_UNTAXED = {"exempt": "Exempt supply", "nil_rated": "Nil-rated supply", "non_gst": "Non-GST supply"}


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
        word("Item Tax Exemption Reason", coded("l.supply_type", _WHY_UNTAXED)),
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
