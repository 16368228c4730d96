"""``/message-templates``: the dairy's own words for its messages."""

from typing import Any
from uuid import UUID

from dairy_app.outbox.models import MessageTemplate
from dairy_app.outbox.queries import all_templates
from dairy_app.sending.schemas import (
    MessagePreviewOut,
    MessageTemplateIn,
    MessageTemplateOut,
    MessageTemplatePage,
    MessageTemplatePatch,
    UsualWordsOut,
)
from dairy_app.sending.service import templates as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_page
from dairy_app.web.schemas import PageQuery

templates = Blueprint("templates", __name__, description="The dairy's own words for its messages")


@templates.route("/message-templates")
@templates.arguments(PageQuery, location="query")
@templates.response(200, MessageTemplatePage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_message_templates(query: dict[str, Any]) -> Page:
    """The dairy's own words, the oldest first."""
    return read_page(current_session(), all_templates(), [MessageTemplate.id], **query)


@templates.route("/message-templates", methods=["POST"])
@idempotent
@templates.arguments(MessageTemplateIn)
@templates.response(201, MessageTemplateOut)
@allow(Role.ADMIN)
def create_message_template(wanted: service.NewTemplate) -> MessageTemplate:
    """Words for a kind of message, instead of the usual ones; for messages queued from now on."""
    return service.create_template(current_session(), wanted)


@templates.route("/message-templates/preview", methods=["POST"])
@templates.arguments(MessageTemplateIn)
@templates.response(200, MessagePreviewOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def preview_message_template(wanted: service.NewTemplate) -> service.Preview:
    """What a message would look like, told as the latest of its kind, else made up; nothing is stored."""
    return service.preview(current_session(), wanted)


@templates.route("/message-templates/usual")
@templates.response(200, UsualWordsOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def usual_message_words() -> dict[str, Any]:
    """The usual words of every kind, in the languages that the dairy speaks, and the names that each kind has."""
    return {"items": service.usual_words(current_session())}


@templates.route("/message-templates/<uuid:message_template_id>", methods=["PATCH"])
@templates.arguments(MessageTemplatePatch)
@templates.response(200, MessageTemplateOut)
@allow(Role.ADMIN)
def change_message_template(change: service.TemplateChange, message_template_id: UUID) -> MessageTemplate:
    """Other words; messages that wait keep theirs."""
    return service.change_template(current_session(), message_template_id, change)


@templates.route("/message-templates/<uuid:message_template_id>", methods=["DELETE"])
@templates.response(204)
@allow(Role.ADMIN)
def delete_message_template(message_template_id: UUID) -> None:
    """The usual words again."""
    service.delete_template(current_session(), message_template_id)
