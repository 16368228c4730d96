"""Reading messages."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.outbox.models import MessageTemplate, OutboxMessage


def waiting_message(session: Session, invoice_id: UUID, channel: str, kind: str) -> UUID:
    """The message of a document, a channel and a kind that waits in the outbox."""
    query = select(OutboxMessage.id).where(
        OutboxMessage.invoice_id == invoice_id,
        OutboxMessage.channel == channel,
        OutboxMessage.kind == kind,
        OutboxMessage.status == "queued",
    )
    found: UUID = session.scalars(query).one()
    return found


def get_message(session: Session, message_id: UUID) -> OutboxMessage:
    """A message, locked; 404 ``message_not_found``."""
    query = select(OutboxMessage).where(OutboxMessage.id == message_id).with_for_update()
    message: OutboxMessage | None = session.scalars(query).one_or_none()
    if message is None:
        raise Problem("message_not_found")
    return message


def is_told(session: Session, message_id: UUID, provider_id: str) -> bool:
    """Whether a receipt said already that who took the message knows it by this id."""
    query = select(OutboxMessage.id).where(OutboxMessage.id == message_id, OutboxMessage.provider_id == provider_id)
    return session.scalar(query) is not None


def templates_of(session: Session, kind: str) -> dict[tuple[str, str | None], MessageTemplate]:
    """The dairy's own words for a kind of message, by language and channel; None: for all channels."""
    found = session.scalars(select(MessageTemplate).where(MessageTemplate.kind == kind))
    return {(each.language, each.channel): each for each in found}


#: So many messages are looked through for one that tells what is asked for.
_LATEST = 20_000


def latest_told(session: Session, kind: str, language: str) -> Any:
    """Id of a late message of a kind in a language that says what its names stood for, and what; None: none does."""
    columns = OutboxMessage.__table__.c
    shown = [columns.id, columns.told, columns.kind, columns.language]
    late = select(*shown).order_by(columns.id.desc()).limit(_LATEST).subquery("late")
    fits = (late.c.told.is_not(None), late.c.kind == kind, late.c.language == language)
    query = select(late.c.id, late.c.told).where(*fits).order_by(late.c.id.desc()).limit(1)
    return session.execute(query).one_or_none()


def all_templates() -> Select[Any]:
    """Every template."""
    return select(*MessageTemplate.__table__.columns)


def get_template(session: Session, template_id: UUID) -> MessageTemplate:
    """A template, locked; 404 ``message_template_not_found``."""
    query = select(MessageTemplate).where(MessageTemplate.id == template_id).with_for_update()
    template: MessageTemplate | None = session.scalars(query).one_or_none()
    if template is None:
        raise Problem("message_template_not_found")
    return template
