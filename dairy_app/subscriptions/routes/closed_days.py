"""``/closed-days``, and the areas that they are closed in: what changes there, orders follow."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from dairy_app.customers.models import Area
from dairy_app.customers.schemas import AreaOut, AreaPatch
from dairy_app.customers.service.customers import AreaChange
from dairy_app.orders.queries import closed_day_page, closed_day_view
from dairy_app.subscriptions.policy import visible_closed_days
from dairy_app.subscriptions.rules.wishes import NewClosedDay
from dairy_app.subscriptions.schemas.closed_days import ClosedDayIn, ClosedDayPage, ClosedDaysQuery, DayClosed
from dairy_app.subscriptions.service import closed_days as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_database, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page

closed_days = Blueprint("closed_days", __name__, description="Days on which nothing is brought")


@closed_days.route("/closed-days")
@closed_days.arguments(ClosedDaysQuery, location="query")
@closed_days.response(200, ClosedDayPage)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, Role.MARKETING_STAFF, Role.CUSTOMER)
def list_closed_days(query: dict[str, Any]) -> Page:
    """Days on which nothing is brought, the earliest first; a customer sees those that concern where it lives."""
    session, span = current_session(), {"first": query["first"], "last": query["last"]}
    visible = visible_closed_days(current_actor())
    return closed_day_page(session, visible, **span, limit=query["limit"], cursor=query["cursor"])


@closed_days.route("/closed-days", methods=["POST"])
@idempotent
@closed_days.arguments(ClosedDayIn)
@closed_days.response(201, DayClosed)
@allow(Role.ADMIN)
def close_day(wanted: NewClosedDay) -> dict[str, Any]:
    """Close a day: its pending orders are cancelled, and `deliver_on` gets the quantities of its standing orders."""
    session = current_session()
    current_database().lengthen(session)  # a day of 100,000 orders takes longer than a request may
    closed = service.close_day(session, current_actor(), wanted)
    return {**closed_day_view(session, closed.id)._mapping, **asdict(closed)}


@closed_days.route("/closed-days/<uuid:closed_day_id>", methods=["DELETE"])
@closed_days.response(204)
@allow(Role.ADMIN)
def reopen_day(closed_day_id: UUID) -> None:
    """Reopen a day: the orders that its closing cancelled come back, and no others."""
    session = current_session()
    current_database().lengthen(session)
    service.reopen_day(session, closed_day_id)


@closed_days.route("/areas/<uuid:area_id>", methods=["PATCH"])
@closed_days.arguments(AreaPatch)
@closed_days.response(200, AreaOut)
@allow(Role.ADMIN)
def change_area(changes: AreaChange, area_id: UUID) -> Area:
    """Rename an area or put it below another; where days are closed, orders follow."""
    return service.change_area(current_session(), area_id, changes)
