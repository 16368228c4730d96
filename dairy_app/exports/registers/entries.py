"""The SQL that several exports read, written once: documents, their lines, and the journal of everything that moved.

A document that was made void keeps its row and its number, with all values 0: so the columns can be summed as they
stand, and Σ register = Σ lines + round-off holds without a filter. What the void document said is in the invoice. A
credit note is a document of its own with everything below 0, a debit note one with everything above; both follow their
invoice in how GST sees it.
"""

from dairy_app.exports.gst.codes import LARGE_INVOICE_LIMITS, STATES
from dairy_app.exports.registers.columns import coded


def buyer(key: str, snapshot: str = "d.snapshot") -> str:
    """A fact about the buyer as it stood at issue."""
    return f"{snapshot} #>> '{{buyer,{key}}}'"


def signed(sql: str) -> str:
    """An amount of a document: 0 when it is void, below 0 for a credit note. Nearly all are neither: those are not
    multiplied."""
    return f"CASE d.sign WHEN 1 THEN ({sql})::numeric(14,2) ELSE (d.sign * {sql})::numeric(14,2) END"


def place_of_supply(sql: str) -> str:
    """``27-Maharashtra``, as the GST portal writes it."""
    return f"{sql} || '-' || {coded(sql, STATES)}"


def _large_limit(day: str) -> str:
    whens = " ".join(f"WHEN {day} >= DATE '{since}' THEN {limit}" for since, limit in reversed(LARGE_INVOICE_LIMITS))
    return f"CASE {whens} END"


_SAME = """{0}.series, {0}.financial_year, {0}.sequence_no, {0}.number, {0}.snapshot, {0}.place_of_supply,
        {0}.taxable_value, {0}.exempt_value, {0}.cgst, {0}.sgst, {0}.igst, {0}.round_off, {0}.total, {0}.issued_at,
        {0}.document_hash, {0}.irn, {0}.ack_no, {0}.ack_date"""

#: Whether an invoice was issued under composition: its document says so, and no tax is on it.
_BY_COMPOSITION = "coalesce(i.snapshot #>> '{seller,gst_scheme}' = 'composition', false)"

#: How GST sees a document, by its invoice: who a supply to a registered person is, between states, listed one by
#: one. What was issued under composition is in no return of a regular seller, nor are its notes.
_SEEN_BY_GST = f"""i.document_type <> 'invoice' AND NOT {_BY_COMPOSITION} AS of_gst,
        {_BY_COMPOSITION} AS by_composition, i.document_type = 'tax_invoice' AS is_tax_invoice,
        coalesce({buyer("gst_treatment", "i.snapshot")} IN ('registered', 'composition')
            AND {buyer("gstin", "i.snapshot")} IS NOT NULL, false) AS to_registered,
        i.place_of_supply IS DISTINCT FROM i.snapshot #>> '{{seller,state_code}}' AS inter_state,
        i.total > {_large_limit("i.invoice_date")} AS is_large"""

#: Who has a document now, by its invoice, and whose it was at issue where that one was merged into another since.
_WHOSE = "i.customer_id, i.issued_to"


def party(key: str) -> str:
    """A fact about who has document ``d`` in the books: the buyer, or the customer that the buyer was merged into."""
    now = f"(SELECT c.{key} FROM customers c WHERE c.id = d.customer_id)"
    return f"CASE WHEN d.issued_to IS NULL THEN {buyer(key)} ELSE {now} END"


#: A return is of a month. Exactly the days of a quarter are a quarterly return (QRMP).
RETURN_PERIOD = """CASE WHEN %(first)s = date_trunc('quarter', %(first)s::timestamp)
        AND %(last)s = date_trunc('quarter', %(first)s::timestamp) + interval '3 months -1 day'
    THEN 'quarter' ELSE 'month' END"""

_VOIDED_ON = "(i.voided_at AT TIME ZONE (SELECT time_zone FROM settings))::date"

#: Whether the return that holds invoice ``i`` was filed before it was voided: that one stays as it was, and the return
#: of the day on which it was voided amends it.
_IS_WITHDRAWN = f"""i.voided_after_return AND date_trunc({RETURN_PERIOD}, {_VOIDED_ON}::timestamp)
        > date_trunc({RETURN_PERIOD}, i.invoice_date::timestamp)"""


def _invoices(filed_sign: str, which: str) -> str:
    return f"""
    SELECT 1 AS place, CASE i.status WHEN 'issued' THEN 1 ELSE 0 END AS sign, {filed_sign} AS filed_sign, i.id,
        i.id AS invoice_id, NULL::uuid AS note_id, NULL::uuid AS debit_note_id, i.document_type, i.invoice_date AS day,
        i.status, NULL::text AS original_number, NULL::date AS original_day, i.void_reason AS reason,
        i.period_start, i.period_end, i.due_date, {_SAME.format("i")},
        {_SEEN_BY_GST}, {_WHOSE}
    FROM invoices i
    WHERE {which}"""


def _documents(first: str, last: str) -> str:
    filed_sign = f"CASE WHEN i.status = 'issued' OR {_IS_WITHDRAWN} THEN 1 ELSE 0 END"
    return f"""({_invoices(filed_sign, f"i.status IN ('issued', 'void') AND i.invoice_date BETWEEN {first} AND {last}")}
    UNION ALL
    SELECT 2, -1, -1, n.id, NULL, n.id, NULL, 'credit_note', n.note_date, 'issued', i.number,
        i.invoice_date, n.reason, i.period_start, i.period_end, NULL, {_SAME.format("n")},
        {_SEEN_BY_GST}, {_WHOSE}
    FROM credit_notes n JOIN invoices i ON i.id = n.invoice_id
    WHERE n.note_date BETWEEN {first} AND {last}
    UNION ALL
    SELECT 3, 1, 1, n.id, NULL, NULL, n.id, 'debit_note', n.note_date, 'issued', i.number, i.invoice_date, n.reason,
        i.period_start, i.period_end, n.due_date, {_SAME.replace("{0}.round_off", "0.00").format("n")},
        {_SEEN_BY_GST}, {_WHOSE}
    FROM debit_notes n JOIN invoices i ON i.id = n.invoice_id
    WHERE n.note_date BETWEEN {first} AND {last}
) d"""


def _withdrawn(which: str) -> str:
    return f"""({_invoices("-1", f"i.status = 'void' AND {_IS_WITHDRAWN} AND {which}")}
) d"""


#: Every numbered document ``d`` of the days: invoices (also void ones), credit notes and debit notes. ``sign`` is what
#: it is in the books, ``filed_sign`` what it is in the return of its day: there a withdrawn invoice still counts.
DOCUMENTS = _documents("%(first)s", "%(last)s")

#: The invoices ``d`` that were withdrawn on the days from returns filed before; ``filed_sign`` takes them back.
WITHDRAWN_DOCUMENTS = _withdrawn(f"{_VOIDED_ON} BETWEEN %(first)s AND %(last)s")

#: The order of documents: invoices, then credit notes, then debit notes, each by number.
DOCUMENT_ORDER = "d.place, d.series, d.financial_year, d.sequence_no"

_OF_GOODS = """l.product_id, l.description, l.hsn_code, l.unit, l.source, l.prior_period, l.first_date, l.last_date,
    l.delivered_to"""

#: The lines of document ``d``, for a LATERAL. What a note takes back or charges has no gross amount of its own, and no
#: price when it is of no goods.
LINES = f"""(
    SELECT l.line_no, {_OF_GOODS}, l.quantity, l.unit_price, l.gross_amount, l.discount, l.supply_type, l.gst_rate,
        l.taxable_value, l.cgst, l.sgst, l.igst, l.line_total
    FROM invoice_lines l WHERE l.invoice_id = d.invoice_id
    UNION ALL
    SELECT n.line_no, {_OF_GOODS}, n.quantity, CASE WHEN n.quantity IS NOT NULL THEN l.unit_price END, NULL, NULL,
        l.supply_type, l.gst_rate, n.taxable_value, n.cgst, n.sgst, n.igst, n.line_total
    FROM credit_note_lines n
    JOIN invoice_lines l ON l.invoice_id = n.invoice_id AND l.line_no = n.invoice_line_no
    WHERE n.credit_note_id = d.note_id
    UNION ALL
    SELECT n.line_no, {_OF_GOODS}, n.quantity, CASE WHEN n.quantity IS NOT NULL THEN l.unit_price END, NULL, NULL,
        l.supply_type, l.gst_rate, n.taxable_value, n.cgst, n.sgst, n.igst, n.line_total
    FROM debit_note_lines n
    JOIN invoice_lines l ON l.invoice_id = n.invoice_id AND l.line_no = n.invoice_line_no
    WHERE n.debit_note_id = d.debit_note_id
)"""


def _supplies(documents: str) -> str:
    return f"""(
    SELECT d.id, d.place, d.filed_sign AS sign, d.number, d.day, d.total, d.place_of_supply, d.to_registered,
        d.inter_state, NOT d.to_registered AND d.inter_state AND d.is_large AS is_large,
        {buyer("gstin")} AS gstin, {buyer("gst_treatment")} AS gst_treatment, {buyer("name")} AS name,
        l.hsn_code, l.supply_type, l.gst_rate,
        CASE WHEN l.product_id IS NOT NULL THEN l.unit END AS unit,
        d.filed_sign * CASE WHEN l.product_id IS NULL THEN 0 ELSE coalesce(l.quantity, 0) END AS quantity,
        d.filed_sign * CASE WHEN l.gst_rate > 0 THEN l.taxable_value ELSE l.line_total END AS value,
        d.filed_sign * l.cgst AS cgst, d.filed_sign * l.sgst AS sgst, d.filed_sign * l.igst AS igst,
        d.filed_sign * l.line_total AS line_total
    FROM {documents} CROSS JOIN LATERAL {LINES} l
    WHERE d.filed_sign <> 0 AND d.of_gst
) s"""


#: Lines ``s`` of a registered seller with what GST wants to know of them, as the return of the days holds them;
#: ``value`` is that of the goods without tax. An adjustment or a charge moves no goods and is counted in no unit.
SUPPLIES = _supplies(DOCUMENTS)

#: The same of what was withdrawn on the days from returns filed before, everything below 0.
WITHDRAWN = _supplies(WITHDRAWN_DOCUMENTS)

#: Both: what a return declares in sums that have no table for amendments, and what tax is owed on.
DECLARED = f"""(
    SELECT * FROM {SUPPLIES}
    UNION ALL
    SELECT * FROM {WITHDRAWN}
) s"""


def corrected(first: str, last: str) -> str:
    """Lines ``s`` of the return from ``first`` to ``last`` (SQL of days), less what was withdrawn since.

    That is, until the last day of the export: a later file does not change an earlier one.
    """
    withdrawn = f"i.invoice_date BETWEEN {first} AND {last} AND {_VOIDED_ON} <= %(last)s"
    return f"""(
    SELECT * FROM {_supplies(_documents(first, last))}
    UNION ALL
    SELECT * FROM {_supplies(_withdrawn(withdrawn))}
) s"""


#: Where the money of each method of payment arrives.
MONEY_LEDGERS = {
    "cash": "Cash",
    "upi": "UPI",
    "qr": "UPI",
    "bank_transfer": "Bank",
    "cheque": "Bank",
    "card": "Card",
    "wallet": "Wallet",
}

_SALES_LEDGER = """CASE l.supply_type WHEN 'exempt' THEN 'Sales exempt' WHEN 'nil_rated' THEN 'Sales nil-rated'
        WHEN 'non_gst' THEN 'Sales non-GST'
        ELSE CASE WHEN l.gst_rate > 0 THEN 'Sales GST ' || trim_scale(l.gst_rate) || '%%'
            ELSE 'Sales under composition' END END"""

# Amounts above 0 are debits. The party's line has no name of a ledger: its ledger is the party's own.
_OF_DOCUMENTS = f"""
    SELECT CASE d.place WHEN 1 THEN 'sales' WHEN 2 THEN 'credit-note' ELSE 'debit-note' END AS kind,
        least(d.place + 1, 3) AS place, d.id, d.day,
        d.number AS voucher_no, {party("code")} AS party_code, {party("name")} AS party_name,
        {buyer("gstin")} AS gstin, {buyer("gst_treatment")} AS gst_treatment, d.place_of_supply,
        d.original_number AS reference, d.status = 'void' AS is_cancelled, e.line, e.ledger_name,
        (d.sign * e.amount)::numeric(14,2) AS amount,
        coalesce(d.reason, d.period_start || ' to ' || d.period_end) AS narration
    FROM {DOCUMENTS} CROSS JOIN LATERAL (
        SELECT 1 AS line, NULL AS ledger_name, d.total AS amount
        UNION ALL
        SELECT 2, {_SALES_LEDGER}, -sum(CASE WHEN l.gst_rate > 0 THEN l.taxable_value ELSE l.line_total END)
        FROM {LINES} l GROUP BY 2
        UNION ALL
        SELECT o.line, o.ledger_name, -o.amount
        FROM (VALUES (3, 'Output CGST', d.cgst), (4, 'Output SGST', d.sgst), (5, 'Output IGST', d.igst),
            (6, 'Round off', d.round_off)) o (line, ledger_name, amount)
    ) e
    WHERE e.line = 1 OR (e.amount <> 0 AND d.sign <> 0)"""

# Money has no document that would keep the customer's name as it was; the code stays.
_OF_MONEY = f"""
    SELECT m.kind, m.place, m.id, m.day, m.voucher_no, c.code, NULL, NULL, NULL, NULL, m.reference, false,
        e.line, e.ledger_name, e.amount, m.narration
    FROM (
        SELECT 'opening' AS kind, 1 AS place, b.id, b.as_of AS day, NULL AS voucher_no, b.customer_id, b.amount,
            'Opening balances' AS ledger_name, NULL AS reference, 'Opening balance' AS narration
        FROM opening_balances b WHERE b.amount <> 0 AND b.as_of BETWEEN %(first)s AND %(last)s
        UNION ALL
        SELECT 'receipt', 4, p.id, p.received_on, p.receipt_no, p.customer_id, -p.amount,
            {coded("p.method", MONEY_LEDGERS)}, p.reference, concat_ws(' ', p.method, p.reference)
        FROM payments p WHERE p.received_on BETWEEN %(first)s AND %(last)s
        UNION ALL
        SELECT 'reversal', 5, p.id, p.reversed_on, p.receipt_no || '/X', p.customer_id, p.amount,
            {coded("p.method", MONEY_LEDGERS)}, p.receipt_no, p.reversal_reason
        FROM payments p WHERE p.status = 'reversed' AND p.reversed_on BETWEEN %(first)s AND %(last)s
        UNION ALL
        SELECT 'write-off', 6, w.id, w.written_off_on, NULL, w.customer_id, -w.amount, 'Bad debts',
            (SELECT i.number FROM invoices i WHERE i.id = w.invoice_id), w.reason
        FROM write_offs w WHERE w.written_off_on BETWEEN %(first)s AND %(last)s
        UNION ALL
        SELECT 'refund', 7, r.id, r.paid_on, r.voucher_no, r.customer_id, r.amount,
            {coded("r.method", MONEY_LEDGERS)}, r.reference, concat_ws(' ', r.method, r.reference, r.reason)
        FROM refunds r WHERE r.paid_on BETWEEN %(first)s AND %(last)s
        UNION ALL
        SELECT 'refund-reversal', 8, r.id, r.reversed_on, r.voucher_no || '/X', r.customer_id, -r.amount,
            {coded("r.method", MONEY_LEDGERS)}, r.voucher_no, r.reversal_reason
        FROM refunds r WHERE r.status = 'reversed' AND r.reversed_on BETWEEN %(first)s AND %(last)s
    ) m
    JOIN customers c ON c.id = m.customer_id
    CROSS JOIN LATERAL (VALUES (1, NULL, m.amount), (2, m.ledger_name, -m.amount)) e (line, ledger_name, amount)"""

#: Double entry ``j``: every voucher's lines, which come to 0. Void documents: their first line alone, at 0.
JOURNAL = f"""({_OF_DOCUMENTS}
    UNION ALL{_OF_MONEY}
) j"""

#: The order of vouchers, and of the lines of each. The id tells apart what has no number.
JOURNAL_ORDER = "j.day, j.place, j.voucher_no, j.id, j.line, j.ledger_name"

VOUCHER_TYPES = {
    "opening": "Journal",
    "sales": "Sales",
    "credit-note": "Credit Note",
    "debit-note": "Debit Note",
    "receipt": "Receipt",
    "reversal": "Payment",
    "write-off": "Journal",
    "refund": "Payment",
    "refund-reversal": "Receipt",
}

#: What a voucher without a number of its own is called.
VOUCHER_NO = """coalesce(j.voucher_no, CASE j.kind WHEN 'opening' THEN 'OB/' || j.party_code
    ELSE 'WO/' || upper(right(j.id::text, 12)) END)"""
