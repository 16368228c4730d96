"""Reports as files: sales, customers who came and went, deliveries that were short. A row is of one month."""

from dairy_app.billing.queries.sales import NAMES, sold_by
from dairy_app.billing.rules.sales import STATES
from dairy_app.catalogue.models import UNITS
from dairy_app.exports.registers.columns import Profile, date, money, number, text, word
from dairy_app.subscriptions.queries.regulars import REGULARS

_TAXES = ("before_tax", "with_tax")
#: One column for each unit: quantities of different units are never added up.
_PLURALS = {"litre": "litres", "kg": "kilograms", "piece": "pieces", "packet": "packets", "dozen": "dozens"}
_MONTHS = """SELECT every::date AS month FROM generate_series(date_trunc('month', %(first)s::timestamp),
    %(last)s::timestamp, interval '1 month') every"""
_QUANTITIES = ", ".join(
    f"coalesce(sum(k.quantity * k.sign) FILTER (WHERE k.unit = '{unit}'), 0) AS {unit}" for unit in UNITS
)
_AMOUNTS = ", ".join(
    f"coalesce(sum(k.{amount}) FILTER (WHERE k.state = '{state}'), 0) AS {state}_{amount}"
    for state in STATES
    for amount in _TAXES
)


def _sales(grouping: str, heads: str, title: str) -> Profile:
    """One row a month and product, area or customer. ``heads``: which columns of its name there are."""
    named = {"code": text("code", "s.code"), "name": text("name", "s.name")}
    amounts = {f"{state}_{each}": f"s.{state}_{each}" for state in STATES for each in _TAXES}
    amounts |= {f"net_{each}": f"s.billed_{each} - s.credited_{each} + s.unbilled_{each}" for each in _TAXES}
    amounts |= {name: f"s.{name}" for name in ("one_time_billed", "one_time_unbilled")}
    return Profile(
        name=f"sales-by-{grouping}",
        version=1,
        title=title,
        columns=(
            word("period", "to_char(s.month, 'YYYY-MM')"),
            *(named[head] for head in heads.split()),
            *(number(_PLURALS[unit], f"trim_scale(s.{unit})") for unit in UNITS),
            *(money(name, f"({sql})::numeric(24,2)") for name, sql in amounts.items()),
        ),
        rows=f"""
FROM ({sold_by(grouping, _MONTHS, "%(as_of)s")}
    SELECT k.month, k.key, n.code, n.name, {_QUANTITIES}, {_AMOUNTS},
        coalesce(sum(k.with_tax * k.sign) FILTER (WHERE k.is_one_time AND k.state <> 'unbilled'), 0) AS one_time_billed,
        coalesce(sum(k.with_tax) FILTER (WHERE k.is_one_time AND k.state = 'unbilled'), 0) AS one_time_unbilled
    FROM (SELECT *, CASE state WHEN 'credited' THEN -1 ELSE 1 END AS sign FROM keyed) k
    LEFT JOIN {NAMES[grouping]} n ON n.id = k.key
    GROUP BY 1, 2, 3, 4
) s""",
        order="s.month, s.code, s.name, s.key",
    )


CUSTOMER_CHANGES = Profile(
    name="customer-changes",
    version=1,
    title="One row per customer and month in which its standing orders began, began again, paused or ended, and why.",
    columns=(
        date("date", "c.day"),
        word("change", "c.change"),
        text("customer_code", "u.code"),
        text("customer_name", "u.name"),
        text("reason", "c.reason"),
    ),
    rows=f"""
FROM ({REGULARS.format(first="%(first)s::date", last="%(last)s::date")} SELECT * FROM changes) c
JOIN customers u ON u.id = c.customer_id""",
    order="c.day, u.code, c.change",
)

SHORT_DELIVERIES = Profile(
    name="short-deliveries",
    version=1,
    title="One row per item of which less was delivered than ordered, by planned day and helper, and why.",
    columns=(
        date("date", "d.delivery_date"),
        text("delivery_boy", "u.name"),
        text("customer_code", "c.code"),
        text("customer_name", "c.name"),
        word("order_id", "d.order_id::text"),
        word("status", "d.status"),
        text("reason_code", "coalesce(d.reason_code, 'unknown')"),
        text("product_sku", "p.sku"),
        text("product_name", "p.name"),
        word("unit", "p.unit"),
        number("ordered", "trim_scale(t.quantity)"),
        number("delivered", "trim_scale(coalesce(t.delivered_quantity, 0))"),
        money("amount_missing", "round((t.quantity - coalesce(t.delivered_quantity, 0)) * t.unit_price, 2)"),
    ),
    rows="""
FROM delivery_statuses d
JOIN order_items t ON t.order_id = d.order_id AND t.quantity > coalesce(t.delivered_quantity, 0)
JOIN products p ON p.id = t.product_id
JOIN customers c ON c.id = d.customer_id
LEFT JOIN users u ON u.id = d.delivery_boy_id
WHERE d.delivery_date BETWEEN %(first)s AND %(last)s AND d.status <> 'delivered'""",
    order="d.delivery_date, u.name, c.code, d.order_id, t.line_no",
)

CONTAINERS = Profile(
    name="containers",
    version=1,
    title="One row per customer and kind of container: what moved on the days, and what was out at their end.",
    columns=(
        text("customer_code", "u.code"),
        text("customer_name", "u.name"),
        text("container", "c.name"),
        number("went_out", "m.went_out"),
        number("came_back", "m.came_back"),
        number("lost", "m.lost"),
        number("balance", "m.balance"),
        money("deposits", "(m.balance * c.deposit)::numeric(14,2)"),
    ),
    rows="""
FROM (
    SELECT customer_id, container_id,
        coalesce(sum(out) FILTER (WHERE day >= %(first)s), 0) AS went_out,
        coalesce(sum(back) FILTER (WHERE day >= %(first)s), 0) AS came_back,
        coalesce(sum(lost) FILTER (WHERE day >= %(first)s), 0) AS lost,
        sum(out - back - lost) AS balance
    FROM container_movements WHERE day <= %(last)s GROUP BY 1, 2
) m
JOIN customers u ON u.id = m.customer_id
JOIN containers c ON c.id = m.container_id
WHERE m.went_out + m.came_back + m.lost > 0 OR m.balance <> 0""",
    order="u.code, c.name",
)

REPORTS = (
    _sales("product", "code name", "One row per month and product: what was sold; a product of none are charges."),
    _sales("area", "name", "One row per month and area in which it was delivered: what was sold."),
    _sales("month", "", "One row per month: what was sold."),
    _sales("customer", "code name", "One row per month and customer: what was sold."),
    CUSTOMER_CHANGES,
    SHORT_DELIVERIES,
    CONTAINERS,
)
