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
LEFT JOIN opening_balances o ON o.customer_id = c.id
WHERE c.merged_into IS NULL""",
    order="c.code",
    is_of_days=False,
)

STANDING_ORDERS = Profile(
    name="standing-orders",
    version=1,
    title="One row per standing order that has not ended, with the quantity in force on as_of.",
    columns=(
        text("customer_code", "c.code"),
        text("customer_name", "c.name"),
        text("product", "p.sku"),
        text("product_name", "p.name"),
        word("unit", "p.unit"),
        number("quantity", "trim_scale(s.in_force)"),
        word("mode", "s.mode"),
        word(
            "weekdays",
            "(SELECT string_agg(('{mon,tue,wed,thu,fri,sat,sun}'::text[])[w.day + 1], ' ' ORDER BY w.day)"
            " FROM unnest(s.weekly_pattern) w (day))",
        ),
        number("interval_days", "s.interval_days"),
        date("anchor_date", "s.anchor_date"),
        word("shift", "s.shift"),
        amount("price_per_unit", "s.price_per_unit"),
        date("start_date", "s.start_date"),
        date("stop_date", "s.stop_date"),
        word("status", "s.status"),
        word("auto_start", "CASE WHEN s.auto_start THEN 'yes' ELSE 'no' END"),
    ),
    rows="""
FROM (
    SELECT *, coalesce((SELECT q.quantity FROM subscription_quantities q
        WHERE q.subscription_id = subscriptions.id AND q.valid_from <= %(as_of)s
        ORDER BY q.valid_from DESC LIMIT 1), default_quantity) AS in_force
    FROM subscriptions
    WHERE status <> 'stopped' AND (stop_date IS NULL OR stop_date > %(as_of)s)
) s
JOIN customers c ON c.id = s.customer_id AND c.status <> 'stopped'
JOIN products p ON p.id = s.product_id""",
    order="c.code, p.sku, s.shift, s.start_date, s.id",
    is_of_days=False,
    is_for_admins=True,
)
