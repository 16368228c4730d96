"""Credit: how a customer stands towards its limit, who is near it, and what was held back for it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from dairy_app.business.queries import today
from dairy_app.customers.queries import get_visible_customer
from dairy_app.orders.queries import exposure_of, near_limit
from dairy_app.subscriptions.queries.credit import MOST_HOLDS, holds_of
from dairy_app.subscriptions.schemas.credit import CreditQuery, CreditReportOut, CustomerCreditOut
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.pages import read_cursor, write_cursor

credit = Blueprint("credit", __name__, description="Credit limits, and what is held back for them")


@credit.route("/customers/<uuid:customer_id>/credit")
@credit.response(200, CustomerCreditOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.CUSTOMER)
def read_credit(customer_id: UUID) -> dict[str, Any]:
    """What a customer owes with what is not billed yet, its limit, and the orders that it did not get for that.

    What is ordered counts for whom the customer is billed to; how that one stands, a customer is not told.
    """
    session, day, actor = current_session(), today(current_session()), current_actor()
    customer = get_visible_customer(session, actor, customer_id)
    stands = exposure_of(session, customer.id, day)
    held = holds_of(session, customer.id, day - timedelta(days=MOST_HOLDS))
    if actor.role is Role.CUSTOMER and customer.billed_to is not None:
        held = [{**each._mapping, "exposure": None, "credit_limit": None} for each in held]
    return {**stands._mapping, "payment_terms": customer.payment_terms, "held": held}


@credit.route("/reports/credit")
@credit.arguments(CreditQuery, location="query")
@credit.response(200, CreditReportOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def read_credit_report(query: dict[str, Any]) -> dict[str, Any]:
    """Who is at or near its credit limit, from 80 % of it on, as of now."""
    session, limit = current_session(), query["limit"]
    after = read_cursor(query["cursor"], [str])[0] if query["cursor"] else None
    rows = near_limit(session, today(session), area_id=query["area_id"], after=after, limit=limit + 1)
    following = write_cursor([rows[limit - 1]["customer_code"]]) if len(rows) > limit else None
    return {"items": rows[:limit], "next_cursor": following}
