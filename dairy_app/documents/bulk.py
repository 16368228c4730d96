"""Queuing many messages with one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.common.clock import now

# One message waits per document and channel; a run that is queued again skips what was sent already, too.
_QUEUE = """
INSERT INTO outbox_messages (invoice_id, customer_id, recipient, language, subject, body, channel)
SELECT n.*, :channel
FROM unnest(CAST(:invoices AS uuid[]), CAST(:customers AS uuid[]), CAST(:recipients AS text[]),
    CAST(:languages AS text[]), CAST(:subjects AS text[]), CAST(:bodies AS text[]))
    AS n (invoice_id, customer_id, recipient, language, subject, body)
WHERE :again OR NOT EXISTS (SELECT FROM outbox_messages m
    WHERE m.invoice_id = n.invoice_id AND m.channel = :channel AND m.status IN ('queued', 'sent'))
ON CONFLICT (invoice_id, channel) WHERE status = 'queued' AND invoice_id IS NOT NULL DO NOTHING
RETURNING id"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way into the outbox."""

    invoice_id: UUID
    customer_id: UUID
    recipient: str
    language: str
    subject: str | None
    body: str


def queue(session: Session, channel: str, letters: Sequence[Letter], *, again: bool = False) -> list[UUID]:
    """Queue what does not wait already, and unless ``again`` was not sent either; returns the new messages' ids."""
    columns = {
        "invoices": [letter.invoice_id for letter in letters],
        "customers": [letter.customer_id for letter in letters],
        "recipients": [letter.recipient for letter in letters],
        "languages": [letter.language for letter in letters],
        "subjects": [letter.subject for letter in letters],
        "bodies": [letter.body for letter in letters],
    }
    return list(session.scalars(text(_QUEUE), {**columns, "channel": channel, "again": again}))


def revoke(session: Session, invoice_id: UUID, revoked_by: UUID) -> None:
    """End the links of an invoice and of its companion, and the messages that wait to bring one of them."""
    both = "SELECT id FROM invoices WHERE id = :id OR companion_of = :id"
    session.execute(
        text(f"""
            INSERT INTO invoice_links AS k (invoice_id, revocations, revoked_at, revoked_by)
            SELECT p.id, 1, :at, :by FROM ({both}) p
            ON CONFLICT (invoice_id) DO UPDATE
                SET revocations = k.revocations + 1, revoked_at = :at, revoked_by = :by"""),
        {"id": invoice_id, "at": now(), "by": revoked_by},
    )
    session.execute(
        text(f"""
            UPDATE outbox_messages SET status = 'failed', error = 'the link was revoked', updated_at = now()
            WHERE status = 'queued' AND invoice_id IN ({both})"""),
        {"id": invoice_id},
    )
