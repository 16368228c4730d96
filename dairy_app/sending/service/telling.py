"""Which messages are sent by themselves, and queuing those that no change brings about."""

from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.sending import bulk, queries
from dairy_app.sending.models import MessageKind


@dataclass(frozen=True, slots=True, kw_only=True)
class KindChange:
    """What shall be different in a kind; what is UNSET stays as it is. ``below`` in rupees."""

    is_on: bool | Unset = UNSET
    quiet_from: time | Unset | None = UNSET
    quiet_to: time | Unset | None = UNSET
    below: Decimal | Unset = UNSET


@dataclass(frozen=True, slots=True)
class Told:
    """How many were queued."""

    low_balance: int
    not_delivered: int


def change_kind(session: Session, kind: str, change: KindChange) -> MessageKind:
    """Change when a kind is sent; what waits keeps its hours."""
    row = queries.get_kind(session, kind)
    for name, value in sent(change).items():
        setattr(row, name, value)
    session.flush()
    session.refresh(row)
    return row


def tell_due(session: Session) -> Told:
    """Queue what is told each night: low balances, and closed days of today and tomorrow. Nobody is told twice."""
    day = today(session)
    return Told(
        low_balance=bulk.queue_low_balances(session, day),
        not_delivered=bulk.queue_not_delivered(session, [day, day + timedelta(days=1)])
        if queries.get_kind(session, "not_delivered").is_on
        else 0,
    )
