"""Logging in, staying logged in, logging out.

One login is one family of refresh tokens, of which only the newest is valid. Using an older one means that
two hold the family, one of them perhaps a thief: the whole family ends. The user row is locked first, so
that rotation, logout, deactivation and a new password of one user follow one another.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from dairy_app.accounts import queries
from dairy_app.accounts.bulk import sessions as bulk
from dairy_app.accounts.models import RefreshToken, User
from dairy_app.accounts.rules.logins import REFRESH_LIFETIME, ROTATION_GRACE, network_of, normalise_email
from dairy_app.accounts.rules.passwords import hash_password, is_outdated, is_password
from dairy_app.accounts.service import throttle
from dairy_app.accounts.service.login_log import note, warn
from dairy_app.accounts.service.throttle import Caller
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.common.phones import normalise_phone
from dairy_app.database.audit import Attribution, tell
from dairy_app.web.access import Role

USER_AGENT_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Grant:
    """What a new pair of tokens is made of."""

    user_id: UUID
    version: int
    family: UUID
    refresh_id: UUID


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a signed refresh token says."""

    user_id: UUID
    version: int
    family: UUID
    refresh_id: UUID


def log_in(session: Session, *, email: str | None, phone: str | None, password: str, caller: Caller) -> Grant | Problem:
    """Check a password and begin a session.

    Returned, because the try is recorded: bad_credentials, the same for a wrong password, an unknown login
    and one that never accepted its invitation, after the same work. Raises rate_limited, and user_inactive
    to who knows the password.
    """
    email, phone = readable(email, phone)
    network = network_of(caller.address)
    known = caller.address is not None and queries.was_here(session, email=email, phone=phone, network=network)
    attempt = throttle.begin(session, "login", email or phone or "", caller, known=known)
    user = queries.lock_user_by_login(session, email=email, phone=phone)
    stored = user.password_hash if user else None
    if not is_password(password, stored, decoy=queries.an_old_hash(session)) or user is None:
        throttle.failed(session, attempt)
        warn(session, "login refused", login_user_id=str(user.id) if user else None, ip=caller.address)
        return Problem("bad_credentials")
    if not user.is_active:
        raise Problem("user_inactive")
    throttle.succeeded(session, attempt)
    if user.password_hash is not None and is_outdated(user.password_hash):
        tell(session, Attribution(actor_user_id=user.id, actor_role=user.role))
        user.password_hash = hash_password(password)
    user.last_login_at = now()
    _forget_expired(session, user)
    note(session, "logged in", login_user_id=str(user.id), ip=caller.address)
    return _grant(session, user, uuid4(), caller)


def enter(session: Session, user_id: UUID, version: int, caller: Caller) -> Grant:
    """Begin a session for who has a customer's link, which was made for this version of the login.

    Raises link_revoked when the customer's sessions were ended since, or it is no customer's login any more,
    user_inactive.
    """
    try:
        user = _bearer(session, user_id, version)
    except Problem as problem:
        raise (Problem("link_revoked") if problem.code == "token_revoked" else problem) from None
    if user.role != Role.CUSTOMER:
        raise Problem("link_revoked")
    user.last_login_at = now()
    _forget_expired(session, user)
    note(session, "entered by link", login_user_id=str(user.id), ip=caller.address)
    return _grant(session, user, uuid4(), caller)


def refresh(session: Session, claims: RefreshClaims, caller: Caller) -> Grant | Problem:
    """A new pair of tokens for a refresh token, which is used up by it.

    Returned, because the family ends with it: token_revoked when the token was used before, except for one
    repeat within 30 seconds. Raises token_revoked for what ended earlier, user_inactive.
    """
    user = _bearer(session, claims.user_id, claims.version)
    token = queries.refresh_token(session, claims.refresh_id)
    if token is not None and token.revoked_at is not None:
        raise Problem("token_revoked")
    moment = now()
    if token is None or not _may_be_used(token, moment):
        _revoke_family(session, claims.family)
        warn(session, "refresh token reused, session ended", login_user_id=str(user.id), ip=caller.address)
        return Problem("token_revoked", "This token was used before; log in again.")
    if token.rotated_at is None:
        token.rotated_at = moment
    else:
        token.reused_at = moment
    _forget_rotated(session, claims.family, moment)
    return _grant(session, user, claims.family, caller)


def log_out(session: Session, user_id: UUID, family: UUID) -> None:
    """End one session: its access and refresh tokens are void. Repeating it changes nothing."""
    queries.lock_user(session, user_id)
    _revoke_family(session, family)
    note(session, "logged out", login_user_id=str(user_id))


def readable(email: str | None, phone: str | None) -> tuple[str | None, str | None]:
    """A login in its one form; what cannot be one is looked up as it stands, and not found."""
    try:
        if email is not None:
            return normalise_email(email), None
        return None, normalise_phone(phone or "")
    except ValueError:
        return email, phone


def _bearer(session: Session, user_id: UUID, version: int) -> User:
    try:
        user = queries.lock_user(session, user_id)
    except Problem:
        raise Problem("token_revoked") from None
    if not user.is_active:
        raise Problem("user_inactive")
    if user.token_version != version:
        raise Problem("token_revoked")
    return user


def _may_be_used(token: RefreshToken, moment: datetime) -> bool:
    if token.rotated_at is None:
        return True
    return token.reused_at is None and moment <= token.rotated_at + ROTATION_GRACE


def _grant(session: Session, user: User, family: UUID, caller: Caller) -> Grant:
    token = RefreshToken(
        user_id=user.id,
        family=family,
        expires_at=now() + REFRESH_LIFETIME,
        ip_address=caller.address,
        user_agent=(caller.user_agent or "")[:USER_AGENT_LENGTH] or None,
    )
    session.add(token)
    session.flush()
    return Grant(user.id, user.token_version, family, token.id)


def _revoke_family(session: Session, family: UUID) -> None:
    bulk.revoke_family(session, family, now())


def _forget_rotated(session: Session, family: UUID, moment: datetime) -> None:
    """A used-up token needs no row: a signed token without one is known to be used."""
    bulk.delete_rotated(session, family, moment - ROTATION_GRACE)


def _forget_expired(session: Session, user: User) -> None:
    bulk.delete_expired(session, user.id, now())
