"""Every write of links and events."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dairy_app.collecting.models import GatewayEvent

_EXPIRE = text("""
UPDATE payment_links SET status = 'expired', updated_at = now()
WHERE customer_id = :customer AND status IN ('creating', 'created') AND expires_at <= :moment""")
_OPEN = text("""
INSERT INTO payment_links (customer_id, invoice_id, amount, gateway, description, expires_at, created_by, created_at)
VALUES (:customer_id, :invoice_id, :amount, :gateway, :description, :expires_at, :created_by, :created_at)
ON CONFLICT (customer_id, (coalesce(invoice_id, customer_id)), amount) WHERE status IN ('creating', 'created')
DO NOTHING RETURNING id""")
#: One that was paid or cancelled while the gateway was asked stays so, and learns its address.
_MADE = text("""
UPDATE payment_links SET gateway_id = coalesce(gateway_id, :gateway_id), url = coalesce(url, :url), last_error = NULL,
    status = CASE status WHEN 'creating' THEN :status ELSE status END, updated_at = now()
WHERE id = :id""")
_NOT_MADE = text("""
UPDATE payment_links SET last_error = :error, updated_at = now(),
    status = CASE WHEN status = 'creating' AND :for_good THEN 'failed' ELSE status END
WHERE id = :id""")
_ENDED = text("""
UPDATE payment_links SET status = :status, last_error = NULL, updated_at = now()
WHERE id = :id AND status IN ('creating', 'created')""")
_PAID = text("""
UPDATE payment_links SET status = 'paid', paid_at = :moment, updated_at = now(),
    gateway_id = coalesce(gateway_id, :gateway_id)
WHERE id = :id AND status <> 'paid'""")
_REPEATED = text("""
UPDATE gateway_events SET status = 'repeated', reason = NULL, detail = NULL, payment_id = :payment, updated_at = now()
WHERE gateway = :gateway AND gateway_payment_id = :key AND object_type = 'payment'
    AND status IN ('received', 'held', 'repeated') AND id <> :id""")

_DISMISSED = text("""
UPDATE gateway_events SET status = 'dismissed', reason = 'dismissed', detail = :detail, decided_by = :by,
    decided_at = :moment, updated_at = now()
WHERE gateway = :gateway AND gateway_payment_id = :key AND object_type = 'payment'
    AND status IN ('received', 'held') AND id <> :id""")


def lock_gateway_payment(session: Session, gateway: str, gateway_payment_id: str) -> None:
    """Let one event at a time be judged of a payment of a gateway, and of what is paid back of it.

    Taken before any row, so that a refund does not miss the payment that is booked at the same moment.
    """
    key = f"{gateway} {gateway_payment_id}"
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def keep_event(session: Session, row: Mapping[str, Any]) -> UUID | None:
    """Keep an event as it came; its id, None when it came before, by its id or word by word."""
    body = row["body"]
    kept = insert(GatewayEvent).values(**row, body_sha256=hashlib.sha256(body).digest()).on_conflict_do_nothing()
    made: UUID | None = session.execute(kept.returning(GatewayEvent.id)).scalar_one_or_none()
    return made


def decide(session: Session, event_id: UUID, **columns: Any) -> None:
    """Write what became of an event; ``reason`` and ``detail`` are what they are given as, or none."""
    row = {"reason": None, "detail": None} | columns
    if row["detail"] is not None:
        row["detail"] = row["detail"][:500]
    session.execute(update(GatewayEvent).where(GatewayEvent.id == event_id).values(**row))


def repeat_others(session: Session, gateway: str, gateway_payment_id: str, event_id: UUID, payment_id: UUID) -> None:
    """The other events of a payment that is booked now are repetitions."""
    given = {"gateway": gateway, "key": gateway_payment_id, "id": event_id, "payment": payment_id}
    session.execute(_REPEATED, given)


def dismiss_others(session: Session, event: GatewayEvent, detail: str, by: UUID, moment: datetime) -> None:
    """The other events of a payment that is not to be booked wait for nobody either."""
    given = {"gateway": event.gateway, "key": event.gateway_payment_id, "id": event.id}
    session.execute(_DISMISSED, given | {"detail": detail[:500], "by": by, "moment": moment})


def expire_links(session: Session, customer_id: UUID, moment: datetime) -> None:
    """The links of a customer whose time is over have expired, whatever the gateway has told by then."""
    session.execute(_EXPIRE, {"customer": customer_id, "moment": moment})


def open_link(session: Session, row: Mapping[str, Any]) -> UUID | None:
    """A new link, not asked for yet; its id, None when there is one for the same already."""
    made: UUID | None = session.execute(_OPEN, row).scalar_one_or_none()
    return made


def mark_made(session: Session, link_id: UUID, gateway_id: str, url: str, status: str) -> None:
    """What the gateway answered."""
    session.execute(_MADE, {"id": link_id, "gateway_id": gateway_id, "url": url, "status": status})


def mark_not_made(session: Session, link_id: UUID, error: str, *, for_good: bool) -> None:
    """The gateway did not do it; ``for_good``: nor will it when it is asked again."""
    session.execute(_NOT_MADE, {"id": link_id, "error": error[:500], "for_good": for_good})


def end_link(session: Session, link_id: UUID, status: str) -> None:
    """A link was cancelled or has expired; one that was paid stays paid."""
    session.execute(_ENDED, {"id": link_id, "status": status})


def mark_paid(session: Session, link_id: UUID, moment: datetime, gateway_id: str | None) -> None:
    """Money came over a link, also when it had ended before."""
    session.execute(_PAID, {"id": link_id, "moment": moment, "gateway_id": gateway_id})
