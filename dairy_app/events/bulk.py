"""Numbering events, and every write of endpoints and deliveries."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text, update
from sqlalchemy.orm import Session

from dairy_app.events.models import WebhookEndpoint
from dairy_app.events.rules import Message, Outcome

#: Events that are numbered, or queued for one endpoint, at one time.
AT_ONCE = 5000
#: A message is in the hands of one sender so long; whoever ends meanwhile leaves it to the next.
LEASE = timedelta(seconds=60)

_NUMBER = text("SELECT number_events(:most)")
_QUEUE = text("""
WITH mine AS MATERIALIZED (
    SELECT id, kinds, told_through, created_at FROM webhook_endpoints
    WHERE active ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
), news AS MATERIALIZED (
    SELECT m.id AS endpoint_id, v.id AS event_id,
        v.at >= m.created_at AND (cardinality(m.kinds) = 0 OR v.kind = ANY (m.kinds)) AS wanted
    FROM mine m
    CROSS JOIN LATERAL (SELECT e.id, e.kind, e.at FROM events e WHERE e.id > m.told_through ORDER BY e.id LIMIT :most) v
), queued AS (
    INSERT INTO webhook_deliveries (endpoint_id, event_id, due_at)
    SELECT endpoint_id, event_id, :moment FROM news WHERE wanted RETURNING 1
), told AS (
    UPDATE webhook_endpoints w SET told_through = n.last
    FROM (SELECT endpoint_id, max(event_id) AS last FROM news GROUP BY 1) n WHERE w.id = n.endpoint_id RETURNING 1
)
SELECT (SELECT count(*) FROM queued), (SELECT count(*) FROM told)
""")
_LEASE = text("""
WITH due AS MATERIALIZED (
    SELECT d.endpoint_id, d.event_id FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id
    WHERE d.status = 'queued' AND d.due_at <= :moment AND (d.leased_until IS NULL OR d.leased_until < :moment)
        AND w.active AND (w.rests_until IS NULL OR w.rests_until <= :moment)
    ORDER BY d.due_at, d.event_id LIMIT :most FOR UPDATE OF d SKIP LOCKED
)
UPDATE webhook_deliveries d SET leased_until = :until, updated_at = now()
FROM due JOIN webhook_endpoints w ON w.id = due.endpoint_id JOIN events e ON e.id = due.event_id
WHERE d.endpoint_id = due.endpoint_id AND d.event_id = due.event_id
RETURNING d.endpoint_id, d.event_id, d.attempts, w.url, w.secret,
    CASE WHEN w.former_secret_until > :moment THEN w.former_secret END AS former_secret,
    e.at, e.kind, e.object_type, e.object_id, e.data
""")
#: Who sent too long has lost its lease, and perhaps somebody else sends by now: then that one says what became of it.
_TAKEN = text("""
UPDATE webhook_deliveries SET status = 'delivered', attempts = attempts + 1, delivered_at = :moment,
    leased_until = NULL, answer_status = :answer_status, last_error = NULL, updated_at = now()
WHERE endpoint_id = :endpoint_id AND event_id = :event_id AND status = 'queued'
""")
_REFUSED = text("""
UPDATE webhook_deliveries SET status = CASE WHEN CAST(:due_at AS timestamptz) IS NULL THEN 'failed' ELSE 'queued' END,
    attempts = attempts + 1, due_at = coalesce(:due_at, due_at), leased_until = NULL, answer_status = :answer_status,
    last_error = :error, updated_at = now()
WHERE endpoint_id = :endpoint_id AND event_id = :event_id AND status = 'queued' AND attempts = :attempts
""")
_REST = text("""
UPDATE webhook_endpoints SET rests_until = :until, active = active AND NOT :gone WHERE id = :endpoint_id
""")
_AGAIN = text("""
UPDATE webhook_deliveries SET status = 'queued', attempts = 0, due_at = :moment, leased_until = NULL,
    delivered_at = NULL, updated_at = now()
WHERE endpoint_id = :endpoint_id AND event_id = :event_id
""")
_PURGE = text("""
DELETE FROM events WHERE seq IN (
    SELECT e.seq FROM events e WHERE e.at < :before AND e.id IS NOT NULL ORDER BY e.id LIMIT :most)
""")


def number_events(session: Session) -> int:
    """Number what can be numbered, some thousands at most; how many were."""
    return int(session.execute(_NUMBER, {"most": AT_ONCE}).scalar_one())


def insert_endpoint(session: Session, row: Mapping[str, Any]) -> UUID:
    """A new endpoint; its id."""
    endpoint = WebhookEndpoint(**row)
    session.add(endpoint)
    session.flush()
    return endpoint.id


def update_endpoint(session: Session, endpoint_id: UUID, row: Mapping[str, Any]) -> bool:
    """Write columns of an endpoint; False: there is none."""
    statement = update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(row)
    return bool(session.connection().execute(statement).rowcount)


def delete_endpoint(session: Session, endpoint_id: UUID) -> bool:
    """Delete an endpoint with its log; False: there is none."""
    statement = delete(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    return bool(session.connection().execute(statement).rowcount)


def queue_deliveries(session: Session, moment: datetime) -> tuple[int, int]:
    """Queue what is new for the endpoints that nobody else queues for: deliveries queued, endpoints told of."""
    queued, told = session.execute(_QUEUE, {"most": AT_ONCE, "moment": moment}).one()
    return queued, told


def lease(session: Session, moment: datetime, most: int) -> Sequence[Message]:
    """Take at most so many messages that are due into one's hands, for ``LEASE``."""
    found = session.execute(_LEASE, {"moment": moment, "until": moment + LEASE, "most": most}).all()
    rows = sorted(found, key=lambda row: row.event_id)
    return [
        Message(
            row.endpoint_id,
            row.event_id,
            row.attempts,
            row.url,
            tuple(each for each in (row.secret, row.former_secret) if each is not None),
            row.at,
            row.kind,
            row.object_type,
            row.object_id,
            row.data,
        )
        for row in rows
    ]


def mark(session: Session, message: Message, outcome: Outcome, moment: datetime, due_at: datetime | None) -> None:
    """Write what a try came to. ``due_at``: when the next one is due, None: it was the last."""
    one = {"endpoint_id": message.endpoint_id, "event_id": message.event_id, "answer_status": outcome.status}
    if outcome.error is None:
        session.execute(_TAKEN, {**one, "moment": moment})
        return
    session.execute(_REFUSED, {**one, "error": outcome.error[:500], "due_at": due_at, "attempts": message.attempts})


def let_rest(session: Session, endpoint_id: UUID, until: datetime, gone: bool) -> None:
    """Send nothing to an endpoint until then; nothing any more when it said that it is gone."""
    session.execute(_REST, {"endpoint_id": endpoint_id, "until": until, "gone": gone})


def tell_again(session: Session, endpoint_id: UUID, event_id: int, moment: datetime) -> None:
    """Queue a delivery anew, whatever became of it."""
    session.execute(_AGAIN, {"endpoint_id": endpoint_id, "event_id": event_id, "moment": moment})


def purge_events(session: Session, before: datetime) -> int:
    """Delete some thousands of numbered events from before a moment, with the log of telling them; how many."""
    return session.connection().execute(_PURGE, {"before": before, "most": AT_ONCE}).rowcount
