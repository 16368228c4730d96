"""Queuing messages with one statement, leasing one for a sender, and writing what became of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from dairy_app.common.clock import now
from dairy_app.outbox.rules import ATTEMPTS, FIRST_WAIT, LEASE, LONGEST_WAIT, wait_after

# One message of a kind waits per document and channel, and one with a key is queued once for ever; unless it is asked
# for again, what was sent already is skipped, too.
_QUEUE = """
INSERT INTO outbox_messages (channel, recipient, language, subject, body, kind, customer_id, user_id, invoice_id,
    not_before, expires_at, quiet_from, quiet_to, secret, told, dedupe_key, created_at)
SELECT n.channel, n.recipient, n.language, n.subject, n.body, n.kind, n.customer_id, n.user_id, n.invoice_id,
    coalesce(n.not_before, :at), n.expires_at, n.quiet_from, n.quiet_to, n.secret,
    n.told, n.dedupe_key, :at
FROM unnest(CAST(:channel AS text[]), CAST(:recipient AS text[]), CAST(:language AS text[]), CAST(:subject AS text[]),
    CAST(:body AS text[]), CAST(:kind AS text[]), CAST(:customer_id AS uuid[]), CAST(:user_id AS uuid[]),
    CAST(:invoice_id AS uuid[]), CAST(:not_before AS timestamptz[]), CAST(:expires_at AS timestamptz[]),
    CAST(:quiet_from AS time[]), CAST(:quiet_to AS time[]), CAST(:secret AS boolean[]), CAST(:told AS jsonb[]),
    CAST(:dedupe_key AS text[]))
    AS n (channel, recipient, language, subject, body, kind, customer_id, user_id, invoice_id, not_before, expires_at,
        quiet_from, quiet_to, secret, told, dedupe_key)
WHERE :again OR n.invoice_id IS NULL OR NOT EXISTS (SELECT FROM outbox_messages m
    WHERE m.invoice_id = n.invoice_id AND m.channel = n.channel AND m.kind = n.kind
        AND m.status IN ('queued', 'sent', 'delivered'))
ON CONFLICT DO NOTHING
RETURNING id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message on its way into the outbox: to a customer, or to a login.

    ``not_before`` None: at once. From ``quiet_from`` to ``quiet_to``, by the dairy's clock, it is left alone.
    ``secret``: the text is shown to nobody and forgotten when it no longer waits; it needs ``expires_at``.
    ``told``: what the names of the kind stand for, for who has words of its own; None of a secret one.
    ``dedupe_key``: of several with the same key, ever, the first is queued.
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
    quiet_from: time | None = None
    quiet_to: time | None = None
    secret: bool = False
    told: Mapping[str, str] | None = None
    dedupe_key: str | None = None


def queue(session: Session, letters: Sequence[Letter], *, again: bool = False) -> list[UUID]:
    """Queue what does not wait already, and unless ``again`` was not sent either; returns the new messages' ids.

    Nothing is sent before the transaction is committed, and nothing at all when it is rolled back.
    """
    columns: dict[str, Any] = {each.name: [getattr(letter, each.name) for letter in letters] for each in fields(Letter)}
    columns["told"] = [None if told is None else json.dumps(told) for told in columns["told"]]
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
        AND CASE WHEN quiet_from < quiet_to THEN CAST(:clock AS time) < quiet_from OR CAST(:clock AS time) >= quiet_to
            WHEN quiet_from > quiet_to THEN CAST(:clock AS time) < quiet_from AND CAST(:clock AS time) >= quiet_to
            ELSE true END
    ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, kind, channel, recipient, language, subject, body, customer_id, user_id, invoice_id, attempts,
    leased_until, expires_at, secret, told, created_at"""


def give_up(session: Session) -> int:
    """Let what is past its time, or was tried often enough, have failed; returns how many."""
    done: Any = session.execute(text(_GIVE_UP), {"at": now(), "attempts": ATTEMPTS})
    return int(done.rowcount)


def lease(session: Session, channels: Sequence[str], clock: time) -> Row[Any] | None:
    """Take the message that is due longest, for a minute; None when none is. Others take others meanwhile.

    ``clock``: what the dairy's own clock shows; hours in which messages are left alone are of it.
    """
    at = now()
    given = {"at": at, "until": at + LEASE, "attempts": ATTEMPTS, "channels": list(channels), "clock": clock}
    return session.execute(text(_LEASE), given).one_or_none()


_MARK = """
UPDATE outbox_messages SET status = :status, sent_at = :sent_at, last_error = :error,
    not_before = coalesce(:not_before, not_before), provider_id = coalesce(:provider_id, provider_id),
    leased_until = NULL, updated_at = :at
WHERE id = :id AND leased_until = :leased_until
RETURNING status"""


def _mark(session: Session, message: Row[Any], status: str, **written: Any) -> str | None:
    """Write the fate of a message that is still ours: its status, None when the lease had ended."""
    at = now()
    given = {"sent_at": None, "error": None, "not_before": None, "provider_id": None} | written
    given |= {"id": message.id, "leased_until": message.leased_until, "status": status, "at": at}
    return session.scalars(text(_MARK), given).one_or_none()


def mark_sent(session: Session, message: Row[Any], provider_id: str | None = None) -> bool:
    """It was sent, and ``provider_id`` is what it is known by there; False when its lease had ended."""
    return _mark(session, message, "sent", sent_at=now(), provider_id=provider_id) is not None


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


# A receipt names a message by the provider's id, or by ours where the answer to its sending never arrived here. What is
# said of an earlier try is over once the message waits for another one: then its own id is on it.
_RECEIVED = """
UPDATE outbox_messages m SET status = {status}, provider_id = r.provider_id, last_error = {error},
    sent_at = {sent_at}, not_before = {not_before}, leased_until = NULL, updated_at = :at
FROM unnest(CAST(:provider_id AS text[]), CAST(:message_id AS uuid[]), CAST(:told_at AS timestamptz[]),
    CAST(:error AS text[]), CAST(:again AS boolean[])) AS r (provider_id, message_id, told_at, error, again)
WHERE m.id IN (SELECT s.id FROM outbox_messages s WHERE s.provider_id = r.provider_id AND s.channel = :channel
        UNION ALL SELECT s.id FROM outbox_messages s WHERE s.id = r.message_id AND s.channel = :channel)
    AND {may}"""
_NEW_OF_WAITING = "m.status = 'queued' AND m.attempts > 0 AND m.provider_id IS DISTINCT FROM r.provider_id"
_SENT = {
    "status": "'sent'",
    "error": "NULL",
    "sent_at": "r.told_at",
    "not_before": "m.not_before",
    "may": _NEW_OF_WAITING,
}
# Delivered is delivered, whatever else was or will be said; only what the office took back stays so.
_DELIVERED = _SENT | {
    "status": "'delivered'",
    "sent_at": "coalesce(m.sent_at, r.told_at)",
    "may": "(m.status IN ('sent', 'failed') OR m.status = 'queued' AND m.attempts > 0)",
}
_AGAIN = "r.again AND m.attempts < :attempts AND NOT m.secret AND (m.expires_at IS NULL OR m.expires_at > {next})"
# The wait doubles each time, as in ``wait_after``.
_NEXT = "CAST(:at AS timestamptz) + least(:first * power(2, m.attempts - 1), :longest)"
_NOT_DELIVERED = _SENT | {
    "status": f"CASE WHEN {_AGAIN.format(next=_NEXT)} THEN 'queued' ELSE 'failed' END",
    "error": "r.error",
    "sent_at": "NULL",
    "not_before": f"CASE WHEN {_AGAIN.format(next=_NEXT)} THEN {_NEXT} ELSE m.not_before END",
    "may": f"(m.status = 'sent' AND m.provider_id = r.provider_id OR {_NEW_OF_WAITING})",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a provider says of a message: sent, delivered or failed.

    ``provider_id``: what the message is known by there; ``message_id``: by which it knows ours, if it says so.
    ``again``: what failed may be sent anew.
    """

    provider_id: str
    status: str
    told_at: datetime
    message_id: UUID | None = None
    error: str | None = None
    again: bool = False


_OF_RECEIPT = [each.name for each in fields(Receipt) if each.name != "status"]


def receive(session: Session, channel: str, receipts: Sequence[Receipt]) -> int:
    """Write what receipts say, in whatever order and however often they come; returns how many messages changed.

    Three statements, whatever their number: the last word is that a message was delivered.
    """
    changed, given = 0, {"channel": channel, "attempts": ATTEMPTS, "first": FIRST_WAIT, "longest": LONGEST_WAIT}
    for status, parts in (("sent", _SENT), ("failed", _NOT_DELIVERED), ("delivered", _DELIVERED)):
        own = {each.provider_id: each for each in receipts if each.status == status}.values()
        columns: dict[str, Any] = {name: [getattr(each, name) for each in own] for name in _OF_RECEIPT}
        if own:
            done: Any = session.execute(text(_RECEIVED.format(**parts)), {**columns, **given, "at": now()})
            changed += done.rowcount
    return changed
