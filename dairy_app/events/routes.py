"""``/events`` for programs that read on, ``/webhook-endpoints`` for those that are told."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import Row

from dairy_app.events import queries
from dairy_app.events.bulk import number_events
from dairy_app.events.queries import EventPage
from dairy_app.events.rules import EndpointChange, NewEndpoint
from dairy_app.events.schemas import (
    EventsOut,
    EventsQuery,
    WebhookDeliveriesQuery,
    WebhookDeliveryOut,
    WebhookDeliveryPage,
    WebhookEndpointIn,
    WebhookEndpointMadeOut,
    WebhookEndpointOut,
    WebhookEndpointPatch,
    WebhookEndpointsOut,
    id_in_path,
)
from dairy_app.events.service import endpoints as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent, idempotent_but
from dairy_app.web.pages import Page

events = Blueprint("events", __name__, description="What happened, for other programs")


def _local() -> bool:
    return bool(current_app.config["DAIRY"].webhooks_local)


@events.route("/events")
@events.arguments(EventsQuery, location="query")
@events.response(200, EventsOut)
@allow(Role.ADMIN, records=True)
def list_events(query: dict[str, Any]) -> EventPage:
    """What happened behind `after`, in an order without holes: whoever comes back with `next_after` misses nothing.

    An event appears once every transaction that began before its own has ended, a moment after it happened. They are
    kept for `event_days` of the settings; who comes back later gets 410 `events_gone`.
    """
    session = current_session()
    number_events(session)
    return queries.event_page(session, query["after"], query["kind"], query["limit"])


@events.route("/webhook-endpoints")
@events.response(200, WebhookEndpointsOut)
@allow(Role.ADMIN)
def list_endpoints() -> dict[str, Sequence[Row[Any]]]:
    """Every address that is told of events."""
    return {"items": queries.endpoints(current_session())}


@events.route("/webhook-endpoints", methods=["POST"])
@idempotent_but("secret")
@events.arguments(WebhookEndpointIn)
@events.response(201, WebhookEndpointMadeOut)
@allow(Role.ADMIN)
def create_endpoint(wanted: NewEndpoint) -> Mapping[str, Any]:
    """Tell an address of what happens from now on. The answer shows its secret, once."""
    session = current_session()
    endpoint_id, secret = service.add_endpoint(session, current_actor(), wanted, _local())
    return {**queries.get_endpoint(session, endpoint_id)._mapping, "secret": secret}


@events.route("/webhook-endpoints/<uuid:endpoint_id>")
@events.response(200, WebhookEndpointOut)
@allow(Role.ADMIN)
def read_endpoint(endpoint_id: UUID) -> Row[Any]:
    """One address that is told of events."""
    return queries.get_endpoint(current_session(), endpoint_id)


@events.route("/webhook-endpoints/<uuid:endpoint_id>", methods=["PATCH"])
@events.arguments(WebhookEndpointPatch)
@events.response(200, WebhookEndpointOut)
@allow(Role.ADMIN)
def change_endpoint(change: EndpointChange, endpoint_id: UUID) -> Row[Any]:
    """Change the address, what it is told of, or whether it is told at all.

    One that is active again is told at once of all that is kept of the time between.
    """
    session = current_session()
    service.change_endpoint(session, endpoint_id, change, _local())
    return queries.get_endpoint(session, endpoint_id)


@events.route("/webhook-endpoints/<uuid:endpoint_id>", methods=["DELETE"])
@events.response(204)
@allow(Role.ADMIN)
def delete_endpoint(endpoint_id: UUID) -> None:
    """Tell an address of nothing any more, and forget what it was told."""
    service.delete_endpoint(current_session(), endpoint_id)


@events.route("/webhook-endpoints/<uuid:endpoint_id>/secret", methods=["POST"])
@idempotent_but("secret")
@events.response(200, WebhookEndpointMadeOut)
@allow(Role.ADMIN)
def rotate_secret(endpoint_id: UUID) -> Mapping[str, Any]:
    """Give an endpoint a new secret. For a day messages are signed with the former one, too."""
    session = current_session()
    secret = service.rotate_secret(session, endpoint_id)
    return {**queries.get_endpoint(session, endpoint_id)._mapping, "secret": secret}


@events.route("/webhook-endpoints/<uuid:endpoint_id>/deliveries")
@events.arguments(WebhookDeliveriesQuery, location="query")
@events.response(200, WebhookDeliveryPage)
@allow(Role.ADMIN)
def list_deliveries(query: dict[str, Any], endpoint_id: UUID) -> Page:
    """What became of telling an address, the latest event first."""
    session = current_session()
    queries.get_endpoint(session, endpoint_id)
    return queries.delivery_page(session, endpoint_id, query["status"], limit=query["limit"], cursor=query["cursor"])


@events.route("/webhook-endpoints/<uuid:endpoint_id>/deliveries/<event_id>/retry", methods=["POST"])
@idempotent
@events.response(200, WebhookDeliveryOut)
@allow(Role.ADMIN)
def tell_again(endpoint_id: UUID, event_id: str) -> Row[Any]:
    """Send a message again, whatever became of it: as new, at once and with all its tries."""
    session = current_session()
    queries.get_endpoint(session, endpoint_id)
    return service.tell_again(session, endpoint_id, id_in_path(event_id))
