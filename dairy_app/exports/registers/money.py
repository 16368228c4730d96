"""What came in, what it settled, the double-entry journal, and what is open: as of the day that was asked for."""

from dairy_app.exports.registers.columns import Profile, amount, coded, date, money, number, text, word
from dairy_app.exports.registers.entries import JOURNAL, JOURNAL_ORDER, VOUCHER_NO, VOUCHER_TYPES
from dairy_app.orders.queries import NEAR

_WAS_REVERSED = "coalesce(p.reversed_on <= %(as_of)s, false)"

#: A reversed payment has nothing left to give.
_UNAPPLIED = f"CASE WHEN {_WAS_REVERSED} THEN 0 ELSE p.amount - coalesce(a.amount, 0) END::numeric(14,2)"

_APPLIED = """(
    SELECT a.credit_id, sum(a.amount) AS amount FROM applications(NULL::uuid[], %(as_of)s) a
    WHERE a.credit_kind = 'payment' GROUP BY 1
)"""

RECEIPTS = Profile(
    name="receipts",
    version=1,
    title="One row per payment received on the days, with what of it had settled something or was paid back on as_of.",
    columns=(
        text("receipt_no", "p.receipt_no"),
        date("date", "p.received_on"),
        text("customer_code", "c.code"),
        word("method", "p.method"),
        text("reference", "p.reference"),
        money("amount", "p.amount"),
        money("allocated", "coalesce(a.amount, 0)::numeric(14,2)"),
        money("unapplied", _UNAPPLIED),
        text("collected_by", "u.name"),
        word("status", f"CASE WHEN {_WAS_REVERSED} THEN 'reversed' ELSE 'received' END"),
    ),
    rows=f"""
FROM payments p
JOIN customers c ON c.id = p.customer_id
LEFT JOIN users u ON u.id = p.collected_by
LEFT JOIN {_APPLIED} a ON a.credit_id = p.id
WHERE p.received_on BETWEEN %(first)s AND %(last)s""",
    order="p.received_on, p.receipt_no",
)

ALLOCATIONS = Profile(
    name="allocations",
    version=1,
    title="What payments of the days had settled on as_of, chosen or oldest first: one row per payment and document.",
    columns=(
        text("receipt_no", "p.receipt_no"),
        text("document_number", "coalesce(i.number, n.number, r.voucher_no, 'OPENING')"),
        money("amount", "a.amount::numeric(14,2)"),
    ),
    rows="""
FROM (
    SELECT x.credit_id, x.debit_id, sum(x.amount) AS amount FROM applications(NULL::uuid[], %(as_of)s) x
    WHERE x.credit_kind = 'payment' GROUP BY 1, 2
) a
JOIN payments p ON p.id = a.credit_id
LEFT JOIN invoices i ON i.id = a.debit_id
LEFT JOIN debit_notes n ON n.id = a.debit_id
LEFT JOIN refunds r ON r.id = a.debit_id
WHERE p.received_on BETWEEN %(first)s AND %(last)s""",
    order="p.received_on, p.receipt_no, coalesce(i.invoice_date, n.note_date, r.paid_on) NULLS FIRST,"
    " coalesce(i.number, n.number, r.voucher_no)",
)

LEDGER = Profile(
    name="ledger",
    version=1,
    title="The journal: for every voucher its lines, whose debits equal their credits.",
    columns=(
        word("journal_no", "j.kind || '-' || j.id"),
        date("date", "j.day"),
        word("voucher_type", coded("j.kind", VOUCHER_TYPES)),
        text("voucher_no", VOUCHER_NO),
        word("ledger_name", "coalesce(j.ledger_name, 'Customer receivables')"),
        text("party_code", "CASE WHEN j.ledger_name IS NULL THEN j.party_code END"),
        money("debit", "greatest(j.amount, 0)::numeric(14,2)"),
        money("credit", "greatest(-j.amount, 0)::numeric(14,2)"),
        text("narration", "j.narration"),
    ),
    rows=f"""
FROM {JOURNAL}
WHERE NOT j.is_cancelled""",
    order=JOURNAL_ORDER,
)


def _overdue(first: int, last: int | None) -> str:
    """What fell due so many days before as_of."""
    upto = f" AND due_date >= %(as_of)s - {last}" if last else ""
    return f"coalesce(sum(open) FILTER (WHERE due_date <= %(as_of)s - {first}{upto}), 0) AS days_{first}"


AGEING = Profile(
    name="ageing",
    version=1,
    title="One row per customer with something open on as_of, by how long ago it fell due; unapplied credit beside it.",
    columns=(
        text("customer_code", "c.code"),
        text("customer_name", "c.name"),
        word("customer_status", "c.status"),
        date("as_of", "%(as_of)s"),
        money("not_due", "a.not_due::numeric(14,2)"),
        money("days_1_30", "a.days_1::numeric(14,2)"),
        money("days_31_60", "a.days_31::numeric(14,2)"),
        money("days_61_90", "a.days_61::numeric(14,2)"),
        money("days_over_90", "a.days_91::numeric(14,2)"),
        money("unapplied_credit", "a.credit::numeric(14,2)"),
        money("net", "a.net::numeric(14,2)"),
    ),
    rows=f"""
FROM (
    SELECT o.customer_id, coalesce(sum(open) FILTER (WHERE due_date >= %(as_of)s), 0) AS not_due,
        {_overdue(1, 30)}, {_overdue(31, 60)}, {_overdue(61, 90)}, {_overdue(91, None)},
        coalesce(-sum(open) FILTER (WHERE o.kind = 'credit'), 0) AS credit, sum(open) AS net
    FROM open_items(NULL::uuid[], %(as_of)s) o WHERE o.open <> 0 GROUP BY 1
) a
JOIN customers c ON c.id = a.customer_id""",
    order="c.code",
)

CREDIT = Profile(
    name="credit",
    version=1,
    title="One row per customer at its credit limit or at 80 % of it, as it stands; who stopped is left out.",
    columns=(
        text("customer_code", "c.code"),
        text("customer_name", "c.name"),
        text("phone", "c.phone"),
        text("area", "a.name"),
        word("payment_terms", "c.payment_terms"),
        money("credit_limit", "e.credit_limit"),
        amount("balance", "e.balance::numeric(24,2)"),
        money("draft", "e.draft::numeric(24,2)"),
        money("ordered", "e.ordered::numeric(24,2)"),
        money("exposure", "e.exposure::numeric(24,2)"),
        number("share", "round(e.exposure * 100 / nullif(e.credit_limit, 0), 2)"),
    ),
    rows=f"""
FROM credit_exposures(NULL::uuid[], %(as_of)s) e
JOIN customers c ON c.id = e.customer_id
LEFT JOIN areas a ON a.id = c.area_id
WHERE c.status <> 'stopped' AND e.exposure >= {NEAR} * e.credit_limit""",
    order="c.code",
    is_of_days=False,
)

_PARTICULARS = {
    "opening": "Opening balance",
    "invoice": "Invoice",
    "void": "Invoice made void",
    "credit_note": "Credit note",
    "debit_note": "Debit note",
    "payment": "Payment",
    "reversal": "Payment reversed",
    "write_off": "Written off",
    "refund": "Paid back",
    "refund_reversal": "Refund reversed",
}

STATEMENT = Profile(
    name="statement",
    version=1,
    title="One customer's account: the balance before the days, then every entry with the balance after it.",
    columns=(
        date("date", "e.entry_date"),
        text("document", "e.document"),
        word("particulars", f"coalesce({coded('e.kind', _PARTICULARS)}, 'Balance brought forward')"),
        money("debit", "e.debit"),
        money("credit", "e.credit"),
        amount("balance", "e.balance::numeric(14,2)"),
    ),
    rows="""
FROM (
    SELECT %(first)s AS entry_date, 0 AS place, NULL AS kind, NULL AS document, NULL::uuid AS document_id,
        NULL::numeric AS debit, NULL::numeric AS credit, coalesce(sum(l.debit - l.credit), 0) AS balance
    FROM customer_ledger l WHERE l.customer_id = %(customer_id)s::uuid AND l.entry_date < %(first)s
    UNION ALL
    SELECT * FROM (
        SELECT l.entry_date, l.place, l.kind, l.document, l.document_id, l.debit, l.credit,
            sum(l.debit - l.credit) OVER (ORDER BY l.entry_date, l.place, l.document, l.document_id)
        FROM customer_ledger l WHERE l.customer_id = %(customer_id)s::uuid AND l.entry_date <= %(last)s
    ) every WHERE every.entry_date >= %(first)s
) e""",
    order="e.entry_date, e.place, e.document, e.document_id",
    of_customer=True,
)
