"""``/s/<token>``: the round of a link as a page for a phone, its PIN form, its refusals, its files.

The page is complete without JavaScript; scripts add the buttons. Nothing comes from outside, no script or style stands
in the page (its policy forbids both), nothing is cached but files whose address holds their version. A refusal is
the same as the API's, in words: same status, same headers; programs, which do not ask for HTML, get the problem
document.
"""

import hashlib
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, g, make_response, render_template, request, url_for
from marshmallow import fields
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.common.words import Words
from dairy_app.deliveries.rules import REASON_CODES
from dairy_app.sharing.routes.links import PASS_COOKIE, visitor
from dairy_app.sharing.routes.words import catalogues, choose
from dairy_app.sharing.rules.page_view import view_of_round
from dairy_app.sharing.service import visits
from dairy_app.web import validate
from dairy_app.web.access import allow_anyone
from dairy_app.web.http import Blueprint, current_session, refusal
from dairy_app.web.lagging import read_lagging
from dairy_app.web.page_files import YEAR, PageFiles
from dairy_app.web.schemas import Strict

#: What the page may do: load and ask for things here, nothing else.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: A worker obeys the policy of its own file.
WORKER_POLICY = "default-src 'none'; connect-src 'self'"
LANGUAGE_COOKIE = "dairy_language"

FILES = PageFiles(
    Path(__file__).parent.parent / "static", "pages.file", "".join(repr(each.texts) for each in catalogues().values())
)

#: Error code → which refusal page says it, and its emblem.
_REFUSALS = {
    "link_expired": ("expired", "clock"),
    "link_revoked": ("revoked", "broken"),
    "link_not_found": ("unknown", "broken"),
    "rate_limited": ("locked", "lock"),
}

pages = Blueprint("pages", __name__, template_folder="../templates")


@pages.record_once
def write_tight_pages(state: Any) -> None:
    """Leave out the lines and indents of template tags: a third of a long round's bytes."""
    state.app.jinja_env.trim_blocks = state.app.jinja_env.lstrip_blocks = True


class LanguageQuery(Strict):
    """In which language to show the page."""

    lang = fields.String(validate=validate.Length(max=20))


class PinForm(Strict):
    """What the PIN form sends."""

    pin = fields.String(required=True, load_only=True, validate=validate.Length(1, 20), metadata={"example": "4711"})


@pages.route("/s/<token>")
@pages.arguments(LanguageQuery, location="query")
@allow_anyone(records=True, may_lag=True)
def show_page(query: dict[str, str], token: str) -> Response:
    """The round of a link as a page; a form when the link wants its PIN."""
    g.lang = query.get("lang")
    session = current_session()
    t, zone = _settle_language(session)
    found = visits.show_round(session, visitor(token), None, partial(read_lagging, turn=token))
    if isinstance(found, Problem):
        return refusal(found)
    return _page("round.html", "round", t, script="page.js", reasons=REASON_CODES, **view_of_round(found, t, zone))


@pages.route("/s/<token>", methods=["POST"])
@pages.arguments(PinForm, location="form")
@allow_anyone()
def send_pin(form: dict[str, str], token: str) -> Response:
    """Take the PIN of the form; the right one leads back to the round."""
    session = current_session()
    _settle_language(session)
    earned = visits.unlock(session, visitor(token), form["pin"])
    if isinstance(earned, Problem):
        return refusal(earned)
    value, until = earned
    answer = Response(status=303, headers={"Location": url_for(".show_page", token=token)})
    seconds = int((until - now()).total_seconds())
    # Lax, not Strict, for the page: people come to it from a message.
    for path, same_site in ((_path_of_page(token), "Lax"), (_path_of_api(token), "Strict")):
        answer.set_cookie(
            PASS_COOKIE, value, seconds, path=path, secure=request.is_secure, httponly=True, samesite=same_site
        )
    return answer


@pages.route("/s/worker.js")
@allow_anyone(own_transactions=True)
def worker() -> Response:
    """The service worker; it stands here, not among the files, because a worker reaches only what is below it."""
    response = FILES.answer("worker.js")
    response.headers["Content-Security-Policy"] = WORKER_POLICY
    return response


@pages.route("/s/static/<version>/<name>")
@allow_anyone(own_transactions=True)
def file(version: str, name: str) -> Response:
    """A file of the page. Kept for good under its own version; another version gets the present file, unkept."""
    return FILES.answer(name, version)


@pages.after_request
def in_words(response: Response) -> Response:
    """Turn a refusal into a page for whoever asks for one, and keep a chosen language."""
    asks_for_page = any(media == "text/html" for media, _ in request.accept_mimetypes)
    if asks_for_page and response.mimetype == "application/problem+json":
        response = _refusal_page(response)
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        chosen = g.get("lang")
        if chosen in catalogues():
            path = f"{request.script_root}/s/"
            response.set_cookie(LANGUAGE_COOKIE, chosen, YEAR, path=path, secure=request.is_secure, samesite="Lax")
    return response


def _refusal_page(refused: Response) -> Response:
    """The page that says what this problem document says; its status and headers stay."""
    code = refused.get_json()["code"]
    if refused.status_code == 422 and request.method == "GET":
        # Somebody else's parameters (messengers add them): without them the page is fine.
        return Response(status=303, headers={"Location": request.script_root + request.path})
    if code in {"pin_required", "wrong_pin"} or (refused.status_code == 422 and request.method == "POST"):
        wrong = {"pin_required": None, "wrong_pin": "pin_wrong"}.get(code, "pin_missing")
        page = _page("pin.html", "pin", _words(), script="kept.js", wrong=wrong)
    else:
        kind = "gone" if refused.status_code in {404, 410} else "refused"
        refusal_name, emblem = _REFUSALS.get(code, ("unknown" if refused.status_code == 404 else "fault", "broken"))
        seconds = refused.headers.get("Retry-After", type=int)
        minutes = ceil(seconds / 60) if seconds else None
        names = {"refusal": refusal_name, "emblem": emblem, "minutes": minutes, "again": kind == "refused"}
        page = _page("refusal.html", kind, _words(), script="kept.js", **names)
    page.status_code = refused.status_code
    if "Retry-After" in refused.headers:
        page.headers["Retry-After"] = refused.headers["Retry-After"]
    return page


def _settle_language(session: Session) -> tuple[Words, ZoneInfo]:
    """Remember for this request what the dairy is called, where to ring it and which language it speaks."""
    business = business_settings(session)
    g.dairy = {"name": business.business_name, "phone": business.phone, "language": business.language}
    return _words(), ZoneInfo(business.time_zone)


def _words() -> Words:
    """The language asked for, else the one chosen before, else one of the browser's, else the dairy's."""
    accepted = [tag for tag, _ in request.accept_languages]
    return choose(g.get("lang"), request.cookies.get(LANGUAGE_COOKIE), *accepted, g.get("dairy", {}).get("language"))


def _page(template: str, kind: str, t: Words, **names: Any) -> Response:
    token = (request.view_args or {}).get("token", "")
    names |= {
        "t": t,
        "all_words": catalogues().values(),
        "dairy": g.get("dairy", {}),
        "kind": kind,
        "at": int(now().timestamp() * 1000),
        "version": FILES.version,
        "asset": FILES.address,
        "files": " ".join(FILES.address(name) for name in FILES.names if name != "worker.js"),
        # What the phone keeps is kept under this, so that the token does not stand there.
        "link_key": hashlib.sha256(f"page of {token}".encode()).hexdigest()[:24],
    }
    return make_response(render_template(f"sharing/{template}", **names))


def _path_of_page(token: str) -> str:
    return url_for(".show_page", token=token)


def _path_of_api(token: str) -> str:
    return url_for("shared.show_shared_round", token=token).removesuffix("/round")
