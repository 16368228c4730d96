"""A new password for who forgot it: a code by the way that belongs to the login, and the password for the code.

Nobody learns here which logins there are. A request for a login that is unknown or deactivated gets the same answer, by
the same number of statements; so does a wrong code for it, up to the fifth, which ends the tries of every login alike.
The code is in one place only: in a secret message of the outbox, which nobody is shown and which is forgotten when it
was sent. What is stored of it tells nothing without the secret of the program.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from dairy_app.accounts import queries
from dairy_app.accounts.bulk import resets as bulk
from dairy_app.accounts.bulk import sessions as bulk_sessions
from dairy_app.accounts.models import PasswordReset, User
from dairy_app.accounts.rules.logins import THROTTLE_WINDOW, network_of
from dairy_app.accounts.rules.resets import (
    MOST_WRONG_CODES,
    NOBODY,
    REQUESTS_PER_ADDRESS,
    REQUESTS_PER_LOGIN,
    RESET_LIFETIME,
    hash_of_code,
    new_code,
    shown_code,
    typed_code,
)
from dairy_app.accounts.service import throttle
from dairy_app.accounts.service.login_log import note, warn
from dairy_app.accounts.service.sessions import readable
from dairy_app.accounts.service.throttle import Caller
from dairy_app.accounts.service.users import set_password
from dairy_app.business.queries import business_settings
from dairy_app.common.clock import now
from dairy_app.common.errors import FieldError, Problem
from dairy_app.common.words import Words, choose_of
from dairy_app.database.audit import Attribution, tell
from dairy_app.outbox.bulk import Letter, queue

#: What a new code does to messages with an earlier one.
_REPLACED = "a newer code was asked for"


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A login, the code that was sent to it, and the password that it shall have."""

    login: str
    code: str = field(repr=False)
    password: str = field(repr=False)


def ask_for_reset(
    session: Session, login: str, caller: Caller, *, secret: str, catalogues: Mapping[str, Words]
) -> None:
    """Send a code to a login, if it is one that may log in; the earlier code is dead then.

    Whoever asks learns nothing from it. Raises rate_limited, for known and unknown logins alike.
    """
    email, phone = _parts(login)
    known = caller.address is not None and queries.was_here(
        session, email=email, phone=phone, network=network_of(caller.address)
    )
    limits = REQUESTS_PER_LOGIN, REQUESTS_PER_ADDRESS
    tried = email or phone or ""
    attempt = throttle.begin(session, "reset_request", tried, caller, known=known, limits=limits)
    throttle.failed(session, attempt)  # each request counts, what comes of it or not
    bulk_sessions.forget_tries_at(session, throttle.key_of("reset", tried))
    user = queries.lock_user_by_login(session, email=email, phone=phone)
    user_id, at, code = user.id if user is not None else NOBODY, now(), new_code()
    is_made = bulk.put_code(session, user_id, hash_of_code(secret, user_id, code), at)
    bulk.withdraw_codes(session, user_id, at, _REPLACED)
    settings = business_settings(session)
    t = choose_of(catalogues, queries.language_of_login(session, user_id), settings.language)
    dairy = settings.business_name or t("the_dairy")
    queue(session, _letters(user, code, dairy, t) if is_made and user is not None else [])
    if is_made:
        note(session, "password code asked for", login_user_id=str(user_id), ip=caller.address)


def reset_password(session: Session, wanted: NewPassword, caller: Caller, *, secret: str) -> Problem | None:
    """Set a new password for a code. Every session of the login ends, and so do invitations and links to its pages.

    Returned, because the try is recorded: reset_code_invalid (wrong, used, expired, or no such login),
    too_many_attempts (after five of these; a new code can be asked for). Raises validation_failed for a weak
    password, which does not use the code up, and rate_limited.
    """
    email, phone = _parts(wanted.login)
    tried = email or phone or ""
    attempt = throttle.begin(session, "reset", tried, caller)
    wrong = queries.count_tries(session, attempt.key, now() - THROTTLE_WINDOW)
    user = queries.lock_user_by_login(session, email=email, phone=phone)
    user_id = user.id if user is not None and user.is_active else NOBODY
    found = queries.password_reset(session, user_id)
    shown = hash_of_code(secret, user_id, typed_code(wanted.code))
    is_right = hmac.compare_digest(shown, bytes(found.code_hash) if found else bytes(len(shown)))
    if wrong >= MOST_WRONG_CODES:
        return Problem("too_many_attempts")
    if user is None or found is None or not is_right or not _is_good(found):
        throttle.failed(session, attempt)
        bulk.count_wrong_code(session, user_id)
        warn(session, "password code refused", login_user_id=str(user.id) if user else None, ip=caller.address)
        detail = "The code is wrong, was used, or is over."
        return Problem("reset_code_invalid", detail, [FieldError("/code", "reset_code_invalid", detail)])
    tell(session, Attribution(actor_user_id=user.id, actor_role=user.role))
    set_password(session, user, wanted.password, "/password")
    bulk.use_code(session, user.id, now())
    bulk.withdraw_codes(session, user.id, now(), "the password was set")
    throttle.succeeded(session, attempt)
    for login in filter(None, (user.email, user.phone)):  # who forgot it has tried some
        throttle.forgive(session, "login", login, caller)
    note(session, "password set by code", login_user_id=str(user.id), ip=caller.address)
    return None


def _is_good(code: PasswordReset) -> bool:
    """Five wrong ones end it, also when they were tried by the other name of its login, which nobody learns of."""
    return code.used_at is None and code.expires_at > now() and code.wrong_codes < MOST_WRONG_CODES


def _parts(login: str) -> tuple[str | None, str | None]:
    """E-mail address or telephone number, in its one form."""
    login = login.strip()
    return readable(login, None) if "@" in login else readable(None, login)


def _letters(user: User, code: str, dairy: str, t: Words) -> list[Letter]:
    """The code, by every way that belongs to the login: who asks knows one of them, and may have lost it."""
    at, body = now(), t("message", dairy=dairy, code=shown_code(code))
    ways = (("email", user.email, t("subject", dairy=dairy)[:200]), ("sms", user.phone, None))
    return [
        Letter(
            kind="login_code",
            channel=channel,
            recipient=recipient,
            language=t.code,
            subject=subject,
            body=body,
            user_id=user.id,
            not_before=at,
            expires_at=at + RESET_LIFETIME,
            secret=True,
        )
        for channel, recipient, subject in ways
        if recipient is not None
    ]
