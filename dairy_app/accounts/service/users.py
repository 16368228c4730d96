"""Users, invitations and passwords."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dairy_app.accounts import queries
from dairy_app.accounts.bulk import sessions as bulk
from dairy_app.accounts.models import Invitation, User
from dairy_app.accounts.rules.logins import (
    INVITATION_LIFETIME,
    normalise_email,
    normalise_password,
    refuse_weak_password,
)
from dairy_app.accounts.rules.passwords import hash_password, is_password
from dairy_app.accounts.service import throttle
from dairy_app.accounts.service.login_log import note, warn
from dairy_app.accounts.service.throttle import Caller
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.common.phones import normalise_phone
from dairy_app.database.audit import Attribution, tell
from dairy_app.web.access import Actor, Role


@dataclass(frozen=True, slots=True)
class NewUser:
    """Somebody who shall log in, with an e-mail address, a phone number or both."""

    name: str
    role: str
    email: str | None = None
    phone: str | None = None
    #: What another system called the user.
    legacy_id: str | None = None


@dataclass(frozen=True, slots=True)
class UserChange:
    """What shall be different in a user; what is UNSET stays as it is."""

    name: str | Unset = UNSET
    role: str | Unset = UNSET
    email: str | Unset | None = UNSET
    phone: str | Unset | None = UNSET
    is_active: bool | Unset = UNSET


def create_user(session: Session, wanted: NewUser) -> User:
    """A user who cannot log in before an invitation is accepted.

    E-mail and phone may be written in any usual way. Raises already_exists when any user holds one of them,
    whoever that is; validation_failed when both are missing or one cannot be read.
    """
    user = User(name=wanted.name, role=Role(wanted.role).value, legacy_id=wanted.legacy_id)
    _set_logins(user, {"email": wanted.email, "phone": wanted.phone})
    session.add(user)
    _write(session)
    note(session, "user created", created_user_id=str(user.id), role=user.role)
    return user


def create_admin(session: Session, *, email: str, password: str | None, name: str) -> User:
    """An admin; with ``password`` ready to log in, else to be invited. Raises as ``create_user``."""
    user = create_user(session, NewUser(name, Role.ADMIN, email))
    if password is not None:
        set_password(session, user, password, "/password")
    return user


def invite(session: Session, user: User) -> str:
    """A token that lets the user set a password once, within seven days; older invitations end.

    The only copy: the database keeps a hash. Raises illegal_transition for a deactivated user.
    """
    user = queries.lock_user(session, user.id)
    if not user.is_active:
        raise Problem("illegal_transition", "The login is deactivated; activate it first.")
    _end_invitations(session, user.id)
    token = secrets.token_urlsafe(32)
    session.add(Invitation(user_id=user.id, token_hash=_digest(token), expires_at=now() + INVITATION_LIFETIME))
    session.flush()
    note(session, "user invited", invited_user_id=str(user.id))
    return token


def accept_invitation(session: Session, token: str, password: str, caller: Caller) -> UUID | Problem:
    """Set the password an invitation allows; the user's id. Everything that was logged in before ends.

    Returned, because the try is recorded: not_found. Raises link_revoked (used, or replaced by a newer one),
    link_expired, user_inactive, rate_limited, and validation_failed for a weak password, which does not
    use the invitation up.
    """
    digest = _digest(token)
    attempt = throttle.begin(session, "invitation", digest.hex(), caller)
    invitation = queries.invitation_by_hash(session, digest)
    if invitation is None:
        throttle.failed(session, attempt)
        return Problem("not_found", "There is no such invitation.")
    user = queries.lock_user(session, invitation.user_id)
    invitation = queries.invitation_by_hash(session, digest)  # again: another accept may have been first
    if invitation is None or invitation.used_at is not None:
        raise Problem("link_revoked", "The invitation was used, or replaced by a newer one.")
    if invitation.expires_at <= now():
        raise Problem("link_expired", "The invitation has expired; ask for a new one.")
    if not user.is_active:
        raise Problem("user_inactive")
    tell(session, Attribution(actor_user_id=user.id, actor_role=user.role))
    set_password(session, user, password, "/password")
    note(session, "invitation accepted", accepting_user_id=str(user.id))
    return user.id


def change_password(session: Session, actor: Actor, current: str, new: str, caller: Caller) -> Problem | None:
    """Set a new password and end all tokens, this request's included.

    Returned, because the try is recorded: bad_credentials. Raises validation_failed (also for the password that
    it is already), rate_limited.
    """
    attempt = throttle.begin(session, "password", str(actor.user_id), caller)
    user = queries.lock_user(session, actor.user_id)
    if not is_password(current, user.password_hash):
        throttle.failed(session, attempt)
        warn(session, "password change refused", user_id=str(user.id))
        return Problem("bad_credentials", "The current password is wrong.")
    if normalise_password(new) == normalise_password(current):
        raise invalid("/new_password", "This is the current password. Choose another.", "unchanged")
    set_password(session, user, new, "/new_password")
    throttle.succeeded(session, attempt)
    note(session, "password changed", user_id=str(user.id))
    return None


def lock_user(session: Session, user_id: UUID) -> User:
    """The user, held together with all active admins: the last of them must stay. Raises ``user_not_found``."""
    queries.lock_admins_and(session, user_id)
    return queries.lock_user(session, user_id)


def change_user(session: Session, user_id: UUID, asked: UserChange) -> User:
    """Change name, e-mail, phone, role or ``is_active``. Deactivation ends tokens and invitations at once.

    Raises user_not_found, already_exists, validation_failed; illegal_transition for the last admin who can
    log in, and for another role of a login that belongs to a customer.
    """
    user = lock_user(session, user_id)
    changes = sent(asked)
    role, active = changes.get("role", user.role), changes.get("is_active", user.is_active)
    _refuse_locking_everybody_out(session, user, role, active)
    if role != Role.CUSTOMER and role != user.role and queries.linked_customer_id(session, user.id):
        raise Problem("illegal_transition", "This login belongs to a customer and keeps the role customer.")
    if user.is_active and not active:
        end_sessions(session, user)
        _end_invitations(session, user.id)
    _set_logins(user, changes)
    user.name = changes.get("name", user.name)
    user.role, user.is_active = Role(role).value, active
    _write(session)
    note(session, "user changed", changed_user_id=str(user.id), fields=sorted(changes))
    return user


def _refuse_locking_everybody_out(session: Session, user: User, role: str, active: bool) -> None:
    is_admin = user.role == Role.ADMIN and user.is_active
    stays_admin = role == Role.ADMIN and active
    if is_admin and not stays_admin and not queries.other_admin_exists(session, user.id):
        raise Problem("illegal_transition", "At least one active admin must remain.")


def end_sessions(session: Session, user: User) -> None:
    """Every access and refresh token of the user is void from the end of this transaction on."""
    user.token_version += 1
    bulk.revoke_tokens_of_user(session, user.id, now())


def _end_invitations(session: Session, user_id: UUID) -> None:
    bulk.end_invitations(session, user_id, now())


def set_password(session: Session, user: User, password: str, pointer: str) -> None:
    """A new password ends every session and every invitation: whoever had the old one is out."""
    try:
        refuse_weak_password(password, [login for login in (user.email, user.phone) if login])
    except ValueError as error:
        raise invalid(pointer, str(error), "weak_password") from None
    user.password_hash = hash_password(password)
    end_sessions(session, user)
    _end_invitations(session, user.id)
    session.flush()


def _set_logins(user: User, given: dict[str, Any]) -> None:
    for field, normalise in (("email", normalise_email), ("phone", normalise_phone)):
        if field in given:
            setattr(user, field, _normalised(field, normalise, given[field]))
    if user.email is None and user.phone is None:
        raise invalid("/email", "An e-mail address or a phone number is needed to log in.", "required")


def _normalised(field: str, normalise: Any, written: str | None) -> str | None:
    try:
        return None if written is None else str(normalise(written))
    except ValueError as error:
        raise invalid(f"/{field}", f"{error}.") from None


def _write(session: Session) -> None:
    """Flush a user, with words for the two keys a person can collide with."""
    words = {"uq_users_email": "e-mail address", "uq_users_phone": "phone number"}
    try:
        session.flush()
    except IntegrityError as error:
        name = error.orig.diag.constraint_name  # type: ignore[union-attr]
        if name in words:
            raise Problem("already_exists", f"Another login has this {words[name]}.") from None
        raise


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
