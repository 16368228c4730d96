"""``/reports/sales``: what was sold, and how that compares."""

from typing import Any

from dairy_app.billing.queries import sales as queries
from dairy_app.billing.rules.sales import spans_of
from dairy_app.billing.schemas.sales import SalesOut, SalesQuery
from dairy_app.business.queries import today
from dairy_app.invoices.rules import report_bounds
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_session

sales = Blueprint("sales", __name__, description="Sales by product, area, month and customer")


@sales.route("/reports/sales")
@sales.arguments(SalesQuery, location="query")
@sales.response(200, SalesOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def read_sales(query: dict[str, Any]) -> dict[str, Any]:
    """What was sold in some months, by product, area, month or customer, beside the months before and a year before.

    Counted once: billed on an issued invoice, credited, or unbilled on a draft. A month is that of the document's
    period, as on the bill. By month each is compared for itself.
    """
    session, by = current_session(), query["by"]
    first, last = report_bounds(query["from_"], query["to"])
    found = queries.sales(session, spans_of(first, last, by), by, today(session), query["limit"])
    return {**query, **found}
