"""Reading messages."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.outbox.models import OutboxMessage


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
