"""What WhatsApp tells of messages, read from what it posts. Whatever else it posts is left alone."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeGuard
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.clock import now
from dairy_app.outbox.bulk import Receipt, receive
from dairy_app.sending.rules import WHATSAPP_LATER, WHATSAPP_OF_ALL, whatsapp_words

#: What WhatsApp says, and what we do. Who has read or heard it has it.
_STATUSES = {"sent": "sent", "delivered": "delivered", "read": "delivered", "played": "delivered", "failed": "failed"}
_LONGEST_ID = 200


def receive_whatsapp(session: Session, entries: Sequence[object]) -> int:
    """Write what became of messages; returns how many changed."""
    return receive(session, "whatsapp", list(_receipts(entries)))


def _receipts(entries: Sequence[object]) -> Iterator[Receipt]:
    for change in _parts(entries, "changes"):
        value = change.get("value")
        for told in _parts([value], "statuses"):
            status, name = _STATUSES.get(str(told.get("status"))), told.get("id")
            if status is not None and isinstance(name, str) and 0 < len(name) <= _LONGEST_ID:
                error, again = _failure(told) if status == "failed" else (None, False)
                yield Receipt(
                    provider_id=name,
                    message_id=_ours(told.get("biz_opaque_callback_data")),
                    status=status,
                    told_at=_moment(told.get("timestamp")),
                    error=error,
                    again=again,
                )


def _parts(objects: Sequence[object], name: str) -> Iterator[dict[str, object]]:
    """The objects in a list of that name of each of some objects."""
    for each in objects:
        found = each.get(name) if isinstance(each, dict) else None
        yield from (part for part in found if _is_object(part)) if isinstance(found, list) else ()


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _failure(told: dict[str, object]) -> tuple[str, bool]:
    """Why, in its words, and whether it may be sent anew."""
    for error in _parts([told], "errors"):
        code = error.get("code")
        if isinstance(code, int) and not isinstance(code, bool):
            return whatsapp_words(code, error), code in WHATSAPP_LATER | WHATSAPP_OF_ALL
    return "WhatsApp could not deliver it, and does not say why", False


def _ours(name: object) -> UUID | None:
    try:
        return UUID(name) if isinstance(name, str) else None
    except ValueError:
        return None


def _moment(seconds: object) -> datetime:
    """When it was; at most now, and now where it does not say."""
    at = now()
    if not (isinstance(seconds, str) and seconds.isascii() and seconds.isdecimal() and len(seconds) <= 11):
        return at
    return min(datetime.fromtimestamp(int(seconds), UTC), at)
