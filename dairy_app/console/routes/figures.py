"""Figures: what was sold, who came and went, what was brought short; each with its table, its picture and its CSV."""

from datetime import date
from typing import Any

from flask import Response
from marshmallow import fields

from dairy_app.billing.rules.sales import GROUPINGS
from dairy_app.business.queries import today
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import PageQuery, console
from dairy_app.console.rules.comparing import change, part_of, quantity_of, units_of
from dairy_app.invoices.rules import month_bounds, month_shifted, months_within
from dairy_app.subscriptions.rules.standing_orders import CHANGES
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session

WHO = (Role.ADMIN, Role.ACCOUNTANT)
ROWS = 50
#: Months shown by month, unless others are asked for; and in one file, as an export takes a year at most.
YEAR = 12
#: The figures of a month are compared with others, those by month stand side by side.
SPANS = (("fig_this_month", 0, 0), ("fig_last_month", 1, 1), ("fig_three_months", 2, 0), ("fig_year", 11, 0))


class MonthsQuery(PageQuery):
    """From which month to which. What may be in the fields, the API judges."""

    first = fields.String(data_key="from", validate=validate.Length(max=20))
    last = fields.String(data_key="to", validate=validate.Length(max=20))


class SalesQuery(MonthsQuery):
    """Which months, and what a row is about."""

    by = fields.String(load_default="month", validate=validate.OneOf(GROUPINGS))


class ChangesQuery(MonthsQuery):
    """Which months; of the list which changes, and from where on."""

    change = fields.String(validate=validate.OneOf(["", *CHANGES]))
    cursor = fields.String(validate=validate.Length(max=500))


@console.route("/figures")
@console.arguments(SalesQuery, location="query")
@allow(*WHO, page=True, may_lag=True)
def figures(query: dict[str, str]) -> Response:
    """What was sold, by month, product, area or customer, beside the months before and a year before."""
    by = query["by"]
    months = _months(query, YEAR if by == "month" else 1)
    found, names = frame.asked("/reports/sales", by=by, limit=ROWS, **months)
    names |= {"by": by, "units": units_of(found) if found else [], "quantity_of": quantity_of, "change": change}
    return _page("figures.html", query, months, found, **names)


@console.route("/figures/customers")
@console.arguments(ChangesQuery, location="query")
@allow(*WHO, page=True, may_lag=True)
def figures_customers(query: dict[str, str]) -> Response:
    """Customers with standing orders by month: new, returned, paused, lost, why, and who."""
    months = _months(query, YEAR)
    which = {"change": query.get("change") or None, "cursor": query.get("cursor")}
    found, names = frame.asked("/reports/customers", limit=ROWS, **months, **which)
    return _page("figures_customers.html", query, months, found, changes=CHANGES, **names)


@console.route("/figures/short-deliveries")
@console.arguments(MonthsQuery, location="query")
@allow(*WHO, page=True, may_lag=True)
def figures_short(query: dict[str, str]) -> Response:
    """What was brought short or not at all, by helper, and why."""
    months = _months(query, 1)
    found, names = frame.asked("/reports/short-deliveries", **months)
    return _page("figures_short.html", query, months, found, part_of=part_of, **names)


def _months(query: dict[str, str], count: int) -> dict[str, str]:
    """The months that are asked for; else so many up to the present one, or to the one that is asked for."""
    last = query.get("last") or _month(today(current_session()))
    try:
        first = _month(month_shifted(month_bounds(last)[0], 1 - count))
    except ValueError:
        first = last  # the API says what is wrong with it
    return {"from": query.get("first") or first, "to": last}


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _page(
    template: str, query: dict[str, str], months: dict[str, str], found: Any, status: int, **names: Any
) -> Response:
    """``files``: the days of each file that a CSV of these months takes; ``spans``: months to choose at once;
    ``chosen``: the months that go with the reader to another page, where others may be shown by default."""
    now, files = today(current_session()), []
    chosen = {key: query[name] for key, name in (("from", "first"), ("to", "last")) if query.get(name)}
    if found:
        every = months_within(month_bounds(months["from"])[0], month_bounds(months["to"])[0])
        for place in range(0, len(every), YEAR):
            part = every[place : place + YEAR]
            files.append((part[0], month_bounds(_month(part[-1]))[1]))
    spans = [
        (word, _month(month_shifted(now, -after)), _month(month_shifted(now, -until))) for word, after, until in SPANS
    ]
    names |= {"query": query, "months": months, "chosen": chosen, "files": files, "spans": spans}
    return frame.page(template, status, found=found, **names)
