"""Queuing messages with one statement, leasing one for a sender, and writing what became of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from dairy_app.common.clock import now
from dairy_app.outbox.rules import ATTEMPTS, LEASE, wait_after

# One message of a kind waits per document and channel, and one with a key is queued once for ever; unless it is asked
# for again, what was sent already is skipped, too.
_QUEUE = """
INSERT INTO outbox_messages (channel, recipient, language, subject, body, kind, customer_id, user_id, invoice_id,
    not_before, expires_at, secret, dedupe_key, created_at)
SELECT n.channel, n.recipient, n.language, n.subject, n.body, n.kind, n.customer_id, n.user_id, n.invoice_id,
    coalesce(n.not_before, :at), n.expires_at, n.secret, n.dedupe_key, :at
FROM unnest(CAST(:channel AS text[]), CAST(:recipient AS text[]), CAST(:language AS text[]), CAST(:subject AS text[]),
    CAST(:body AS text[]), CAST(:kind AS text[]), CAST(:customer_id AS uuid[]), CAST(:user_id AS uuid[]),
    CAST(:invoice_id AS uuid[]), CAST(:not_before AS timestamptz[]), CAST(:expires_at AS timestamptz[]),
    CAST(:secret AS boolean[]), CAST(:dedupe_key AS text[]))
    AS n (channel, recipient, language, subject, body, kind, customer_id, user_id, invoice_id, not_before, expires_at,
        secret, dedupe_key)
WHERE :again OR n.invoice_id IS NULL OR NOT EXISTS (SELECT FROM outbox_messages m
    WHERE m.invoice_id = n.invoice_id AND m.channel = n.channel AND m.kind = n.kind
        AND m.status IN ('queued', 'sent', 'delivered'))
ON CONFLICT DO NOTHING
RETURNING id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message on its way into the outbox: to a customer, or to a login.

    ``not_before`` None: at once. ``secret``: the text is shown to nobody and forgotten when it no longer waits; it
    needs ``expires_at``. ``dedupe_key``: of several with the same key, ever, the first is queued.
    """

    kind: str
    channel: str
    recipient: str
    language: str
    body: str
    subject: str | None = None
    customer_id: UUID | None = None
    user_id: UUID | None = None
    invoice_id: UUID | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None
    secret: bool = False
    dedupe_key: str | None = None


def queue(session: Session, letters: Sequence[Letter], *, again: bool = False) -> list[UUID]:
    """Queue what does not wait already, and unless ``again`` was not sent either; returns the new messages' ids.

    Nothing is sent before the transaction is committed, and nothing at all when it is rolled back.
    """
    rows = [asdict(letter) for letter in letters]
    columns: dict[str, Any] = {each.name: [row[each.name] for row in rows] for each in fields(Letter)}
    return list(session.scalars(text(_QUEUE), {**columns, "at": now(), "again": again}))


# What is past its time has failed, whether or not a sender was there in time; so has what was leased for the last time
# by somebody who did not come back.
_GIVE_UP = """
UPDATE outbox_messages SET status = 'failed', leased_until = NULL, updated_at = :at,
    last_error = CASE WHEN expires_at <= :at THEN 'expired before it could be sent'
        ELSE coalesce(last_error, 'the sender ended before it could tell') END
WHERE id IN (SELECT id FROM outbox_messages
    WHERE status = 'queued' AND (leased_until IS NULL OR leased_until <= :at)
        AND (expires_at <= :at OR attempts >= :attempts)
    FOR UPDATE SKIP LOCKED)"""

_LEASE = """
UPDATE outbox_messages SET leased_until = :until, attempts = attempts + 1, updated_at = :at
WHERE id = (SELECT id FROM outbox_messages
    WHERE status = 'queued' AND not_before <= :at AND (leased_until IS NULL OR leased_until <= :at)
        AND attempts < :attempts AND channel = ANY (:channels) AND (expires_at IS NULL OR expires_at > :at)
    ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, kind, channel, recipient, language, subject, body, customer_id, user_id, invoice_id, attempts,
    leased_until, expires_at, secret, created_at"""


def give_up(session: Session) -> int:
    """Let what is past its time, or was tried often enough, have failed; returns how many."""
    done: Any = session.execute(text(_GIVE_UP), {"at": now(), "attempts": ATTEMPTS})
    return int(done.rowcount)


def lease(session: Session, channels: Sequence[str]) -> Row[Any] | None:
    """Take the message that is due longest, for a minute; None when none is. Others take others meanwhile."""
    at = now()
    given = {"at": at, "until": at + LEASE, "attempts": ATTEMPTS, "channels": list(channels)}
    return session.execute(text(_LEASE), given).one_or_none()


_MARK = """
UPDATE outbox_messages SET status = :status, sent_at = :sent_at, last_error = :error,
    not_before = coalesce(:not_before, not_before),
    leased_until = NULL, updated_at = :at
WHERE id = :id AND leased_until = :leased_until
RETURNING status"""


def _mark(session: Session, message: Row[Any], status: str, **written: Any) -> str | None:
    """Write the fate of a message that is still ours: its status, None when the lease had ended."""
    at = now()
    given = {"sent_at": None, "error": None, "not_before": None} | written
    given |= {"id": message.id, "leased_until": message.leased_until, "status": status, "at": at}
    return session.scalars(text(_MARK), given).one_or_none()


def mark_sent(session: Session, message: Row[Any]) -> bool:
    """It was sent; False when its lease had ended and it is another sender's."""
    return _mark(session, message, "sent", sent_at=now()) is not None


def mark_withdrawn(session: Session, message: Row[Any], why: str) -> bool:
    """It is not to be sent any more."""
    return _mark(session, message, "withdrawn", error=why) is not None


def mark_failed(session: Session, message: Row[Any], error: str, *, retry: bool) -> str | None:
    """It could not be sent: with ``retry`` it is tried again later, unless that was the last time or it expires.

    Returns its status now; None when its lease had ended.
    """
    again_at = now() + wait_after(message.attempts)
    expires = message.expires_at is not None and again_at >= message.expires_at
    if not retry or expires or message.attempts >= ATTEMPTS:
        return _mark(session, message, "failed", error=error[:500])
    return _mark(session, message, "queued", error=error[:500], not_before=again_at)
