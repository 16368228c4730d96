"""What a composition dealer files (CGST Act s. 10): the turnover of a quarter for CMP-08, and of a year for GSTR-4.

The tax itself is not in it: its rate, and whether it is on all of the turnover, depend on what the dairy makes itself.
"""

from dairy_app.exports.registers.columns import Profile, money, number, word
from dairy_app.exports.registers.entries import DOCUMENTS, LINES

CMP08 = Profile(
    name="cmp08",
    version=1,
    title="For CMP-08: the turnover of bills of supply under composition, one row per month, with their notes.",
    columns=(
        word("month", "to_char(m.month, 'YYYY-MM')"),
        number("documents", "r.documents"),
        money("invoices", "r.invoices::numeric(14,2)"),
        money("debit_notes", "r.debit_notes::numeric(14,2)"),
        money("credit_notes", "r.credit_notes::numeric(14,2)"),
        money("turnover", "r.turnover::numeric(14,2)"),
        money("of_taxable_supplies", "r.taxable::numeric(14,2)"),
        money("of_other_supplies", "(r.turnover - r.taxable)::numeric(14,2)"),
    ),
    rows=f"""
FROM generate_series(date_trunc('month', %(first)s::timestamp), %(last)s::timestamp, interval '1 month') m (month)
LEFT JOIN (
    SELECT date_trunc('month', d.day::timestamp) AS month, count(*) AS documents,
        sum(l.value) FILTER (WHERE d.place = 1) AS invoices, sum(l.value) FILTER (WHERE d.place = 3) AS debit_notes,
        sum(d.sign * l.value) FILTER (WHERE d.place = 2) AS credit_notes, sum(d.sign * l.value) AS turnover,
        sum(d.sign * l.taxable) AS taxable
    FROM {DOCUMENTS} CROSS JOIN LATERAL (
        SELECT coalesce(sum(l.line_total), 0) AS value,
            coalesce(sum(l.line_total) FILTER (WHERE l.supply_type = 'taxable'), 0) AS taxable
        FROM {LINES} l
    ) l
    WHERE d.sign <> 0 AND d.by_composition
    GROUP BY 1
) f USING (month)
CROSS JOIN LATERAL (SELECT coalesce(f.documents, 0) AS documents, coalesce(f.invoices, 0) AS invoices,
    coalesce(f.debit_notes, 0) AS debit_notes, coalesce(f.credit_notes, 0) AS credit_notes,
    coalesce(f.turnover, 0) AS turnover, coalesce(f.taxable, 0) AS taxable) r""",
    order="m.month",
)
