"""``/gateways/razorpay/webhook`` for the gateway, ``/gateway-events`` for the office."""

from typing import Any
from uuid import UUID

from flask import current_app, request

from dairy_app.collecting.models import GatewayEvent
from dairy_app.collecting.queries.events import event_list, read_event
from dairy_app.collecting.rules.events import Decision
from dairy_app.collecting.schemas.events import (
    BookEventIn,
    DismissEventIn,
    EventTakenOut,
    GatewayEventInFull,
    GatewayEventPage,
    GatewayEventQuery,
)
from dairy_app.collecting.service import events as service
from dairy_app.common.errors import Problem
from dairy_app.database import audit
from dairy_app.web.access import Role, allow, allow_anyone
from dairy_app.web.http import Blueprint, Raw, attribution, current_actor, current_database, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_page
from dairy_app.web.signatures import is_signed

gateway_events = Blueprint("gateway_events", __name__, description="What payment gateways tell, and what becomes of it")

#: Razorpay's events are a few thousand bytes; the table holds no more.
MOST_BYTES = 262_144
RAZORPAY_EVENT = Raw(
    "An event as Razorpay sends it.",
    {"entity": "event", "event": "payment.captured", "payload": {"payment": {"entity": {"id": "pay_DESyzxuld02Zul"}}}},
    {
        "X-Razorpay-Signature": "The HMAC-SHA256 of the body with the secret of the webhook, in hexadecimal.",
        "X-Razorpay-Event-Id": "The event's id at Razorpay: the same whenever it is sent again.",
    },
)


@gateway_events.route("/gateways/razorpay/webhook", methods=["POST"])
@gateway_events.raw_body(RAZORPAY_EVENT)
@gateway_events.response(200, EventTakenOut)
@allow_anyone(own_transactions=True)
def take_razorpay_event() -> dict[str, str]:
    """Take an event of Razorpay: signed in `X-Razorpay-Signature`, kept as it came, booked once.

    Whatever is answered but 2xx is sent again for a day; the same event, sent again, changes nothing.
    """
    settings, body = current_app.config["DAIRY"], request.get_data()
    secrets = [each for each in (settings.razorpay_webhook_secret, settings.razorpay_webhook_secret_former) if each]
    if not secrets:
        raise Problem("gateway_not_configured", "Set DAIRY_RAZORPAY_WEBHOOK_SECRET, and start the server anew.")
    if len(body) > MOST_BYTES:
        raise Problem("payload_too_large", f"At most {MOST_BYTES:,} bytes.")
    if not body or not is_signed(body, request.headers.get("X-Razorpay-Signature", ""), secrets):
        raise Problem("bad_signature", "Sign the body as it is sent, by HMAC-SHA256 with the secret of this webhook.")
    with audit.acting(attribution()):
        status = service.take_event(current_database(), request.headers.get("X-Razorpay-Event-Id"), body)
    return {"status": status}


@gateway_events.route("/gateway-events")
@gateway_events.arguments(GatewayEventQuery, location="query")
@gateway_events.response(200, GatewayEventPage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_events(query: dict[str, Any]) -> Page:
    """What gateways told, the latest first. `held` and `waiting` need a person, `noted` was not about money."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    keys = [GatewayEvent.id]  # ids ascend with time
    return read_page(current_session(), event_list(query), keys, limit=limit, cursor=cursor, descending=True)


@gateway_events.route("/gateway-events/<uuid:event_id>")
@gateway_events.response(200, GatewayEventInFull)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def get_event(event_id: UUID) -> dict[str, Any]:
    """One event, with its body as it came."""
    return read_event(current_session(), event_id)


@gateway_events.route("/gateway-events/<uuid:event_id>/book", methods=["POST"])
@idempotent
@gateway_events.arguments(BookEventIn)
@gateway_events.response(200, GatewayEventInFull)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def book_event(body: Decision, event_id: UUID) -> dict[str, Any]:
    """Book an event that was held: try it again as it is, or say whose it is, on which day, paid how."""
    service.book(current_session(), current_actor(), event_id, body)
    return read_event(current_session(), event_id)


@gateway_events.route("/gateway-events/<uuid:event_id>/dismiss", methods=["POST"])
@idempotent
@gateway_events.arguments(DismissEventIn)
@gateway_events.response(200, GatewayEventInFull)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def dismiss_event(body: dict[str, str], event_id: UUID) -> dict[str, Any]:
    """Say that an event is not to be booked (money of another business); it can still be booked later."""
    service.dismiss(current_session(), current_actor(), event_id, reason=body["reason"])
    return read_event(current_session(), event_id)
