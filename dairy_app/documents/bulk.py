"""Ending links, and the messages that would bring them."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.common.clock import now


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
            UPDATE outbox_messages SET status = 'withdrawn', last_error = 'the link was revoked', updated_at = now()
            WHERE status = 'queued' AND leased_until IS NULL AND invoice_id IN ({both})"""),
        {"id": invoice_id},
    )
