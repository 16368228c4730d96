"""Codes for who forgot the password: each is one statement, which changes nothing for a login that is not there."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.accounts.rules.resets import CODES_PER_DAY, DAY, MOST_WRONG_CODES, RESET_LIFETIME

# The code takes the place of the one before. After the codes of a day it stays as it is.
_PUT = text("""
INSERT INTO password_resets AS r (user_id, code_hash, asked_at, expires_at, day_began_at)
SELECT u.id, :code_hash, :at, :expires_at, :at FROM users u WHERE u.id = :user_id AND u.is_active
ON CONFLICT (user_id) DO UPDATE SET code_hash = excluded.code_hash, asked_at = excluded.asked_at,
    expires_at = excluded.expires_at, wrong_codes = 0, used_at = NULL, updated_at = now(),
    day_began_at = CASE WHEN r.day_began_at <= :day_before OR r.day_began_at > :at THEN :at ELSE r.day_began_at END,
    codes_of_day = CASE WHEN r.day_began_at <= :day_before OR r.day_began_at > :at THEN 1 ELSE r.codes_of_day + 1 END
WHERE r.codes_of_day < :most OR r.day_began_at <= :day_before
RETURNING user_id""")


def put_code(session: Session, user_id: UUID, code_hash: bytes, at: datetime) -> bool:
    """The code that an active login has from now on; False when it gets none: unknown, inactive, too many today."""
    given = {"user_id": user_id, "code_hash": code_hash, "at": at, "expires_at": at + RESET_LIFETIME}
    limits = {"day_before": at - DAY, "most": CODES_PER_DAY}
    return session.execute(_PUT, given | limits).one_or_none() is not None


# What a sender has in hand just now goes its way; its code is dead.
_WITHDRAW = text("""
UPDATE outbox_messages SET status = 'withdrawn', last_error = :why, updated_at = :at
WHERE user_id = :user_id AND kind = 'login_code' AND status = 'queued'
    AND (leased_until IS NULL OR leased_until <= :at)""")


def withdraw_codes(session: Session, user_id: UUID, at: datetime, why: str) -> None:
    """No message with an earlier code is sent any more."""
    session.execute(_WITHDRAW, {"user_id": user_id, "at": at, "why": why})


_COUNT = text("""
UPDATE password_resets SET wrong_codes = wrong_codes + 1, updated_at = now()
WHERE user_id = :user_id AND used_at IS NULL AND wrong_codes < :most""")


def count_wrong_code(session: Session, user_id: UUID) -> None:
    """One more wrong try at the code of a login."""
    session.execute(_COUNT, {"user_id": user_id, "most": MOST_WRONG_CODES})


_USE = text("UPDATE password_resets SET used_at = :at, updated_at = now() WHERE user_id = :user_id")


def use_code(session: Session, user_id: UUID, at: datetime) -> None:
    """The code of a login has done its work."""
    session.execute(_USE, {"user_id": user_id, "at": at})
