"""What the office and senders of others say of a message."""

from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.outbox.models import OutboxMessage
from dairy_app.outbox.queries import get_message


@dataclass(frozen=True, slots=True)
class Failure:
    """What a sender failed with; with ``retry`` the message goes on waiting."""

    error: str
    retry: bool = False


def mark_sent(session: Session, message_id: UUID) -> OutboxMessage:
    """Somebody sent it. Said again it changes nothing; ``illegal_transition`` for one that was given up."""
    message = get_message(session, message_id)
    if message.status not in ("sent", "delivered"):
        _require_free(message)
        message.status, message.sent_at, message.attempts = "sent", now(), message.attempts + 1
        message.last_error = message.leased_until = None
        session.flush()
    return message


def withdraw(session: Session, message_id: UUID) -> OutboxMessage:
    """Nobody is to send it any more. Said again it changes nothing; a sent or failed one is ``illegal_transition``."""
    message = get_message(session, message_id)
    if message.status != "withdrawn":
        _require_free(message, "only a queued one can be withdrawn")
        message.status, message.leased_until = "withdrawn", None
        session.flush()
    return message


def mark_failed(session: Session, message_id: UUID, failure: Failure) -> OutboxMessage:
    """Somebody failed to send it. With ``retry`` it goes on waiting, else it is given up."""
    message = get_message(session, message_id)
    _require_free(message)
    message.last_error, message.attempts = failure.error, message.attempts + 1
    message.status, message.leased_until = "queued" if failure.retry else "failed", None
    session.flush()
    return message


def retry(session: Session, message_id: UUID) -> OutboxMessage:
    """What failed waits again, from now on, as often as a new one; what waits for its next try waits no longer.

    ``illegal_transition`` for any other, for a secret one (its text is forgotten) and for one that expired;
    ``already_exists`` when another about the same waits.
    """
    message = get_message(session, message_id)
    at = now()
    if message.status == "queued":
        _require_free(message)
    elif message.status != "failed":
        _refuse(message, "only a failed one can be tried again")
    if message.secret and message.status == "failed":
        raise Problem("illegal_transition", "Its text was secret and is forgotten; ask for a new message.")
    if message.expires_at is not None and message.expires_at <= at:
        raise Problem("illegal_transition", "The message has expired; ask for a new one.")
    message.status, message.not_before, message.leased_until, message.attempts = "queued", at, None, 0
    session.flush()
    return message


def _require_free(message: OutboxMessage, why: str = "share the invoice again") -> None:
    """It waits, and no sender has it in hand."""
    if message.status != "queued":
        _refuse(message, why)
    if message.leased_until is not None and message.leased_until > now():
        raise Problem("illegal_transition", "The message is being sent just now; look again in a minute.")


def _refuse(message: OutboxMessage, why: str) -> NoReturn:
    raise Problem("illegal_transition", f"The message is {message.status}; {why}.")
