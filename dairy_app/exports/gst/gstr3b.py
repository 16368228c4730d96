"""What GSTR-3B asks of sales: tables 3.1 (a), (c), (e) and 3.2, one row for each figure and place.

Notes are in it, those of credit below 0, and what was withdrawn on the days from returns filed before is taken off.
What is owed on purchases, and the input tax credit, are not in the books of deliveries.
"""

from dairy_app.exports.registers.columns import Profile, money, word
from dairy_app.exports.registers.entries import DECLARED, place_of_supply

#: Taxed supplies ``r`` to other states, to buyers without GSTIN and to those under composition, by place.
OTHER_STATES = f"""
FROM (
    SELECT CASE WHEN s.to_registered THEN 'comp' ELSE 'unreg' END AS whom, s.place_of_supply,
        sum(s.value)::numeric(14,2) AS value, sum(s.igst)::numeric(14,2) AS igst
    FROM {DECLARED}
    WHERE s.gst_rate > 0 AND s.inter_state AND (NOT s.to_registered OR s.gst_treatment = 'composition')
    GROUP BY 1, 2
) r"""

GSTR3B = Profile(
    name="gstr3b",
    version=1,
    title="GSTR-3B, of sales: tables 3.1 (a), (c), (e) and 3.2, with their notes.",
    columns=(
        word("Table", "r.of_table"),
        word("Nature of Supplies", "r.description"),
        word("Place Of Supply", place_of_supply("r.place_of_supply")),
        money("Total Taxable Value", "r.value::numeric(14,2)"),
        money("Integrated Tax", "r.igst::numeric(14,2)"),
        money("Central Tax", "r.cgst::numeric(14,2)"),
        money("State/UT Tax", "r.sgst::numeric(14,2)"),
        money("Cess", "0.00"),
    ),
    rows=f"""
FROM (
    SELECT k.place, k.of_table, k.description, NULL::text AS place_of_supply, coalesce(sum(s.value), 0) AS value,
        coalesce(sum(s.igst), 0) AS igst, coalesce(sum(s.cgst), 0) AS cgst, coalesce(sum(s.sgst), 0) AS sgst
    FROM (VALUES (1, '3.1(a)', 'Outward taxable supplies (other than zero rated, nil rated and exempted)'),
        (2, '3.1(c)', 'Other outward supplies (nil rated, exempted)'),
        (3, '3.1(e)', 'Non-GST outward supplies')
    ) k (place, of_table, description)
    LEFT JOIN {DECLARED} ON k.place = CASE WHEN s.gst_rate > 0 THEN 1 WHEN s.supply_type <> 'non_gst' THEN 2 ELSE 3 END
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT CASE r.whom WHEN 'unreg' THEN 4 ELSE 5 END, '3.2',
        CASE r.whom WHEN 'unreg' THEN 'Inter-State supplies to unregistered persons'
            ELSE 'Inter-State supplies to composition taxable persons' END, r.place_of_supply, r.value, r.igst, 0, 0
    {OTHER_STATES}
) r""",
    order="r.place, r.place_of_supply",
)
