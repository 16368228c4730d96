r"""E-invoices to be registered: form GST INV-01, schema 1.1, as the government's portal takes it in bulk.

CGST Rules r. 48 (4): a seller above the turnover that is notified registers tax invoices to registered buyers, and the
notes of these, before they are handed over. The portal takes an array of documents and answers with a number
(IRN) for each. The buyer is who it was at issue. Of the addresses, what a document of an earlier day does not hold
(the buyer's town, the seller's town and PIN code, a PIN code that was missing then) is as it is now.

No amount of the portal's form may be below 0, so a discount that is a line of its own is taken off the greatest lines
of its rate; the sums are those of the document. A document that lacks something is left out and named, never sent.
Texts are without ``\`` and ``"``, which the portal refuses.
"""

from dairy_app.exports.gst.codes import UNIT_QUANTITY_CODES
from dairy_app.exports.registers.columns import Profile, coded, date, money, text, word
from dairy_app.exports.registers.entries import DOCUMENTS, LINES, buyer

VERSION = 1
#: The most items that the portal takes of one document.
MOST_ITEMS = 1000
_TYPES = {"1": "INV", "2": "CRN", "3": "DBN"}


def _plain(sql: str) -> str:
    """A text on one line, without what the portal refuses."""
    return rf"""btrim(regexp_replace({sql}, '[\\"[:space:][:cntrl:]]+', ' ', 'g'))"""


def _seller(key: str) -> str:
    return f"d.snapshot #>> '{{seller,{key}}}'"


# What is asked for, and a condition under which it is missing.
_WANTED = {
    "seller_name": "coalesce(length(w.seller_name), 0) < 3",
    "seller_address": "coalesce(w.seller_address, '') = ''",
    "seller_city": "coalesce(length(w.seller_city), 0) < 3",
    "seller_pincode": "w.seller_pincode IS NULL",
    "buyer_name": "coalesce(length(w.buyer_name), 0) < 3",
    "buyer_address": "coalesce(w.buyer_address, '') = ''",
    "buyer_city": "coalesce(length(w.buyer_city), 0) < 3",
    "buyer_pincode": "w.buyer_pincode IS NULL",
    "another_gstin": "w.buyer_gstin = w.seller_gstin",
    "hsn_code": "i.without_hsn",
    "fewer_items": f"i.items > {MOST_ITEMS}",
    "fewer_discounts": "i.discounted_below_0",
}
_MISSING = ", ".join(f"CASE WHEN {when} THEN '{name}' END" for name, when in _WANTED.items())

#: Documents ``r`` of the days that have no IRN and want one, with what is missing of each.
E_INVOICES = f"""
FROM (
    SELECT d.*, w.*, {coded("d.place::text", _TYPES)} AS portal_type,
        array_remove(ARRAY[{_MISSING}], NULL) AS missing
    FROM {DOCUMENTS}
    JOIN customers c ON c.id = d.customer_id
    CROSS JOIN settings s
    CROSS JOIN LATERAL (SELECT
        {_seller("gstin")} AS seller_gstin,
        {_plain(f"coalesce({_seller('legal_name')}, {_seller('business_name')})")} AS seller_name,
        {_plain(_seller("business_name"))} AS seller_trade_name, {_plain(_seller("address"))} AS seller_address,
        {_plain("s.city")} AS seller_city, s.pincode AS seller_pincode,
        {buyer("gstin")} AS buyer_gstin, {_plain(buyer("name"))} AS buyer_name,
        {_plain(f"coalesce(nullif({buyer('address')}, ''), concat_ws(', ', c.address_line1, c.address_line2, c.city))")}
            AS buyer_address,
        {_plain("c.city")} AS buyer_city, coalesce({buyer("pincode")}, c.pincode) AS buyer_pincode) w
    CROSS JOIN LATERAL (
        SELECT bool_or(r.without_hsn) AS without_hsn, sum(r.items) AS items,
            bool_or(r.value < 0) AS discounted_below_0
        FROM (
            SELECT l.gst_rate, bool_or(coalesce(length(l.hsn_code), 0) < 4) AS without_hsn,
                count(*) FILTER (WHERE l.line_total >= 0) AS items, sum(l.taxable_value) AS value
            FROM {LINES} l GROUP BY 1
        ) r
    ) i
    WHERE d.sign <> 0 AND d.is_tax_invoice AND d.to_registered AND d.irn IS NULL
) r"""
E_INVOICE_ORDER = "r.place, r.series, r.financial_year, r.sequence_no"

EINVOICE = Profile(
    name="einvoice",
    version=VERSION,
    title="Documents to registered buyers that have no IRN yet, one row each, and what the portal would miss of them.",
    columns=(
        word("document_type", "r.portal_type"),
        text("number", "r.number"),
        date("document_date", "r.day"),
        text("customer_gstin", "r.buyer_gstin"),
        text("customer_name", "r.buyer_name"),
        text("original_document_number", "r.original_number"),
        money("taxable_value", "r.taxable_value"),
        money("total_amount", "r.total"),
        word("missing", "array_to_string(r.missing, ' ')"),
    ),
    rows=E_INVOICES,
    order=E_INVOICE_ORDER,
)


def _money(sql: str) -> str:
    return f"({sql})::numeric(14,2)"


def _address(of: str) -> str:
    """Address, town and PIN code; two lines of at most 100 letters, the second of at least three."""
    return f"""'Addr1', left(r.{of}_address, 100),
        'Addr2', CASE WHEN length(r.{of}_address) > 102 THEN substr(r.{of}_address, 101, 100) END,
        'Loc', left(r.{of}_city, 50), 'Pin', r.{of}_pincode::integer"""


_AMOUNTS = ("taxable_value", "cgst", "sgst", "igst")
_OF_RATE = "PARTITION BY l.gst_rate"
_GREATEST_FIRST = (
    f"{_OF_RATE} ORDER BY l.taxable_value DESC, l.line_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
)

# What the lines below 0 of a rate come to is taken off its greatest line, what is more than that off the next one.
_ITEMS = f"""
SELECT json_agg(json_strip_nulls(json_build_object(
    'SlNo', k.item_no::text, 'PrdDesc', CASE WHEN length(k.description) > 2 THEN left(k.description, 300) END,
    'IsServc', CASE WHEN k.is_service THEN 'Y' ELSE 'N' END, 'HsnCd', k.hsn_code,
    'Qty', CASE WHEN NOT k.is_service THEN coalesce(k.quantity, 0) END,
    'Unit', CASE WHEN NOT k.is_service THEN coalesce({coded("k.unit", UNIT_QUANTITY_CODES)}, 'OTH') END,
    'UnitPrice', CASE WHEN k.quantity > 0 THEN round(k.taxable_value / k.quantity, 3) ELSE k.taxable_value END,
    'TotAmt', {_money("k.taxable_value")}, 'Discount', {_money("k.less_taxable_value")},
    'AssAmt', {_money("k.taxable_value - k.less_taxable_value")}, 'GstRt', {_money("k.gst_rate")},
    'IgstAmt', {_money("k.igst - k.less_igst")}, 'CgstAmt', {_money("k.cgst - k.less_cgst")},
    'SgstAmt', {_money("k.sgst - k.less_sgst")}, 'CesRt', 0.00, 'CesAmt', 0.00, 'OthChrg', 0.00,
    'TotItemVal', {_money(" + ".join(f"k.{name} - k.less_{name}" for name in _AMOUNTS))}
)) ORDER BY k.line_no) AS items
FROM (
    SELECT l.line_no, row_number() OVER (ORDER BY l.line_no) AS item_no, {_plain("l.description")} AS description,
        l.hsn_code, l.hsn_code LIKE '99%%' AS is_service, l.quantity, l.unit, l.gst_rate,
        {", ".join(f"l.{name}" for name in _AMOUNTS)},
        {
    ", ".join(
        f"least(l.{name}, greatest(l.off_{name} - coalesce(sum(l.{name}) OVER ({_GREATEST_FIRST}), 0), 0))"
        f" AS less_{name}"
        for name in _AMOUNTS
    )
}
    FROM (
        SELECT l.*, {", ".join(f"-sum(least(l.{name}, 0)) OVER ({_OF_RATE}) AS off_{name}" for name in _AMOUNTS)}
        FROM {LINES.replace("d.", "r.")} l
    ) l
    WHERE l.line_total >= 0
) k"""

#: Those that lack nothing, one JSON text each.
E_INVOICE_DOCUMENTS = f"""
SELECT json_strip_nulls(json_build_object(
    'Version', '1.1',
    'TranDtls', json_build_object('TaxSch', 'GST', 'SupTyp', 'B2B', 'RegRev', 'N', 'IgstOnIntra', 'N'),
    'DocDtls', json_build_object('Typ', r.portal_type, 'No', r.number, 'Dt', to_char(r.day, 'DD/MM/YYYY')),
    'SellerDtls', json_build_object('Gstin', r.seller_gstin, 'LglNm', left(r.seller_name, 100),
        'TrdNm', CASE WHEN length(r.seller_trade_name) > 2 THEN left(r.seller_trade_name, 100) END,
        {_address("seller")}, 'Stcd', left(r.seller_gstin, 2)),
    'BuyerDtls', json_build_object('Gstin', r.buyer_gstin, 'LglNm', left(r.buyer_name, 100), 'Pos', r.place_of_supply,
        {_address("buyer")}, 'Stcd', left(r.buyer_gstin, 2)),
    'ItemList', i.items,
    'ValDtls', json_build_object('AssVal', r.taxable_value, 'CgstVal', r.cgst, 'SgstVal', r.sgst, 'IgstVal', r.igst,
        'CesVal', 0.00, 'StCesVal', 0.00, 'Discount', 0.00, 'OthChrg', 0.00, 'RndOffAmt', r.round_off,
        'TotInvVal', r.total),
    'RefDtls', CASE WHEN r.original_number IS NOT NULL THEN json_build_object('PrecDocDtls', json_build_array(
        json_build_object('InvNo', r.original_number, 'InvDt', to_char(r.original_day, 'DD/MM/YYYY')))) END))::text
{E_INVOICES} CROSS JOIN LATERAL ({_ITEMS}) i
WHERE r.missing = '{{}}'
ORDER BY {E_INVOICE_ORDER}"""
