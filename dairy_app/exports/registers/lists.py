"""What there is, as it stands: files that ``POST /imports/…`` takes back unchanged. Their headings are its columns.

A customer whose helper is not active, and a standing order of something that is not sold any more, are told as they
are; the import says so. What differs on single days (pauses, changed quantities to come) is in neither.
"""

from dairy_app.exports.registers.columns import Profile, amount, date, money, number, text, word

_STAFF = "coalesce({0}.email, {0}.phone, {0}.name)"


def _optional(name: str) -> str:
    """A text of a customer; one that is empty is none."""
    return f"nullif(c.{name}, '')"


CUSTOMERS = Profile(
    name="customers",
    version=1,
    title="One row per customer, as it stands: where it lives, who looks after it, and what it owed at the beginning.",
    columns=(
        text("code", "c.code"),
        text("name", "c.name"),
        text("phone", "c.phone"),
        text("email", _optional("email")),
        text("address_line1", _optional("address_line1")),
        text("address_line2", _optional("address_line2")),
        text("city", _optional("city")),
        word("state_code", "c.state_code"),
        word("pincode", "c.pincode"),
        number("latitude", "c.latitude"),
        number("longitude", "c.longitude"),
        text("map_link", _optional("map_link")),
        text("area", "a.name"),
        text("delivery_boy", _STAFF.format("d")),
        number("stop_sequence", "c.stop_sequence"),
        text("marketing_staff", _STAFF.format("m")),
        word("status", "c.status"),
        date("trial_start_date", "c.trial_start_date"),
        word("billing_cycle", "c.billing_cycle"),
        text("language", _optional("language")),
        word("gstin", "c.gstin"),
        word("gst_treatment", "c.gst_treatment"),
        word("payment_terms", "c.payment_terms"),
        money("credit_limit", "c.credit_limit"),
        word("channel", "c.channel"),
        text("billed_to", "b.code"),
        text("notes", _optional("notes")),
        word("login", "CASE WHEN c.user_id IS NULL THEN 'no' ELSE 'yes' END"),
        money("opening_balance", "o.amount"),
        date("opening_balance_as_of", "o.as_of"),
    ),
    rows="""
FROM customers c
LEFT JOIN areas a ON a.id = c.area_id
LEFT JOIN users d ON d.id = c.delivery_boy_id
LEFT JOIN users m ON m.id = c.marketing_staff_id
LEFT JOIN customers b ON b.id = c.billed_to
LEFT JOIN opening_balances o ON o.customer_id = c.id
WHERE c.merged_into IS NULL""",
    order="c.code",
    is_of_days=False,
)

STANDING_ORDERS = Profile(
    name="standing-orders",
    version=1,
    title="One row per standing order that has not ended, as it is on as_of.",
    columns=(
        text("customer_code", "c.code"),
        text("customer_name", "c.name"),
        text("product", "p.sku"),
        text("product_name", "p.name"),
        word("unit", "p.unit"),
        number(
            "quantity",
            "trim_scale(coalesce(q.quantity, n.default_quantity, CASE WHEN v.id IS NULL THEN s.default_quantity END))",
        ),
        word("mode", "t.mode"),
        word(
            "weekdays",
            "(SELECT string_agg(('{mon,tue,wed,thu,fri,sat,sun}'::text[])[w.day + 1]"
            " || coalesce(':' || trim_scale(t.weekly_quantities[w.day + 1]), ''), ' ' ORDER BY w.day)"
            " FROM unnest(t.weekly_pattern) w (day))",
        ),
        number("interval_days", "t.interval_days"),
        date("anchor_date", "t.anchor_date"),
        word("shift", "t.shift"),
        amount("price_per_unit", "t.price_per_unit"),
        date("start_date", "s.start_date"),
        date("stop_date", "s.stop_date"),
        word("status", "s.status"),
        word("auto_start", "CASE WHEN s.auto_start THEN 'yes' ELSE 'no' END"),
    ),
    # What it is on the day: as ``subscriptions.queries.due`` reads it, which a test compares.
    rows="""
FROM subscriptions s
LEFT JOIN subscription_schedules v ON v.subscription_id = s.id AND v.valid @> %(as_of)s::date
CROSS JOIN LATERAL (
    SELECT s.product_id, s.mode, s.weekly_pattern, s.weekly_quantities, s.interval_days, s.anchor_date, s.shift,
        s.price_per_unit
    WHERE v.id IS NULL
    UNION ALL
    SELECT v.product_id, v.mode, v.weekly_pattern, v.weekly_quantities, v.interval_days, v.anchor_date, v.shift,
        v.price_per_unit
    WHERE v.id IS NOT NULL
) t
LEFT JOIN LATERAL (
    SELECT c.default_quantity, coalesce(lower(c.valid), '-infinity') AS since
    FROM subscription_schedules c
    WHERE c.subscription_id = s.id AND c.default_quantity IS NOT NULL
        AND coalesce(lower(c.valid), '-infinity') <= %(as_of)s::date
    ORDER BY since DESC LIMIT 1
) n ON true
LEFT JOIN LATERAL (
    SELECT d.quantity FROM subscription_quantities d
    WHERE d.subscription_id = s.id AND d.valid_from <= %(as_of)s AND (v.id IS NULL OR d.valid_from >= n.since)
    ORDER BY d.valid_from DESC LIMIT 1
) q ON true
JOIN customers c ON c.id = s.customer_id AND c.status <> 'stopped'
JOIN products p ON p.id = t.product_id
WHERE s.status <> 'stopped' AND (s.stop_date IS NULL OR s.stop_date > %(as_of)s)""",
    order="c.code, p.sku, t.shift, s.start_date, s.id",
    is_of_days=False,
    is_for_admins=True,
)
