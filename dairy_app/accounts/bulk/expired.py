"""What is kept for a while only: logins that ended, tries that failed, answers to repeated requests."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, or_
from sqlalchemy.orm import Session
from sqlalchemy.sql import Delete

from dairy_app.accounts.models import Invitation, LoginAttempt, PasswordReset, RefreshToken
from dairy_app.common.clock import now
from dairy_app.web.idempotency import IdempotencyKey


def purge(session: Session, before: datetime) -> dict[str, int]:
    """Delete what ended ``before`` an instant; table → rows. One statement a table; repeating it does no harm.

    Refresh tokens and invitations go when they were over by then, so nobody is logged out. With its key a request
    loses the memory of its answer: sent again, it would be done again. So ``before`` lies further back than any
    client repeats itself. Raises ValueError for an instant that has not passed.
    """
    if before > now():
        raise ValueError("what has not ended yet is not purged")
    ended: tuple[Delete, ...] = (
        delete(IdempotencyKey).where(IdempotencyKey.created_at < before),
        delete(LoginAttempt).where(LoginAttempt.at < before),
        delete(RefreshToken).where(RefreshToken.expires_at < before),
        delete(PasswordReset).where(PasswordReset.expires_at < before),
        delete(Invitation).where(or_(Invitation.expires_at < before, Invitation.used_at < before)),
    )
    return {each.entity_description["table"].name: _rows(session, each) for each in ended}


def _rows(session: Session, statement: Delete) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast(CursorResult[Any], result).rowcount
