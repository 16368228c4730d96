"""``/deliveries`` and ``/delivery-statuses``: what reached the door."""

from typing import Any

from flask import request

from dairy_app.common.access import Role, allow
from dairy_app.common.http import Blueprint, current_actor, current_session
from dairy_app.common.pages import Page
from dairy_app.deliveries import queries, service
from dairy_app.deliveries.policy import confirmer_of, scope_of
from dairy_app.deliveries.rules import Confirmer
from dairy_app.deliveries.schemas import (
    ConfirmationIn,
    ConfirmationOut,
    DeliveryStatusPage,
    DeliveryStatusQuery,
)
from dairy_app.orders.policy import hidden_status_fields

deliveries = Blueprint("deliveries", __name__, description="Confirming deliveries")


@deliveries.route("/deliveries/confirmations", methods=["POST"])
@deliveries.arguments(ConfirmationIn)
@deliveries.response(200, ConfirmationOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def confirm_delivery(confirmation: dict[str, Any]) -> dict[str, Any]:
    """Confirm one order: full, partial or nothing delivered. The same again changes nothing."""
    actor = current_actor()
    outcome = service.confirm(current_session(), confirmer(), scope_of(actor), [confirmation])[0]
    outcome.raise_if_rejected()
    return _answer(outcome, hidden_status_fields(actor.role))


@deliveries.route("/delivery-statuses")
@deliveries.arguments(DeliveryStatusQuery, location="query")
@deliveries.response(200, DeliveryStatusPage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_delivery_statuses(query: dict[str, Any]) -> Page:
    """Delivery statuses with who confirmed them, when and from where; the latest day first."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    return queries.delivery_status_page(current_session(), query, limit=limit, cursor=cursor)


def confirmer() -> Confirmer:
    """Who calls, as a confirmer, and from where."""
    return confirmer_of(current_actor(), request.remote_addr, request.headers.get("User-Agent"))


def _answer(outcome: service.Outcome, hidden: frozenset[str]) -> dict[str, Any]:
    status = outcome.delivery_status or {}
    return {
        "order_id": outcome.order_id,
        "order_status": outcome.order_status,
        "delivery_status": {name: value for name, value in status.items() if name not in hidden},
        "replayed": outcome.replayed,
    }
