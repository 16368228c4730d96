"""Reading events, endpoints and what became of telling them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, text
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem, invalid
from dairy_app.events.models import Event, WebhookDelivery, WebhookEndpoint
from dairy_app.web.pages import Page, read_page

#: So many events are looked at for a page of the kinds asked for: a rare kind must not read them all.
LOOKED_AT = 20_000

_STAND = text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last, (SELECT min(id) FROM events) AS first"
    " FROM event_ids")  # fmt: skip
_WINDOW = text("""
SELECT count(*) AS looked_at, max(w.id) AS last FROM (SELECT id FROM events WHERE id > :after ORDER BY id LIMIT :most) w
""")
_EVENTS = text("""
SELECT id, at, kind, object_type, object_id, data
FROM events WHERE id > :after AND id <= :through AND (:all_kinds OR kind = ANY (CAST(:kinds AS text[])))
ORDER BY id LIMIT :limit
""")
_DELIVERIES: Select[Any] = select(
    *(each for each in WebhookDelivery.__table__.c if each.name not in {"leased_until", "created_at", "updated_at"}),
    Event.at,
    Event.kind,
    Event.object_type,
    Event.object_id,
).join_from(WebhookDelivery, Event, Event.id == WebhookDelivery.event_id)
_SHOWN = [each for each in WebhookEndpoint.__table__.c if each.name not in {"secret", "former_secret", "told_through"}]


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, the ``after`` that goes on behind them, and whether there are more by now."""

    items: Sequence[Row[Any]]
    next_after: int
    more: bool


def last_id(session: Session) -> int:
    """The last id that an event has got; 0: none has."""
    return int(session.execute(_STAND).one().last)


def event_page(session: Session, after: int, kinds: Sequence[str], limit: int) -> EventPage:
    """The events behind ``after``, in their order. An empty page may have more behind it, of other kinds until there.

    Raises ``events_gone`` when some behind ``after`` are deleted by now, ``validation_failed`` for an ``after`` that
    no event has had.
    """
    stand = session.execute(_STAND).one()
    if after > stand.last:
        raise invalid("/query/after", f"The last event has the id {stand.last}.")
    first = stand.last + 1 if stand.first is None else stand.first
    if 0 < after < first - 1:
        kept = f"Events are kept from {first} on: read what you need anew."
        raise Problem("events_gone", kept, facts={"first": first})
    window = session.execute(_WINDOW, {"after": after, "most": LOOKED_AT}).one()
    if not window.looked_at:
        return EventPage([], max(after, first - 1), False)
    asked = {"after": after, "through": window.last, "kinds": list(kinds), "limit": limit + 1, "all_kinds": not kinds}
    rows = session.execute(_EVENTS, asked).all()
    items = rows[:limit]
    last = items[-1].id if len(rows) > limit else window.last
    return EventPage(items, last, len(rows) > limit or window.last < stand.last)


def endpoints(session: Session) -> Sequence[Row[Any]]:
    """All endpoints, the oldest first; their secrets are not read."""
    return session.execute(select(*_SHOWN).order_by(WebhookEndpoint.id)).all()


def get_endpoint(session: Session, endpoint_id: UUID) -> Row[Any]:
    """One endpoint without its secrets. Raises ``webhook_endpoint_not_found``."""
    row = session.execute(select(*_SHOWN).where(WebhookEndpoint.id == endpoint_id)).one_or_none()
    if row is None:
        raise Problem("webhook_endpoint_not_found")
    return row


def secret_of(session: Session, endpoint_id: UUID) -> str:
    """An endpoint's secret, its row locked. Raises ``webhook_endpoint_not_found``."""
    secret = session.execute(
        select(WebhookEndpoint.secret).where(WebhookEndpoint.id == endpoint_id).with_for_update(key_share=True)
    ).scalar_one_or_none()
    if secret is None:
        raise Problem("webhook_endpoint_not_found")
    return secret


def delivery_page(session: Session, endpoint_id: UUID, status: str | None, *, limit: int, cursor: str | None) -> Page:
    """What became of telling an endpoint, the latest event first."""
    mine = _DELIVERIES.where(WebhookDelivery.endpoint_id == endpoint_id)
    if status is not None:
        mine = mine.where(WebhookDelivery.status == status)
    return read_page(session, mine, [WebhookDelivery.event_id], limit=limit, cursor=cursor, descending=True)


def get_delivery(session: Session, endpoint_id: UUID, event_id: int) -> Row[Any]:
    """What became of telling an endpoint of an event. Raises ``event_not_found``: it was not told, or is gone."""
    one = _DELIVERIES.where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.event_id == event_id)
    row = session.execute(one).one_or_none()
    if row is None:
        raise Problem("event_not_found")
    return row
