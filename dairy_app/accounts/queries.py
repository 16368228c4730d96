"""Every SELECT on users, invitations, refresh tokens and failed logins."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ScalarSelect,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    table,
    union_all,
)
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Session

from dairy_app.accounts.models import Invitation, LoginAttempt, PasswordReset, RefreshToken, User
from dairy_app.common.errors import Problem
from dairy_app.database.audit import Attribution, facts, told
from dairy_app.database.statements import Found, Statement
from dairy_app.web.access import Role

#: A higher package's table, by name: which customer a login belongs to.
_customers = table("customers", column("id", Uuid()), column("user_id", Uuid()), column("language", Text()))


def _linked_customer() -> ScalarSelect[UUID]:
    return select(_customers.c.id).where(_customers.c.user_id == User.id).scalar_subquery()


def people() -> Select[*tuple[Any, ...]]:
    """Users as clients see them: no hash leaves the table."""
    return select(
        User.id,
        User.name,
        User.role,
        User.email,
        User.phone,
        User.is_active,
        User.password_hash.is_not(None).label("has_password"),
        User.last_login_at,
        User.created_at,
        User.updated_at,
        User.token_version,
        _linked_customer().label("customer_v2_id"),
    )


def people_like(role: str | None, is_active: bool | None) -> Select[*tuple[Any, ...]]:
    """``people`` of one role, or (in)active ones; None is any."""
    wanted = people()
    if role is not None:
        wanted = wanted.where(User.role == role)
    if is_active is not None:
        wanted = wanted.where(User.is_active == is_active)
    return wanted


_PERSON = Statement(people().where(User.id == bindparam("user_id")))


def person(session: Session, user_id: UUID) -> Found:
    """One user as clients see it. Raises user_not_found."""
    found = _PERSON.execute(session, {"user_id": user_id})
    if not found:
        raise Problem("user_not_found")
    return found[0]


_STATE = select(
    User.name,
    User.role,
    User.is_active,
    User.token_version,
    _linked_customer().label("customer_id"),
    exists()
    .where(RefreshToken.family == bindparam("family"), RefreshToken.revoked_at.is_(None))
    .label("session_alive"),
).where(User.id == bindparam("user_id"))
_LOGIN_STATE = Statement(_STATE)
_LOGIN_STATE_TELLING = Statement(_STATE.add_columns(told(actor_role=User.role)))


def login_state(session: Session, user_id: UUID, family: UUID, who: Attribution | None) -> Found | None:
    """What the database says now about the bearer of an access token: one statement per request.

    The same statement says ``who`` acts, for the audit log.
    """
    named = {"user_id": user_id, "family": family}
    if who is None:
        return next(iter(_LOGIN_STATE.execute(session, named)), None)
    return next(iter(_LOGIN_STATE_TELLING.execute(session, named | facts(who))), None)


def lock_user(session: Session, user_id: UUID) -> User:
    """The user, locked: the mutex of its password, sessions and invitations. Raises user_not_found."""
    user = session.scalars(_locked(select(User).where(User.id == user_id))).one_or_none()
    if user is None:
        raise Problem("user_not_found")
    return user


def lock_user_by_login(session: Session, *, email: str | None, phone: str | None) -> User | None:
    """The user who logs in with this e-mail or phone, locked."""
    wanted = User.email == email if email is not None else User.phone == phone
    return session.scalars(_locked(select(User).where(wanted))).one_or_none()


def lock_admins_and(session: Session, user_id: UUID) -> None:
    """Lock a user and all active admins, ids ascending, before judging whether an admin is left."""
    admins = (User.role == Role.ADMIN) & User.is_active
    session.scalars(_locked(select(User).where(admins | (User.id == user_id)).order_by(User.id))).all()


def other_admin_exists(session: Session, user_id: UUID) -> bool:
    """Whether somebody else could still log in as admin."""
    others = exists().where(
        User.role == Role.ADMIN, User.is_active, User.password_hash.is_not(None), User.id != user_id
    )
    return bool(session.scalar(select(others)))


def _locked(statement: Select[User]) -> Select[User]:
    """NO KEY UPDATE: rows elsewhere may still refer to the user meanwhile."""
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)


def linked_customer_id(session: Session, user_id: UUID) -> UUID | None:
    """The customer whose login this is."""
    return session.scalar(select(_customers.c.id).where(_customers.c.user_id == user_id))


def invitation_by_hash(session: Session, token_hash: bytes) -> Invitation | None:
    """An invitation as the database has it now."""
    statement = select(Invitation).where(Invitation.token_hash == token_hash)
    return session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def refresh_token(session: Session, token_id: UUID) -> RefreshToken | None:
    """One refresh token. Read it after ``lock_user``."""
    return session.get(RefreshToken, token_id, populate_existing=True)


def deciding_try(
    session: Session, kind: str, key: bytes, network: str, known: bool, since: datetime, limits: tuple[int, int]
) -> datetime | None:
    """When the oldest of the failed tries was made that exhaust a limit; None while the caller may try.

    Counted are the tries at ``key`` (from this network only, when it is ``known``), and those of the kind from this
    network. Of the two ``limits`` the one that lasts longer.
    """
    per_login, per_address = limits
    at_key = [LoginAttempt.login_hash == literal(key), *([LoginAttempt.ip_address == network] if known else [])]
    by_login = _nth_newest(at_key, since, per_login)
    by_address = _nth_newest([LoginAttempt.ip_address == network, LoginAttempt.kind == kind], since, per_address)
    both = union_all(select(by_login.c.at), select(by_address.c.at)).subquery()
    found: datetime | None = session.scalar(select(func.max(both.c.at)))
    return found


def was_here(session: Session, *, email: str | None, phone: str | None, network: str) -> bool:
    """Whether this login has a session, open or ended, that was last used from the network."""
    mine = User.email == email if email is not None else User.phone == phone
    there = RefreshToken.ip_address.op("<<=", is_comparison=True)(cast(network, INET))
    return bool(session.scalar(select(exists().where(mine, RefreshToken.user_id == User.id, there))))


def an_old_hash(session: Session) -> str | None:
    """A bcrypt hash of somebody whose login was taken over and who is in the future; None when none is left."""
    return session.scalar(select(User.password_hash).where(func.left(User.password_hash, 2) == "$2").limit(1))


def _nth_newest(conditions: list[Any], since: datetime, n: int) -> Any:
    chosen = select(LoginAttempt.at).where(*conditions, LoginAttempt.at > since)
    return chosen.order_by(LoginAttempt.at.desc()).offset(n - 1).limit(1).subquery()


def count_tries(session: Session, key: bytes, since: datetime) -> int:
    """How many tries at one thing failed since an instant, from wherever they came."""
    wanted = select(func.count()).where(LoginAttempt.login_hash == key, LoginAttempt.at > since)
    return session.scalar(wanted) or 0


def password_reset(session: Session, user_id: UUID) -> PasswordReset | None:
    """The latest code of a login. Read it after its user is locked."""
    wanted = select(PasswordReset).where(PasswordReset.user_id == user_id)
    return session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()


def language_of_login(session: Session, user_id: UUID) -> str | None:
    """The language of the customer whose login it is."""
    return session.scalar(select(_customers.c.language).where(_customers.c.user_id == user_id))


def is_my_turn(session: Session, key: bytes) -> bool:
    """Whether nobody else tries the same at this moment; then nobody does until the transaction ends."""
    number = int.from_bytes(key[:8], "big", signed=True)
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(number))))
