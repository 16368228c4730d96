"""``/outbox``: what waits, what was sent, what failed."""

from typing import Any
from uuid import UUID

from dairy_app.outbox.models import OutboxMessage
from dairy_app.sending import queries
from dairy_app.sending.schemas import FailedIn, OutboxMessageListed, OutboxMessageOut, OutboxPage, OutboxQuery
from dairy_app.sending.service import outbox as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_session
from dairy_app.web.pages import Page, read_page

outbox = Blueprint("outbox", __name__, description="Messages that wait for a sender")


@outbox.route("/outbox")
@outbox.arguments(OutboxQuery, location="query")
@outbox.response(200, OutboxPage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_outbox(query: dict[str, Any]) -> Page:
    """Messages, the oldest first unless `sort` says otherwise."""
    limit, cursor, descending = query.pop("limit"), query.pop("cursor"), query.pop("sort").startswith("-")
    found, keys = queries.outbox(**query), [OutboxMessage.id]  # ids ascend with time
    return read_page(current_session(), found, keys, limit=limit, cursor=cursor, descending=descending)


@outbox.route("/outbox/<uuid:message_id>")
@outbox.response(200, OutboxMessageListed)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def get_message(message_id: UUID) -> Any:
    """One message, with what the last try failed with and when the next one is."""
    return queries.message(current_session(), message_id)


@outbox.route("/outbox/<uuid:message_id>/sent", methods=["POST"])
@outbox.response(200, OutboxMessageOut)
@allow(Role.ADMIN)
def message_sent(message_id: UUID) -> OutboxMessage:
    """A message was sent by hand; said again, it changes nothing."""
    return service.mark_sent(current_session(), message_id)


@outbox.route("/outbox/<uuid:message_id>/withdraw", methods=["POST"])
@outbox.response(200, OutboxMessageOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def withdraw_message(message_id: UUID) -> OutboxMessage:
    """Take back a message that waits; said again, it changes nothing. Not while a sender has it in hand."""
    return service.withdraw(current_session(), message_id)


@outbox.route("/outbox/<uuid:message_id>/retry", methods=["POST"])
@outbox.response(200, OutboxMessageOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def retry_message(message_id: UUID) -> OutboxMessage:
    """Send a message that failed after all, or one that waits for its next try now."""
    return service.retry(current_session(), message_id)


@outbox.route("/outbox/<uuid:message_id>/failed", methods=["POST"])
@outbox.arguments(FailedIn)
@outbox.response(200, OutboxMessageOut)
@allow(Role.ADMIN)
def message_failed(failure: service.Failure, message_id: UUID) -> OutboxMessage:
    """A message could not be sent: it is given up, or goes on waiting."""
    return service.mark_failed(current_session(), message_id, failure)
