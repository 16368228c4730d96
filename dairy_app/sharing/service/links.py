"""Making links and revoking them; the admin's side."""

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from dairy_app.accounts.rules.passwords import hash_password
from dairy_app.business.queries import business_settings, today
from dairy_app.common.clock import now
from dairy_app.common.errors import invalid
from dairy_app.customers.queries import active_user, get_area
from dairy_app.sharing import queries
from dairy_app.sharing.models import SharedLink
from dairy_app.sharing.queries import lock_link
from dairy_app.sharing.rules import links as rules
from dairy_app.web.access import Actor, Role

#: 192 random bits: nobody guesses one.
TOKEN_BYTES = 24


def hash_of(token: str) -> bytes:
    """What is stored of a token. Random as it is, it needs no salt."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """A link that is wanted: the round of a delivery boy or of an area, on a date or (None) on every day."""

    expires_in_hours: int
    delivery_boy_id: UUID | None = None
    area_id: UUID | None = None
    date: dt.date | None = None
    shift: str | None = None
    pin: str | None = field(default=None, repr=False)
    name: str | None = None
    #: What requests say besides; the one follows from the date, of the other there is one.
    rolling: bool = True
    kind: str = "round"


def create_link(session: Session, actor: Actor, wanted: NewLink) -> tuple[UUID, str]:
    """A new link; its id and its token, which is shown once.

    Raises validation_failed for a PIN that anybody would try, for
    somebody who delivers nothing, for a date that is past, or that the link would not live to see; area_not_found.
    """
    if wanted.pin is not None and rules.is_weak_pin(wanted.pin):
        raise invalid("/pin", "This PIN is among the first that anybody would try. Choose another.", "weak_pin")
    moment, token = now(), secrets.token_urlsafe(TOKEN_BYTES)
    expires_at = moment + timedelta(hours=wanted.expires_in_hours)
    _refuse_useless_date(session, wanted, expires_at)
    owner = _owner_of_round(session, wanted)
    link = SharedLink(
        token_hash=hash_of(token),
        name=wanted.name or f"Link: {owner}"[:200],
        delivery_boy_id=wanted.delivery_boy_id,
        area_id=wanted.area_id,
        link_date=wanted.date,
        is_rolling=wanted.date is None,
        shift=wanted.shift,
        pin_hash=None if wanted.pin is None else hash_password(wanted.pin),
        expires_at=expires_at,
        created_by=actor.user_id,
        created_at=moment,
    )
    session.add(link)
    session.flush()
    return link.id, token


def revoke_link(session: Session, actor: Actor, link_id: UUID) -> None:
    """End a link at once. Repeating it changes nothing. Raises link_not_found."""
    link = lock_link(session, link_id)
    if link.revoked_at is None:
        link.revoked_at, link.revoked_by = now(), actor.user_id
        session.flush()


def _owner_of_round(session: Session, wanted: NewLink) -> str:
    """The name of the delivery boy or the area whose round it is."""
    if wanted.area_id is not None:
        return get_area(session, wanted.area_id).name
    boy = queries.user_named(session, wanted.delivery_boy_id) if wanted.delivery_boy_id else None
    if boy is None or not active_user(session, boy.id, Role.DELIVERY_BOY):
        raise invalid("/delivery_boy_id", "Must be an active user of role delivery_boy.", "user_not_found")
    return boy.name


def _refuse_useless_date(session: Session, wanted: NewLink, expires_at: datetime) -> None:
    if wanted.date is None:
        return
    first = today(session) - timedelta(days=1)  # what came yesterday may still be confirmed
    last = expires_at.astimezone(ZoneInfo(business_settings(session).time_zone)).date()
    if not first <= wanted.date <= last:
        raise invalid("/date", f"Must be from yesterday, {first}, to the link's last day, {last}.")
