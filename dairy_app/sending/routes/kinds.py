"""``/message-kinds``: which messages are sent by themselves."""

from typing import Any

from dairy_app.sending import queries
from dairy_app.sending.models import MessageKind
from dairy_app.sending.schemas import MessageKindOut, MessageKindPage, MessageKindPatch
from dairy_app.sending.service import telling as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_session
from dairy_app.web.pages import Page, read_page
from dairy_app.web.schemas import PageQuery

message_kinds = Blueprint("message_kinds", __name__, description="Messages that are sent by themselves")


@message_kinds.route("/message-kinds")
@message_kinds.arguments(PageQuery, location="query")
@message_kinds.response(200, MessageKindPage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_message_kinds(query: dict[str, Any]) -> Page:
    """The kinds, by name, each on or off."""
    return read_page(current_session(), queries.kinds(), [MessageKind.__table__.c.kind], **query)


@message_kinds.route("/message-kinds/<kind>", methods=["PATCH"])
@message_kinds.arguments(MessageKindPatch)
@message_kinds.response(200, MessageKindOut)
@allow(Role.ADMIN)
def change_message_kind(change: service.KindChange, kind: str) -> MessageKind:
    """Send messages of a kind by themselves from now on, or no more; what waits already is sent."""
    return service.change_kind(current_session(), kind, change)
