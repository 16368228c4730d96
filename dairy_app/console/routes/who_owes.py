"""Who owes what for how long, who is near its credit limit, and the account of one customer from a day to a day."""

from datetime import timedelta
from uuid import UUID

from flask import Response
from marshmallow import fields

from dairy_app.business.queries import today
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import PageQuery, console
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session
from dairy_app.web.inside import ask

#: Customers on a page, and areas to choose from.
ROWS, AREAS = 50, 200
#: A statement begins so many days ago, unless it is said.
STATEMENT_DAYS = 92


class AgeingQuery(PageQuery):
    """As of which day, in which area. What may be in the fields, the API judges."""

    as_of = fields.String(validate=validate.Length(max=20))
    area = fields.String(validate=validate.Length(max=40))
    cursor = fields.String(validate=validate.Length(max=500))


class StatementQuery(PageQuery):
    """From which day to which."""

    first = fields.String(data_key="from", validate=validate.Length(max=20))
    last = fields.String(data_key="to", validate=validate.Length(max=20))


@console.route("/who-owes")
@console.arguments(AgeingQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, page=True, may_lag=True)
def who_owes(query: dict[str, str]) -> Response:
    """Everybody with something open or paid in advance, by days past due."""
    asked = {"as_of": query.get("as_of") or None, "area_id": query.get("area") or None, "cursor": query.get("cursor")}
    found, names = frame.asked("/reports/ageing", limit=ROWS, **asked)
    areas = ask("/areas", limit=AREAS)["items"]
    return frame.page("who_owes.html", names.pop("status"), found=found, query=query, areas=areas, **names)


class LimitsQuery(PageQuery):
    """In which area."""

    area = fields.String(validate=validate.Length(max=40))
    cursor = fields.String(validate=validate.Length(max=500))


@console.route("/credit-limits")
@console.arguments(LimitsQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, page=True)
def credit_limits(query: dict[str, str]) -> Response:
    """Everybody at or near the credit limit, and what becomes of their orders."""
    asked = {"area_id": query.get("area") or None, "cursor": query.get("cursor")}
    found, names = frame.asked("/reports/credit", limit=ROWS, **asked)
    names |= {"areas": ask("/areas", limit=AREAS)["items"], "rule": ask("/settings")["on_credit_limit"]}
    return frame.page("credit_limits.html", names.pop("status"), found=found, query=query, **names)


@console.route("/customers/<uuid:customer_id>/statement")
@console.arguments(StatementQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER, page=True, may_lag=True)
def statement(query: dict[str, str], customer_id: UUID) -> Response:
    """What a customer owed, everything that changed it, and what it owes; to print."""
    day = today(current_session())
    first = query.get("first") or (day - timedelta(days=STATEMENT_DAYS)).isoformat()
    last = query.get("last") or day.isoformat()
    customer = ask(f"/customers/{customer_id}")
    found, names = frame.asked("/reports/statement", **{"customer_id": customer_id, "from": first, "to": last})
    names |= {"customer": customer, "first": first, "last": last, "found": found}
    return frame.page("statement.html", names.pop("status"), **names)
