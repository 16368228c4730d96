"""``/orders``: what is wanted on one date."""

from typing import Any
from uuid import UUID

from dairy_app.orders import queries, service
from dairy_app.orders.schemas import OrderIn, OrderOut, OrderPage, OrderPatch, OrderQuery, OwnRulesOut, OwnRulesQuery
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged, etagged_by
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page

orders = Blueprint("orders", __name__, description="Orders")


@orders.route("/orders", methods=["POST"])
@idempotent
@orders.arguments(OrderIn)
@orders.response(201, OrderOut)
@allow(Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)
def place_order(wanted: service.NewOrder) -> dict[str, Any]:
    """Place a one-time order; the server sets the prices of the delivery date."""
    session, actor = current_session(), current_actor()
    order_id = service.place_order(session, actor, wanted)
    return queries.visible_order_view(session, actor, order_id)


@orders.route("/orders")
@orders.arguments(OrderQuery, location="query")
@orders.response(200, OrderPage)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, Role.MARKETING_STAFF, Role.CUSTOMER, may_lag=True)
def list_orders(query: dict[str, Any]) -> Page:
    """Orders the caller may see, the latest delivery date first unless `sort` says otherwise."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    return queries.order_page(current_session(), current_actor(), query, limit=limit, cursor=cursor)


@orders.route("/orders/<uuid:order_id>")
@etagged
@orders.response(200, OrderOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, Role.MARKETING_STAFF, Role.CUSTOMER)
def read_order(order_id: UUID) -> dict[str, Any]:
    """One order with its items, delivery status and invoice."""
    return queries.visible_order_view(current_session(), current_actor(), order_id)


@orders.route("/orders/<uuid:order_id>", methods=["PATCH"])
@etagged_by(lambda order_id: queries.lock_order(current_session(), current_actor(), order_id))
@orders.arguments(OrderPatch)
@orders.response(200, OrderOut)
@allow(Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)
def change_order(change: service.OrderChange, order_id: UUID) -> dict[str, Any]:
    """Change a one-time order before anybody sets out with it; a customer until the cut-off."""
    session, actor = current_session(), current_actor()
    service.change_order(session, actor, order_id, change)
    return queries.visible_order_view(session, actor, order_id)


@orders.route("/me/rules")
@orders.arguments(OwnRulesQuery, location="query")
@orders.response(200, OwnRulesOut)
@allow(Role.ADMIN, Role.CUSTOMER)
def read_own_rules(query: dict[str, UUID | None]) -> dict[str, Any]:
    """By which rules the caller orders: until when, at which prices of today, and whom to call."""
    return service.own_rules(current_session(), current_actor(), query["customer_id"])
