"""What the day brings besides orders and bills: money back, empties, days on which nothing comes, charges by rule."""

from dairy_app.exports.registers.columns import Profile, amount, date, money, number, text, word

REFUNDS = Profile(
    name="refunds",
    version=1,
    title="One row per refund that was paid on the days, as it was on as_of.",
    columns=(
        text("voucher_no", "r.voucher_no"),
        date("date", "r.paid_on"),
        text("customer_code", "c.code"),
        text("customer_name", "c.name"),
        word("method", "r.method"),
        text("reference", "r.reference"),
        money("amount", "r.amount"),
        text("reason", "r.reason"),
        text("paid_by", "u.name"),
        word("status", "CASE WHEN r.reversed_on <= %(as_of)s THEN 'reversed' ELSE 'paid' END"),
        date("reversed_on", "CASE WHEN r.reversed_on <= %(as_of)s THEN r.reversed_on END"),
        text("reversal_reason", "CASE WHEN r.reversed_on <= %(as_of)s THEN r.reversal_reason END"),
    ),
    rows="""
FROM refunds r
JOIN customers c ON c.id = r.customer_id
LEFT JOIN users u ON u.id = r.paid_by
WHERE r.paid_on BETWEEN %(first)s AND %(last)s""",
    order="r.paid_on, r.voucher_no",
)

CONTAINER_MOVEMENTS = Profile(
    name="container-movements",
    version=1,
    title="One row per movement of bottles and cans on the days: with which order, or who entered it and why.",
    columns=(
        date("date", "m.day"),
        text("customer_code", "u.code"),
        text("customer_name", "u.name"),
        text("container", "c.name"),
        word("order_id", "m.order_id::text"),
        text("product_sku", "p.sku"),
        number("went_out", "m.out"),
        number("came_back", "m.back"),
        number("lost", "m.lost"),
        text("by", "b.name"),
        text("reason", "m.reason"),
    ),
    rows="""
FROM container_movements m
JOIN customers u ON u.id = m.customer_id
JOIN containers c ON c.id = m.container_id
LEFT JOIN products p ON p.id = m.product_id
LEFT JOIN users b ON b.id = m.by
WHERE m.day BETWEEN %(first)s AND %(last)s""",
    order="m.day, u.code, c.name, m.id",
)

CLOSED_DAYS = Profile(
    name="closed-days",
    version=1,
    title="One row per closed day of the days: whose, why, and on which day its goods come instead.",
    columns=(
        date("day", "k.day"),
        word("shift", "k.shift"),
        text("area", "a.name"),
        text("reason", "k.reason"),
        date("deliver_on", "k.deliver_on"),
        text("closed_by", "u.name"),
    ),
    rows="""
FROM closed_days k
LEFT JOIN areas a ON a.id = k.area_id
LEFT JOIN users u ON u.id = k.closed_by
WHERE k.day BETWEEN %(first)s AND %(last)s""",
    order="k.day, k.shift NULLS FIRST, a.name NULLS FIRST, k.id",
)

CHARGE_RULES = Profile(
    name="charge-rules",
    version=1,
    title="One row per rule by which bills charge or give a discount, those that have ended too.",
    columns=(
        word("kind", "r.kind"),
        word("basis", "r.basis"),
        amount("amount", "r.amount"),
        text("description", "r.description"),
        date("valid_from", "lower(r.valid)"),
        date("valid_to", "upper(r.valid) - 1"),
        text("customer_code", "c.code"),
        text("customer_name", "c.name"),
        text("area", "a.name"),
        text("product_sku", "p.sku"),
        text("tax_class", "r.tax_class"),
    ),
    rows="""
FROM charge_rules r
LEFT JOIN customers c ON c.id = r.customer_id
LEFT JOIN areas a ON a.id = r.area_id
LEFT JOIN products p ON p.id = r.product_id
WHERE r.replaced_at IS NULL""",
    order="lower(r.valid), r.kind, r.basis, c.code NULLS FIRST, a.name NULLS FIRST, p.sku NULLS FIRST, r.id",
    is_of_days=False,
)

DAY_TO_DAY = (REFUNDS, CONTAINER_MOVEMENTS, CLOSED_DAYS, CHARGE_RULES)
