"""Ending tokens, invitations and failed tries, each in one statement."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dairy_app.accounts.models import Invitation, LoginAttempt, RefreshToken


def revoke_tokens_of_user(session: Session, user_id: UUID, at: datetime) -> None:
    """Every refresh token of a user is void."""
    open_ones = (RefreshToken.user_id == user_id, RefreshToken.revoked_at.is_(None))
    session.execute(update(RefreshToken).where(*open_ones).values(revoked_at=at))


def revoke_family(session: Session, family: UUID, at: datetime) -> None:
    """Every refresh token of one session is void."""
    open_ones = (RefreshToken.family == family, RefreshToken.revoked_at.is_(None))
    session.execute(update(RefreshToken).where(*open_ones).values(revoked_at=at))


def delete_rotated(session: Session, family: UUID, before: datetime) -> None:
    """Forget the tokens of a session that were used up before an instant."""
    session.execute(delete(RefreshToken).where(RefreshToken.family == family, RefreshToken.rotated_at < before))


def delete_expired(session: Session, user_id: UUID, at: datetime) -> None:
    """Forget the tokens of a user that have expired by then."""
    session.execute(delete(RefreshToken).where(RefreshToken.user_id == user_id, RefreshToken.expires_at <= at))


def end_invitations(session: Session, user_id: UUID, at: datetime) -> None:
    """No open invitation of a user can be accepted any more."""
    open_ones = (Invitation.user_id == user_id, Invitation.used_at.is_(None))
    session.execute(update(Invitation).where(*open_ones).values(used_at=at))


def sweep_attempts(session: Session, before: datetime, most: int) -> None:
    """Forget those of the ``most`` oldest failed tries that were before an instant; what others sweep is left."""
    oldest = select(LoginAttempt.id, LoginAttempt.at).order_by(LoginAttempt.id).limit(most)
    chosen = oldest.with_for_update(skip_locked=True).subquery()
    outdated = select(chosen.c.id).where(chosen.c.at <= before)
    session.execute(delete(LoginAttempt).where(LoginAttempt.id.in_(outdated)))


def forget_attempts(session: Session, key: bytes, network: str) -> None:
    """Forget the failed tries at one login from one network."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.login_hash == key, LoginAttempt.ip_address == network))


def forget_tries_at(session: Session, key: bytes) -> None:
    """Forget the failed tries at one thing, from wherever they came."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.login_hash == key))
