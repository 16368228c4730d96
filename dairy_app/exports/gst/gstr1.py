"""The files of GSTR-1, with the headings and the order of columns of the government's offline tool.

One row per document and rate. A void document is only counted, as cancelled, in ``docs``. Notes to registered buyers
and those of invoices listed in ``b2cl`` are listed, all with amounts above 0 and their type, C or D; every other one is
in ``b2cs``, a credit note below 0. What bears no tax is in ``exemp`` and, by its HSN at rate 0, in the summaries; a
seller without GSTIN has none of it.

An invoice that was voided after its return was filed is withdrawn: that return stays as it was, and the return of the
day of the void amends it, in ``b2ba``, ``b2cla`` or ``b2csa``. ``exemp`` and the summaries have no tables of
amendments: there it is taken off, as the portal compares table 12 (with the difference alone, GSTN's phase 3 of 2025).
"""

from dairy_app.exports.gst.codes import HSN_DESCRIPTIONS, UNIT_QUANTITY_NAMES
from dairy_app.exports.registers.columns import Column, Profile, amount, coded, money, number, return_date, text, word
from dairy_app.exports.registers.entries import (
    DECLARED,
    DOCUMENTS,
    RETURN_PERIOD,
    SUPPLIES,
    WITHDRAWN,
    corrected,
    place_of_supply,
)

_RATE = number("Rate", "trim_scale(r.gst_rate)")
_VALUE = money("Taxable Value", "r.value::numeric(14,2)")
_CESS = money("Cess Amount", "0.00")
_PART_OF_RATE = word("Applicable % of Tax Rate", "NULL::text")
_PORTAL = word("E-Commerce GSTIN", "NULL::text")
_PLACE = word("Place Of Supply", place_of_supply("r.place_of_supply"))
_REVERSE_CHARGE = word("Reverse Charge", "'N'")
_GSTIN = text("GSTIN/UIN of Recipient", "r.gstin")
_NAME = text("Receiver Name", "r.name")


#: Which documents are invoices, and which are notes.
INVOICES, NOTES = "s.place = 1", "s.place > 1"
#: What ``b2cs`` sums up, and ``b2csa`` corrects.
IN_B2CS = "s.gst_rate > 0 AND NOT s.to_registered AND NOT s.is_large"
#: Of a note ``r``: credit or debit.
NOTE_TYPE = "CASE r.place WHEN 2 THEN 'C' ELSE 'D' END"


def _by_rate(which: str, documents: str = INVOICES) -> str:
    """One row ``r`` per document and rate of the taxed supplies that ``which`` chooses; no value is below 0."""
    return f"""
FROM (
    SELECT s.id, s.place, s.number, s.day, s.total, s.place_of_supply, s.gstin, s.name, s.gst_rate,
        sum(s.sign * s.value) AS value
    FROM {SUPPLIES}
    WHERE {documents} AND s.gst_rate > 0 AND {which}
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
) r"""


def _document(of: str) -> tuple[Column, Column, Column]:
    return (
        text(f"{of} Number", "r.number"),
        return_date(f"{of} {'date' if of.endswith('Invoice') else 'Date'}", "r.day"),
        amount(f"{of} Value", "r.total::numeric(14,2)"),
    )


_INVOICE, _INVOICE_DATE, _INVOICE_VALUE = _document("Invoice")
_NOTE, _NOTE_DATE, _NOTE_VALUE = _document("Note")
_NOTE_TYPE = word("Note Type", NOTE_TYPE)
_BY_DOCUMENT = "r.day, r.number, r.gst_rate"

B2B = Profile(
    name="gstr1/b2b",
    version=1,
    title="Table 4: taxed supplies to registered persons, one row per invoice and rate.",
    columns=(
        _GSTIN,
        _NAME,
        _INVOICE,
        _INVOICE_DATE,
        _INVOICE_VALUE,
        _PLACE,
        _REVERSE_CHARGE,
        _PART_OF_RATE,
        word("Invoice Type", "'Regular B2B'"),
        _PORTAL,
        _RATE,
        _VALUE,
        _CESS,
    ),
    rows=_by_rate("s.to_registered"),
    order=_BY_DOCUMENT,
)

B2CL = Profile(
    name="gstr1/b2cl",
    version=1,
    title="Table 5: large inter-state invoices to consumers, one row per invoice and rate.",
    columns=(
        _INVOICE,
        _INVOICE_DATE,
        _INVOICE_VALUE,
        _PLACE,
        _PART_OF_RATE,
        _RATE,
        _VALUE,
        _CESS,
        _PORTAL,
    ),
    rows=_by_rate("s.is_large"),
    order=_BY_DOCUMENT,
)

B2CS = Profile(
    name="gstr1/b2cs",
    version=1,
    title="Table 7: other taxed supplies to consumers by place and rate, with their notes.",
    columns=(
        word("Type", "'OE'"),
        _PLACE,
        _RATE,
        _PART_OF_RATE,
        _VALUE,
        _CESS,
        _PORTAL,
    ),
    rows=f"""
FROM (
    SELECT s.place_of_supply, s.gst_rate, sum(s.value) AS value
    FROM {SUPPLIES}
    WHERE {IN_B2CS}
    GROUP BY 1, 2
) r""",
    order="r.place_of_supply, r.gst_rate",
)

CDNR = Profile(
    name="gstr1/cdnr",
    version=1,
    title="Table 9B: credit and debit notes to registered persons, one row per note and rate.",
    columns=(
        _GSTIN,
        _NAME,
        _NOTE,
        _NOTE_DATE,
        _NOTE_TYPE,
        _PLACE,
        _REVERSE_CHARGE,
        word("Note Supply Type", "'Regular B2B'"),
        _NOTE_VALUE,
        _PART_OF_RATE,
        _RATE,
        _VALUE,
        _CESS,
    ),
    rows=_by_rate("s.to_registered", NOTES),
    order=_BY_DOCUMENT,
)

CDNUR = Profile(
    name="gstr1/cdnur",
    version=1,
    title="Table 9B: credit and debit notes of the invoices in b2cl, one row per note and rate.",
    columns=(
        word("UR Type", "'B2CL'"),
        _NOTE,
        _NOTE_DATE,
        _NOTE_TYPE,
        _PLACE,
        _NOTE_VALUE,
        _PART_OF_RATE,
        _RATE,
        _VALUE,
        _CESS,
    ),
    rows=_by_rate("s.is_large", NOTES),
    order=_BY_DOCUMENT,
)

EXEMP = Profile(
    name="gstr1/exemp",
    version=1,
    title="Table 8: supplies without tax, with their notes; always these four rows.",
    columns=(
        word("Description", "r.description"),
        money("Nil Rated Supplies", "r.nil_rated::numeric(14,2)"),
        money("Exempted(other than nil rated/non GST supply)", "r.exempt::numeric(14,2)"),
        money("Non-GST Supplies", "r.non_gst::numeric(14,2)"),
    ),
    rows=f"""
FROM (
    SELECT k.place, k.description, k.to_registered,
        coalesce(sum(s.value) FILTER (WHERE s.supply_type = 'nil_rated'), 0) AS nil_rated,
        coalesce(sum(s.value) FILTER (WHERE s.supply_type NOT IN ('nil_rated', 'non_gst')), 0) AS exempt,
        coalesce(sum(s.value) FILTER (WHERE s.supply_type = 'non_gst'), 0) AS non_gst
    FROM (VALUES (1, 'Inter-State supplies to registered persons', true, true),
        (2, 'Intra-State supplies to registered persons', false, true),
        (3, 'Inter-State supplies to unregistered persons', true, false),
        (4, 'Intra-State supplies to unregistered persons', false, false)
    ) k (place, description, inter_state, to_registered)
    LEFT JOIN (SELECT * FROM {DECLARED} WHERE s.gst_rate = 0) s USING (inter_state, to_registered)
    GROUP BY 1, 2, 3
) r""",
    order="r.place",
)


def _summary(name: str, whom: str, which: str) -> Profile:
    """One row per HSN, unit and rate, with quantities as the portal takes them: two decimals.

    A charge or discount is part of the goods of its HSN and rate, of those with the greatest value where they are
    counted in several units. Services (HSN 99…) have no unit and no quantity.
    """
    return Profile(
        name=f"gstr1/{name}",
        version=2,
        title=f"Table 12: everything supplied to {whom} by HSN, unit and rate, with their notes.",
        columns=(
            text("HSN", "r.hsn_code"),
            word("Description", coded("left(r.hsn_code, 4)", HSN_DESCRIPTIONS)),
            word("UQC", f"coalesce({coded('r.unit', UNIT_QUANTITY_NAMES | {'service': 'NA'})}, 'OTH-OTHERS')"),
            number("Total Quantity", "trim_scale(round(r.quantity, 2))"),
            money("Total Value", "r.line_total::numeric(14,2)"),
            _RATE,
            _VALUE,
            money("Integrated Tax Amount", "r.igst::numeric(14,2)"),
            money("Central Tax Amount", "r.cgst::numeric(14,2)"),
            money("State/UT Tax Amount", "r.sgst::numeric(14,2)"),
            _CESS,
        ),
        rows=f"""
FROM (
    WITH summed AS (
        SELECT s.hsn_code, CASE WHEN s.hsn_code LIKE '99%%' THEN 'service' ELSE s.unit END AS unit, s.gst_rate,
            sum(CASE WHEN s.hsn_code LIKE '99%%' THEN 0 ELSE s.quantity END) AS quantity,
            sum(s.line_total) AS line_total, sum(s.value) AS value, sum(s.igst) AS igst, sum(s.cgst) AS cgst,
            sum(s.sgst) AS sgst
        FROM {DECLARED} WHERE {which} GROUP BY 1, 2, 3
    )
    SELECT coalesce(goods.hsn_code, s.hsn_code) AS hsn_code, coalesce(goods.unit, s.unit) AS unit, s.gst_rate,
        sum(s.quantity) AS quantity, sum(s.line_total) AS line_total, sum(s.value) AS value, sum(s.igst) AS igst,
        sum(s.cgst) AS cgst, sum(s.sgst) AS sgst
    FROM summed s LEFT JOIN LATERAL (
        SELECT g.hsn_code, g.unit FROM summed g
        WHERE s.unit IS NULL AND g.unit IS NOT NULL AND g.gst_rate = s.gst_rate
            AND g.hsn_code LIKE s.hsn_code || '%%'
        ORDER BY g.hsn_code <> s.hsn_code, abs(g.value) DESC, g.hsn_code, g.unit LIMIT 1
    ) goods ON true
    GROUP BY 1, 2, 3
) r""",
        order="r.hsn_code, r.unit, r.gst_rate",
    )


HSN_B2B = _summary("hsn-b2b", "registered persons", "s.to_registered")
HSN_B2C = _summary("hsn-b2c", "consumers", "NOT s.to_registered")

DOCS = Profile(
    name="gstr1/docs",
    version=1,
    title="Table 13: the numbers given to documents, one row per series, and how many of them were cancelled.",
    columns=(
        word(
            "Nature of Document",
            "(ARRAY['Invoices for outward supply', 'Credit Note', 'Debit Note'])[r.place]",
        ),
        text("Sr. No. From", "r.first_number"),
        text("Sr. No. To", "r.last_number"),
        number("Total Number", "r.documents"),
        number("Cancelled", "r.cancelled"),
    ),
    rows=f"""
FROM (
    SELECT d.place, d.series, d.financial_year, count(*) AS documents,
        count(*) FILTER (WHERE d.filed_sign = 0) AS cancelled,
        (array_agg(d.number ORDER BY d.sequence_no))[1] AS first_number,
        (array_agg(d.number ORDER BY d.sequence_no DESC))[1] AS last_number
    FROM {DOCUMENTS} WHERE d.of_gst
    GROUP BY 1, 2, 3
) r""",
    order="r.place, r.series, r.financial_year",
)


def _withdrawn(which: str) -> str:
    """One row ``r`` per withdrawn invoice and rate that was listed."""
    return f"""
FROM (
    SELECT DISTINCT s.id, s.number, s.day, s.place_of_supply, s.inter_state, s.gstin, s.name, s.gst_rate
    FROM {WITHDRAWN}
    WHERE s.gst_rate > 0 AND {which}
) r"""


# Withdrawn is amended to nothing: the number, date and rates that were filed, with values of 0.
_ORIGINAL, _ORIGINAL_DATE, _ = _document("Original Invoice")
_REVISED, _REVISED_DATE, _ = _document("Revised Invoice")
_NO_VALUE = amount("Invoice Value", "0.00")
_NO_TAXABLE_VALUE = money("Taxable Value", "0.00")

B2BA = Profile(
    name="gstr1/b2ba",
    version=1,
    title="Table 9A: invoices to registered persons withdrawn from returns filed before, one row per invoice and rate.",
    columns=(
        _GSTIN,
        _NAME,
        _ORIGINAL,
        _ORIGINAL_DATE,
        _REVISED,
        _REVISED_DATE,
        _NO_VALUE,
        _PLACE,
        _REVERSE_CHARGE,
        _PART_OF_RATE,
        word("Invoice Type", "'Regular B2B'"),
        _PORTAL,
        _RATE,
        _NO_TAXABLE_VALUE,
        _CESS,
    ),
    rows=_withdrawn("s.to_registered"),
    order=_BY_DOCUMENT,
)

B2CLA = Profile(
    name="gstr1/b2cla",
    version=1,
    title="Table 9A: large invoices to consumers withdrawn from returns filed before, one row per invoice and rate.",
    columns=(
        _ORIGINAL,
        _ORIGINAL_DATE,
        word("Original Place Of Supply", place_of_supply("r.place_of_supply")),
        _REVISED,
        _REVISED_DATE,
        _NO_VALUE,
        _PART_OF_RATE,
        _RATE,
        _NO_TAXABLE_VALUE,
        _CESS,
        _PORTAL,
    ),
    rows=_withdrawn("s.is_large"),
    order=_BY_DOCUMENT,
)

#: Of a place with a withdrawn supply every rate is said again: on the portal one replaces them all.
B2CSA = Profile(
    name="gstr1/b2csa",
    version=1,
    title="Table 10: what b2cs of returns filed before comes to without what was withdrawn, by month, place and rate.",
    columns=(
        word(
            "Financial Year",
            "to_char(r.last_day - interval '3 months', 'YYYY-') || to_char(r.last_day + interval '9 months', 'YY')",
        ),
        word("Original Month", "to_char(r.last_day, 'FMMonth')"),
        _PLACE,
        word("Type", "'OE'"),
        _PART_OF_RATE,
        _RATE,
        _VALUE,
        _CESS,
        _PORTAL,
    ),
    rows=f"""
FROM (
    SELECT m.last_day, m.place_of_supply, m.inter_state, k.*
    FROM (
        SELECT DISTINCT o.first_day, (o.first_day
                + CASE {RETURN_PERIOD} WHEN 'quarter' THEN interval '3 months' ELSE interval '1 month' END)::date - 1
            AS last_day, s.place_of_supply, s.inter_state
        FROM {WITHDRAWN}
        CROSS JOIN LATERAL (SELECT date_trunc({RETURN_PERIOD}, s.day::timestamp)::date AS first_day) o
        WHERE {IN_B2CS}
    ) m
    CROSS JOIN LATERAL (
        SELECT s.gst_rate, sum(s.value)::numeric(14,2) AS value, sum(s.igst)::numeric(14,2) AS igst,
            sum(s.cgst)::numeric(14,2) AS cgst, sum(s.sgst)::numeric(14,2) AS sgst
        FROM {corrected("m.first_day", "m.last_day")}
        WHERE {IN_B2CS} AND s.place_of_supply IS NOT DISTINCT FROM m.place_of_supply
        GROUP BY 1
    ) k
) r""",
    order="r.last_day, r.place_of_supply, r.gst_rate",
)

#: Issued notes never change, and are not voided: the table has no rows.
CDNRA = Profile(
    name="gstr1/cdnra",
    version=1,
    title="Table 9C: amended credit and debit notes to registered persons; always empty, for notes do not change.",
    columns=(
        _GSTIN,
        _NAME,
        text("Original Note Number", "r.number"),
        return_date("Original Note Date", "r.day"),
        text("Revised Note Number", "r.number"),
        return_date("Revised Note Date", "r.day"),
        _NOTE_TYPE,
        _PLACE,
        _REVERSE_CHARGE,
        word("Note Supply Type", "'Regular B2B'"),
        _NOTE_VALUE,
        _PART_OF_RATE,
        _RATE,
        _VALUE,
        _CESS,
    ),
    rows=_by_rate("false", NOTES),
    order=_BY_DOCUMENT,
)

#: The set, in the order of the tool's sheets.
GSTR1 = (B2B, B2BA, B2CL, B2CLA, B2CS, B2CSA, CDNR, CDNRA, CDNUR, EXEMP, HSN_B2B, HSN_B2C, DOCS)
