"""``/customers/{id}/moves``: who moves on which day, and the orders that follow."""

from typing import Any
from uuid import UUID

from dairy_app.customers.models import CustomerMove
from dairy_app.customers.queries import get_visible_customer, list_moves
from dairy_app.subscriptions.schemas.moves import MoveIn, MoveOut, MovePage
from dairy_app.subscriptions.service import moves as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page
from dairy_app.web.schemas import PageQuery

moves = Blueprint("moves", __name__, description="Customers who move on a day to come")


@moves.route("/customers/<uuid:customer_id>/moves", methods=["POST"])
@idempotent
@moves.arguments(MoveIn)
@moves.response(201, MoveOut)
@allow(Role.ADMIN, Role.MARKETING_STAFF)
def plan_move(wanted: service.NewMove, customer_id: UUID) -> CustomerMove:
    """Let a customer have another address, area, round or place from a day on; orders of those days follow."""
    return service.plan_move(current_session(), current_actor(), customer_id, wanted)


@moves.route("/customers/<uuid:customer_id>/moves")
@moves.arguments(PageQuery, location="query")
@moves.response(200, MovePage)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF)
def read_moves(query: dict[str, Any], customer_id: UUID) -> Page:
    """The moves of a customer by day, also those that are over."""
    customer = get_visible_customer(current_session(), current_actor(), customer_id)
    return list_moves(current_session(), customer.id, **query)


@moves.route("/customers/<uuid:customer_id>/moves/<uuid:move_id>", methods=["DELETE"])
@moves.response(204)
@allow(Role.ADMIN, Role.MARKETING_STAFF)
def take_back_move(customer_id: UUID, move_id: UUID) -> None:
    """Take back a move whose day is to come."""
    service.take_back(current_session(), current_actor(), customer_id, move_id)
