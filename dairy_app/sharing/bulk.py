"""Set-based writes: what a link spends, and the record of its uses."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, case, insert, literal, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from dairy_app.database.audit import Attribution, told
from dairy_app.deliveries.service.confirmations import Outcome
from dairy_app.sharing.models import ChangeRequest, SharedLink, SharedLinkEvent
from dairy_app.sharing.rules.links import WINDOW

_links = SharedLink.__table__

_RECORD_CONFIRMATIONS = text("""
INSERT INTO shared_link_events (link_id, at, action, result, order_id, ip, user_agent)
SELECT :link_id, :at, 'confirm', e.result, o.id, CAST(:ip AS inet), :user_agent
FROM jsonb_to_recordset(CAST(:outcomes AS jsonb)) AS e (index integer, result text, order_id uuid)
LEFT JOIN orders o ON o.id = e.order_id
ORDER BY e.index
""")


def spend(
    session: Session, token_hash: bytes, cost: int, moment: datetime, occasion: Attribution
) -> Row[tuple[object, ...]] | None:
    """Count one use of a link and lock its row; its row as it stands then, None when no link has this token.

    What the transaction changes is the link's doing in the audit log, too (``occasion``). Uses of one link follow one
    another from here to the end of their transactions.
    """
    counting = and_(_links.c.window_started_at > moment - WINDOW, _links.c.window_started_at <= moment)
    return session.execute(
        update(SharedLink)
        .where(_links.c.token_hash == token_hash)
        .values(
            use_count=_links.c.use_count + 1,
            last_used_at=moment,
            window_started_at=case((counting, _links.c.window_started_at), else_=literal(moment)),
            window_cost=case((counting, _links.c.window_cost + cost), else_=cost),
        )
        .returning(*_links.c, told(occasion, shared_link_id=_links.c.id))
    ).one_or_none()


def record_use(
    session: Session,
    link_id: UUID,
    at: datetime,
    action: str,
    result: str,
    ip: str | None,
    user_agent: str | None,
    order_id: UUID | None = None,
) -> None:
    """One use of a link: what was tried, on which order, and how it ended."""
    row = {"link_id": link_id, "at": at, "action": action, "result": result, "ip": ip, "user_agent": user_agent}
    session.execute(insert(SharedLinkEvent).values(**row, order_id=order_id))


def record_confirmations(
    session: Session, link_id: UUID, at: datetime, outcomes: Sequence[Outcome], ip: str | None, user_agent: str | None
) -> None:
    """One row for each confirmation of a set, in one statement. An order that does not exist is left out."""
    rows = [{"index": each.index, "result": each.code or each.outcome, "order_id": each.order_id} for each in outcomes]
    parameters = {
        "link_id": link_id,
        "at": at,
        "ip": ip,
        "user_agent": user_agent,
        "outcomes": json.dumps(rows, default=str),
    }
    session.execute(_RECORD_CONFIRMATIONS, parameters)


def record_pins(session: Session, link_id: UUID, failed: int, locked_until: datetime | None) -> None:
    """How many wrong PINs in a row a link has seen, and until when it takes none."""
    values = {"failed_attempts": failed, "locked_until": locked_until}
    session.execute(update(SharedLink).where(_links.c.id == link_id).values(**values))


def insert_request(session: Session, row: Mapping[str, Any]) -> ChangeRequest | None:
    """A new request; None when an open one like it, or one with its client_event_id, exists."""
    new = postgresql.insert(ChangeRequest).values(**row).on_conflict_do_nothing().returning(ChangeRequest.id)
    made = session.scalar(new)
    return None if made is None else session.get_one(ChangeRequest, made)
