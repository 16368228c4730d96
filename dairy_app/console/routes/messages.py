"""Messages to customers: what waits, what failed, and what becomes of it. Who has no sender sends them by hand."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from flask import Response, url_for
from marshmallow import fields

from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, console
from dairy_app.documents.rules import whatsapp_link
from dairy_app.outbox.models import CHANNELS, KINDS, MESSAGE_STATUSES
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, admits, ask

WHO = (Role.ADMIN, Role.ACCOUNTANT)
ROWS = 50


class MessagesQuery(ListQuery):
    """Which messages."""

    status = fields.String(validate=validate.OneOf(["", *MESSAGE_STATUSES]))
    kind = fields.String(validate=validate.OneOf(["", *KINDS]))
    channel = fields.String(validate=validate.OneOf(["", *CHANNELS]))
    run = fields.UUID()


@console.route("/messages")
@console.arguments(MessagesQuery, location="query")
@allow(*WHO, page=True)
def messages(query: dict[str, Any]) -> Response:
    """Every message, the latest first."""
    return _messages(query)


def _messages(query: dict[str, Any], **names: Any) -> Response:
    found = ask(
        "/outbox",
        status=query.get("status") or None,
        channel=query.get("channel") or None,
        kind=query.get("kind") or None,
        billing_run_id=query.get("run"),
        sort="-created_at",
        cursor=query.get("cursor"),
        limit=ROWS,
    )
    for each in found["items"]:
        each["by_hand"] = _by_hand(each)
    names |= {
        "statuses": MESSAGE_STATUSES,
        "channels": CHANNELS,
        "kinds": KINDS,
        "may_tell": admits(f"/outbox/{UUID(int=0)}/sent", "POST"),
    }
    return frame.page("messages.html", found=found, query=query, **names)


def _by_hand(message: dict[str, Any]) -> str | None:
    """What opens the message, typed in, on the reader's own phone or computer; None: only a sender can send it."""
    if message["secret"] or message["channel"] == "webhook":
        return None
    to, body = message["recipient"], quote(message["body"])
    if message["channel"] == "whatsapp":
        return whatsapp_link(to, message["body"])
    if message["channel"] == "sms":
        return f"sms:{to}?body={body}"
    return f"mailto:{quote(to)}?subject={quote(message['subject'] or '')}&body={body}"


@console.route("/messages/<uuid:message_id>/sent", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def message_sent(form: dict[str, str], message_id: UUID) -> Response:
    """Say that a message was sent by hand."""
    return _settle(form, f"/outbox/{message_id}/sent", "message_sent")


@console.route("/messages/<uuid:message_id>/withdraw", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def withdraw_message(form: dict[str, str], message_id: UUID) -> Response:
    """Say that nobody is to send a message any more."""
    return _settle(form, f"/outbox/{message_id}/withdraw", "message_withdraw")


@console.route("/messages/<uuid:message_id>/retry", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def retry_message(form: dict[str, str], message_id: UUID) -> Response:
    """Let a message that failed wait again, or one that waits for its next try no longer."""
    return _settle(form, f"/outbox/{message_id}/retry", "message_retry")


@console.route("/messages/again", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def send_again(form: dict[str, str]) -> Response:
    """A new message about the same bill, to the address that the customer has now."""
    body = {"queue": True, **frame.fields_of(form, "channel", "language")}
    bill = frame.part_of_address(form, "invoice_id")
    return _settle(form, f"/invoices/{bill}/share", "message_again", body)


def _settle(form: dict[str, str], path: str, said: str, body: dict[str, Any] | None = None) -> Response:
    """Back to the list from which the form was sent."""
    shown = {"status": form.get("status") or None, "channel": form.get("channel_shown") or None}
    shown["kind"] = form.get("kind") or None
    address = url_for("console.messages", _external=False, **shown)
    refused = frame.send(lambda: act("POST", path, body), lambda **names: _messages(shown, **names), address)
    return refused or frame.done(address, said)
