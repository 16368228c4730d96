"""Signed tokens (JWT, RFC 7519, HS256) and who stands behind one.

An access token lives 15 minutes, a refresh token 30 days, the session of a browser twelve hours from its last use and
30 days at most (its token is in a cookie, and opens pages only). Claims: ``sub`` (user), ``role``,
``customer_v2_id`` (the linked customer; the name clients of the earlier system read), ``ver`` (the user's
token version), ``sid`` (the login it came from). What a token says about role and customer is for clients
only: the application reads both from the database.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn
from uuid import UUID

import jwt
from flask import current_app, request
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token
from jwt import ExpiredSignatureError, PyJWTError
from sqlalchemy.orm import Session

from dairy_app.accounts import queries
from dairy_app.accounts.rules import passwords
from dairy_app.accounts.rules.logins import (
    ACCESS_LIFETIME,
    CLOCK_DIFFERENCE,
    PAGE_LIFETIME,
    PAGE_RENEWAL,
    REFRESH_LIFETIME,
)
from dairy_app.accounts.service.sessions import Grant, RefreshClaims
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.web.access import Actor, Policy, Role
from dairy_app.web.http import DairyFlask, attribution, writes

ALGORITHM = "HS256"
PAGE_COOKIE = "dairy_session"
#: RFC 6750, section 3: what a 401 says besides the problem document.
ASK = {"WWW-Authenticate": "Bearer"}
REJECT = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def register(app: DairyFlask, secret: str, password_cost: str) -> None:
    """Sign with ``secret``, hash at ``password_cost``, and identify every caller of the application."""
    passwords.use_cost(password_cost)
    app.config.update(
        JWT_SECRET_KEY=secret,
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_TOKEN_LOCATION=["headers"],
        JWT_COOKIE_CSRF_PROTECT=False,  # no cookies, so no claim for them
        JWT_ACCESS_TOKEN_EXPIRES=ACCESS_LIFETIME,
        JWT_REFRESH_TOKEN_EXPIRES=REFRESH_LIFETIME,
        JWT_ENCODE_NBF=False,
        JWT_DECODE_LEEWAY=CLOCK_DIFFERENCE,
    )
    JWTManager(app)
    app.identify = identify


def identify(session: Session, policy: Policy) -> Actor | None:
    """Who calls, as the database knows them now; None on a public route, where tokens are not looked at.

    Raises not_authenticated (no token, or not one of ours), token_expired, token_revoked (logged out,
    password changed, user gone), user_inactive, forbidden (the policy does not admit the role).
    """
    if policy.roles is None:
        return None
    user_id, version, family = _ids(_read(page_token(), "page") if policy.page else _read(bearer_token(), "access"))
    tells = writes(policy) and not policy.own_transactions
    who = attribution(actor_user_id=user_id) if tells else None
    state = queries.login_state(session, user_id, family, who)
    if state is None:
        raise Problem("token_revoked", headers=dict(REJECT))
    if not state.is_active:
        raise Problem("user_inactive")
    if state.token_version != version or not state.session_alive:
        raise Problem("token_revoked", headers=dict(REJECT))
    role = Role(state.role)
    if not policy.admits(role):
        raise Problem("forbidden")
    return Actor(user_id, state.name, role, state.customer_id)


def bearer_token() -> str:
    """The token of the Authorization header (RFC 6750). Raises not_authenticated when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem("not_authenticated", headers=dict(ASK))
    return token.strip()


def page_token() -> str:
    """The token in the cookie of a browser's session. Raises not_authenticated when there is none."""
    token = request.cookies.get(PAGE_COOKIE)
    if not token:
        raise Problem("not_authenticated")
    return token


def session_of_page() -> UUID:
    """The login that the cookie of this request came from. Raises what ``identify`` does for its token."""
    return _ids(_read(page_token(), "page"))[2]


def new_page_token(grant: Grant, until: datetime | None = None) -> str:
    """What the cookie of a browser holds that has just signed in; ``until``: its session ends then, however used."""
    moment = now()
    begun = moment if until is None else min(moment, until - REFRESH_LIFETIME)
    return _page_token({"sub": str(grant.user_id), "ver": grant.version, "sid": str(grant.family)}, begun, moment)


def renewed_page_token() -> str | None:
    """The same session for longer; None while its token is fresh, and when it has lived 30 days."""
    claims, moment = _read(page_token(), "page"), now()
    begun = datetime.fromtimestamp(claims["begun"], UTC)
    if moment < datetime.fromtimestamp(claims["iat"], UTC) + PAGE_RENEWAL or moment >= begun + REFRESH_LIFETIME:
        return None
    return _page_token({name: claims[name] for name in ("sub", "ver", "sid")}, begun, moment)


def _page_token(whose: dict[str, Any], begun: datetime, moment: datetime) -> str:
    ends = min(moment + PAGE_LIFETIME, begun + REFRESH_LIFETIME)
    times = {"begun": int(begun.timestamp()), "iat": int(moment.timestamp()), "exp": int(ends.timestamp())}
    return jwt.encode({**whose, **times, "type": "page"}, current_app.config["JWT_SECRET_KEY"], ALGORITHM)


def new_account_token(user_id: UUID, version: int, until: datetime) -> str:
    """What a customer's link to its own pages holds. It ends then, and with the customer's sessions."""
    claims = {"sub": str(user_id), "ver": version, "exp": int(until.timestamp()), "type": "account"}
    return jwt.encode(claims, current_app.config["JWT_SECRET_KEY"], ALGORITHM)


def read_account_token(token: str) -> tuple[UUID, int, datetime]:
    """Whose pages a link opens, the version of that login it was made for, and until when.

    Raises link_not_found, link_expired.
    """
    try:
        claims = _read(token, "account")
        return UUID(claims["sub"]), int(claims["ver"]), datetime.fromtimestamp(claims["exp"], UTC)
    except (KeyError, ValueError, TypeError):
        raise Problem("link_not_found") from None
    except Problem as problem:
        raise Problem("link_expired" if problem.code == "token_expired" else "link_not_found") from None


def session_of_bearer() -> UUID:
    """The login that the access token of this request came from; identified already."""
    return _ids(_read(bearer_token(), "access"))[2]


def read_refresh_token(token: str) -> RefreshClaims:
    """What a refresh token says. Raises not_authenticated, token_expired."""
    claims = _read(token, "refresh")
    user_id, version, family = _ids(claims)
    try:
        return RefreshClaims(user_id, version, family, UUID(claims["jti"]))
    except (ValueError, TypeError, AttributeError):
        _reject()


def answer(session: Session, grant: Grant) -> dict[str, Any]:
    """The body that hands out a new pair of tokens, and says whose they are."""
    person = queries.person(session, grant.user_id)
    customer = str(person.customer_v2_id) if person.customer_v2_id else None
    common = {"ver": grant.version, "sid": str(grant.family)}
    access = {**common, "role": person.role, "customer_v2_id": customer}
    renewal = {**common, "jti": str(grant.refresh_id)}
    user = str(grant.user_id)
    return {
        "access_token": create_access_token(user, additional_claims=access),
        "refresh_token": create_refresh_token(user, additional_claims=renewal),
        "token_type": "bearer",
        "expires_in": int(ACCESS_LIFETIME.total_seconds()),
        "user": person,
    }


def _read(token: str, kind: str) -> dict[str, Any]:
    """The claims of a token that we signed, while they hold."""
    try:
        claims = _signed(token, current_app.config["JWT_SECRET_KEY"])
    except ExpiredSignatureError:
        raise _expired() from None
    except PyJWTError:
        _reject()
    if claims.get("type") != kind:
        _reject()
    if int(claims["exp"]) <= now().timestamp():  # the leeway is for clocks that run fast, not for a longer life
        raise _expired()
    return claims


@lru_cache(maxsize=4096)
def _signed(token: str, secret: str) -> dict[str, Any]:
    """What a token says that was signed with ``secret``: the same whenever it is asked, so kept for the next request.

    Whether it has ended meanwhile, or its login has, is not asked here.
    """
    claims: dict[str, Any] = jwt.decode(  # a token without an end was not made here
        token, secret, [ALGORITHM], {"require": ["exp", "sub"]}, leeway=CLOCK_DIFFERENCE
    )
    return claims


def _ids(claims: dict[str, Any]) -> tuple[UUID, int, UUID]:
    try:
        return UUID(claims["sub"]), int(claims["ver"]), UUID(claims["sid"])
    except (KeyError, ValueError, TypeError, AttributeError):
        _reject()


def _expired() -> Problem:
    return Problem("token_expired", headers=dict(REJECT))


def _reject() -> NoReturn:
    raise Problem("not_authenticated", "The token is not one of ours.", headers=dict(REJECT))
