"""``/auth``: logging in and what follows. ``/users``: who may."""

from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Response, current_app, request

from dairy_app.accounts import queries
from dairy_app.accounts.models import User
from dairy_app.accounts.routes import invitation_page as pages
from dairy_app.accounts.rules.resets import RESET_LIFETIME
from dairy_app.accounts.schemas import (
    AcceptIn,
    InvitationOut,
    LoginIn,
    PasswordIn,
    PersonOut,
    RefreshIn,
    ResetIn,
    ResetRequestIn,
    ResetRequestOut,
    TokensOut,
    UserCreatedOut,
    UserIn,
    UserOut,
    UserPatch,
    UserQuery,
)
from dairy_app.accounts.service import resets, sessions, tokens
from dairy_app.accounts.service import users as service
from dairy_app.accounts.service.throttle import Caller
from dairy_app.common.errors import Problem
from dairy_app.common.words import Words, read_catalogues
from dairy_app.database.audit import tell
from dairy_app.database.statements import Found
from dairy_app.settings import Settings
from dairy_app.web.access import Role, allow, allow_anyone, allow_logged_in
from dairy_app.web.etags import etagged, etagged_by
from dairy_app.web.http import (
    Blueprint,
    attribution,
    caller_address,
    current_actor,
    current_session,
    refusal,
)
from dairy_app.web.idempotency import idempotent_but
from dairy_app.web.pages import Page, read_page
from dairy_app.web.schemas import page_of

auth = Blueprint("auth", __name__, description="Logging in")
users = Blueprint("users", __name__, description="Who may log in")


def caller() -> Caller:
    """Where this request comes from."""
    return Caller(caller_address(), request.headers.get("User-Agent"))


def granted(grant: sessions.Grant | Problem) -> Any:
    """The tokens of a grant, or a refusal that commits what it recorded."""
    if isinstance(grant, Problem):
        return refusal(grant)
    return tokens.answer(current_session(), grant)


@auth.route("/auth/login", methods=["POST"])
@auth.arguments(LoginIn)
@auth.response(200, TokensOut)
@allow_anyone()
def log_in(body: dict[str, str]) -> Any:
    """Log in by e-mail or phone."""
    email, phone = body.get("email"), body.get("phone")
    return granted(
        sessions.log_in(current_session(), email=email, phone=phone, password=body["password"], caller=caller())
    )


@auth.route("/auth/refresh", methods=["POST"])
@auth.arguments(RefreshIn)
@auth.response(200, TokensOut)
@allow_anyone()
def refresh(body: dict[str, str]) -> Any:
    """Exchange a refresh token, in the body or as bearer, for a new pair."""
    claims = tokens.read_refresh_token(body.get("refresh_token") or tokens.bearer_token())
    return granted(sessions.refresh(current_session(), claims, caller()))


@auth.route("/auth/logout", methods=["POST"])
@auth.response(204)
@allow_logged_in()
def log_out() -> None:
    """End this login: its access and refresh tokens."""
    sessions.log_out(current_session(), current_actor().user_id, tokens.session_of_bearer())


@auth.route("/auth/me")
@auth.response(200, PersonOut)
@allow_logged_in()
def me() -> Found:
    """Who is logged in."""
    return queries.person(current_session(), current_actor().user_id)


@auth.route("/auth/password", methods=["POST"])
@auth.arguments(PasswordIn)
@auth.response(204)
@allow_logged_in()
def change_password(body: dict[str, str]) -> Response | None:
    """Change the own password; every token ends, log in again."""
    refused = service.change_password(
        current_session(), current_actor(), body["current_password"], body["new_password"], caller()
    )
    return refusal(refused) if refused else None


@auth.route("/auth/invitations/accept", methods=["POST"])
@auth.arguments(AcceptIn)
@auth.response(200, PersonOut)
@allow_anyone()
def accept_invitation(body: dict[str, str]) -> Any:
    """Set the password an invitation allows, once; then log in with it."""
    session = current_session()
    tell(session, attribution())
    user_id = service.accept_invitation(session, body["token"], body["password"], caller())
    if isinstance(user_id, Problem):
        return refusal(user_id)
    return queries.person(session, user_id)


@auth.route("/auth/reset-requests", methods=["POST"])
@auth.arguments(ResetRequestIn)
@auth.response(202, ResetRequestOut)
@allow_anyone()
def ask_for_reset(body: dict[str, str]) -> dict[str, int]:
    """Ask for a code for a new password. The answer is the same whether there is such a login or not.

    The code goes to the e-mail address and the telephone of the login, is good for 15 minutes, and ends the one before.
    """
    ask_for_code(body["login"])
    return {"expires_in": int(RESET_LIFETIME.total_seconds())}


@auth.route("/auth/resets", methods=["POST"])
@auth.arguments(ResetIn)
@auth.response(204)
@allow_anyone()
def reset_password(wanted: resets.NewPassword) -> Response | None:
    """Set a new password with a code; every session of the login ends. After five wrong codes a code is dead."""
    refused = set_by_code(wanted)
    return refusal(refused) if refused else None


def ask_for_code(login: str) -> None:
    """Send a code to a login, if it is one, on behalf of whoever asks here."""
    session = current_session()
    tell(session, attribution())
    resets.ask_for_reset(session, login, caller(), secret=_secret(), catalogues=_words_of_codes())


def set_by_code(wanted: resets.NewPassword) -> Problem | None:
    """Set a password by code; a refusal is returned, for what it recorded to stay."""
    tell(current_session(), attribution())
    return resets.reset_password(current_session(), wanted, caller(), secret=_secret())


@cache
def _words_of_codes() -> dict[str, Words]:
    """The words of a message with a code, by language."""
    return read_catalogues(Path(__file__).parent.parent / "words" / "resets")


def _secret() -> str:
    settings: Settings = current_app.config["DAIRY"]
    return settings.require_secret_key()


@auth.route("/auth/invitation")
@auth.response(200, content_type="text/html")
@allow_anyone(own_transactions=True)
def show_invitation() -> Response:
    """The page on which an invited person chooses a password."""
    return pages.invitation_page()


@users.route("/users")
@users.arguments(UserQuery, location="query")
@users.response(200, page_of(UserOut, "UserPage"))
@allow(Role.ADMIN)
def list_users(query: dict[str, Any]) -> Page:
    """Users in the order they were made."""
    select = queries.people_like(query["role"], query["is_active"])
    return read_page(current_session(), select, [User.id], limit=query["limit"], cursor=query["cursor"])


@users.route("/users", methods=["POST"])
@idempotent_but("invitation_token")
@users.arguments(UserIn)
@users.response(201, UserCreatedOut)
@allow(Role.ADMIN)
def create_user(wanted: service.NewUser) -> dict[str, Any]:
    """A new user, with an invitation to hand over."""
    session = current_session()
    user = service.create_user(session, wanted)
    token = service.invite(session, user)
    return {**vars(queries.person(session, user.id)), "invitation_token": token}


@users.route("/users/<uuid:user_id>")
@etagged
@users.response(200, UserOut)
@allow(Role.ADMIN)
def read_user(user_id: UUID) -> Found:
    """One user."""
    return queries.person(current_session(), user_id)


@users.route("/users/<uuid:user_id>", methods=["PATCH"])
@etagged_by(lambda user_id: service.lock_user(current_session(), user_id))
@users.arguments(UserPatch)
@users.response(200, UserOut)
@allow(Role.ADMIN)
def patch_user(changes: service.UserChange, user_id: UUID) -> Found:
    """Change a user; ``is_active`` false ends its tokens at once."""
    service.change_user(current_session(), user_id, changes)
    return queries.person(current_session(), user_id)


@users.route("/users/<uuid:user_id>/invitation", methods=["POST"])
@users.response(201, InvitationOut)
@allow(Role.ADMIN)
def invite(user_id: UUID) -> dict[str, str]:
    """A fresh invitation, also for who forgot the password; older ones end."""
    session = current_session()
    return {"invitation_token": service.invite(session, queries.lock_user(session, user_id))}
