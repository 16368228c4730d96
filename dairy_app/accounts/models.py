"""Users and what lets them in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from dairy_app.accounts.rules.resets import CODES_PER_DAY, MOST_WRONG_CODES
from dairy_app.common.emails import EMAIL_FORMAT
from dairy_app.common.phones import PHONE_FORMAT
from dairy_app.database.models import (
    Base,
    Identified,
    Imported,
    check,
    one_of,
    references,
    unique,
)
from dairy_app.web.access import Role


class User(Imported, Base):
    """One person who can log in. No password hash: invited, not yet arrived."""

    __tablename__ = "users"
    __table_args__ = (
        check("email_or_phone", "email IS NOT NULL OR phone IS NOT NULL"),
        check("email_format", f"email ~ '{EMAIL_FORMAT}' AND length(email) <= 254"),
        check("email_lower_case", "email = lower(email)"),
        check("phone_format", f"phone ~ '{PHONE_FORMAT}'"),
        check("name_length", "length(name) BETWEEN 1 AND 200"),
        one_of("role", [role.value for role in Role]),
        Index("ix_users_role", "role", "id"),
        Index("ix_users_inactive", "id", postgresql_where=text("NOT is_active")),
        Index("ix_users_old_hash", "id", postgresql_where=text("\"left\"(password_hash, 2) = '$2'")),
    )

    name: Mapped[str]
    email: Mapped[str | None] = mapped_column(unique=True)
    phone: Mapped[str | None] = mapped_column(unique=True)
    #: argon2; bcrypt for logins imported from the earlier system, re-hashed at the next login.
    password_hash: Mapped[str | None]
    role: Mapped[str]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    #: Raised by deactivation and password change; tokens carry it, so older ones die at once.
    token_version: Mapped[int] = mapped_column(server_default=text("0"))
    last_login_at: Mapped[datetime | None]


class Invitation(Identified, Base):
    """A link that lets its user set a password once. Only the token's hash is stored."""

    __tablename__ = "invitations"
    __table_args__ = (
        references("user_id", "users.id", "user_not_found", ondelete="CASCADE"),
        unique("token_hash"),
        Index(None, "user_id"),
    )

    user_id: Mapped[UUID]
    token_hash: Mapped[bytes]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RefreshToken(Identified, Base):
    """One refresh token; ``id`` is its ``jti``. Rotation makes a new row of the same family."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        references("user_id", "users.id", "user_not_found", ondelete="CASCADE"),
        Index(None, "user_id"),
        Index(None, "family"),
    )

    user_id: Mapped[UUID]
    family: Mapped[UUID]
    expires_at: Mapped[datetime]
    rotated_at: Mapped[datetime | None]
    #: Answers get lost on bad networks: the token just rotated is accepted once more.
    reused_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    ip_address: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str | None]


class PasswordReset(Identified, Base):
    """The latest code with which a login that forgot its password gets a new one: there is at most one that is good."""

    __tablename__ = "password_resets"
    __table_args__ = (
        references("user_id", "users.id", "user_not_found", ondelete="CASCADE"),
        unique("user_id"),
        check("code_is_hashed", "octet_length(code_hash) = 32"),
        check(
            "expires_in_minutes",
            "isfinite(asked_at) AND expires_at > asked_at AND expires_at <= asked_at + interval '15 minutes'",
        ),
        check("wrong_codes_range", f"wrong_codes BETWEEN 0 AND {MOST_WRONG_CODES}"),
        check(
            "used_while_good",
            f"used_at IS NULL OR used_at >= asked_at AND used_at < expires_at AND wrong_codes < {MOST_WRONG_CODES}",
        ),
        check("codes_of_day_range", f"codes_of_day BETWEEN 1 AND {CODES_PER_DAY}"),
        Index(None, "expires_at"),
    )

    user_id: Mapped[UUID]
    #: HMAC of login and code with the secret of the program: with the table alone no code is found.
    code_hash: Mapped[bytes]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    #: With the fifth the code is dead.
    wrong_codes: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    used_at: Mapped[datetime | None]
    #: Since when the codes of a day are counted.
    day_began_at: Mapped[datetime]
    #: How many were sent since then; after ten nothing is sent until a day is over.
    codes_of_day: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))


#: What is tried; each kind is counted for itself.
TRIED = ("login", "password", "invitation", "shared_link", "reset_request", "reset")


class LoginAttempt(Base):
    """One failed try at a login, a link or the like, by what was tried (hashed) and the address; for throttling."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        one_of("kind", TRIED),
        Index(None, "login_hash", "at"),
        Index(None, "ip_address", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    login_hash: Mapped[bytes]
    ip_address: Mapped[str] = mapped_column(INET)
    kind: Mapped[str] = mapped_column(server_default=text("'login'"))
