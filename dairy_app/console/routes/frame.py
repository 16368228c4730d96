"""What every page shares: who is signed in, its frame and language, its forms, its refusals, its files.

A page is complete without JavaScript. Nothing comes from outside, no script or style stands in a page (its policy
forbids both), nothing is cached but files whose address holds their version. A form carries a token that belongs to the
session, and a key that makes sending it twice the same as once.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4
from zoneinfo import ZoneInfo

from flask import Response, current_app, g, make_response, render_template, request, url_for
from marshmallow import INCLUDE, fields

from dairy_app.accounts.rules.logins import PAGE_LIFETIME
from dairy_app.accounts.service import tokens
from dairy_app.business.queries import business_settings, today
from dairy_app.common.errors import Problem
from dairy_app.common.words import Words, choose_of, read_catalogues
from dairy_app.console.rules.figures import Figures
from dairy_app.console.rules.menu import MENU
from dairy_app.web import inside, strict_json, validate
from dairy_app.web.access import Policy, Role, allow_anyone, policy_of
from dairy_app.web.http import Blueprint, current_actor, current_database, current_session
from dairy_app.web.page_files import YEAR, PageFiles
from dairy_app.web.schemas import LONGEST_CURSOR, Strict
from dairy_app.web.validate import REQUIRED

#: What a page may do: load and ask for things here, nothing else.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
LANGUAGE_COOKIE, FORM_COOKIE, SAID_COOKIE = "dairy_language", "dairy_form", "dairy_said"
#: Where to go after signing in; a longer address is not kept, as it would not fit into another.
LONGEST_NEXT = 2000
#: What was done is told on the next page, which comes at once.
_SAID_SECONDS = 60
FILES = PageFiles(Path(__file__).parent.parent / "static", "console.file")

console = Blueprint("console", __name__, template_folder="../templates")


class Form(Strict):
    """Any form. What its fields may be, the API's route judges to which they are passed."""

    class Meta:
        unknown = INCLUDE

    csrf_token = fields.String(load_only=True)


class PageQuery(Strict):
    """In which language to show the page; it is remembered."""

    lang = fields.String(validate=validate.Length(max=20))


class ListQuery(PageQuery):
    """Which part of a list: what to find, in which order, from where on."""

    q = fields.String(validate=validate.Length(max=100))
    sort = fields.String(validate=validate.Length(max=40))
    cursor = fields.String(validate=validate.Length(max=LONGEST_CURSOR))


# ---------------------------------------------------------------------------------------------- who and what


def signed_in() -> bool:
    """Whether somebody is: on pages that are for everybody. The rest of the request acts for them."""
    try:
        g.actor = tokens.identify(current_session(), Policy(frozenset(Role), page=True))
    except Problem as problem:
        if problem.status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise
        g.actor = None
    return g.actor is not None


def page(template: str, status: int = 200, /, **names: Any) -> Response:
    """A page in its frame."""
    business = _business()
    names |= {
        "t": words(),
        "say": figures(),
        "dairy": business.business_name,
        "actor": g.get("actor"),
        "today": today(current_session()),
        "menu": menu() if g.get("actor") else [],
        "languages": catalogues().values(),
        "asset": FILES.address,
        "csrf_token": csrf_token(),
        "new_key": lambda: str(uuid4()),
        "said": None if _only_looks() else _take_what_was_said(),
        "admits": inside.admits,
        "address_with": address_with,
    }
    response = make_response(render_template(f"console/{template}", **names), status)
    response.headers["Vary"] = "Cookie, Accept-Language"
    return response


def menu() -> list[tuple[str, str, bool]]:
    """What the menu offers this role: address, word, and whether it is the page shown."""
    role = current_actor().role
    offered = []
    for endpoint, word in MENU:
        policy = policy_of(current_app.view_functions[f"console.{endpoint}"])
        if policy is not None and policy.admits(role):
            address = url_for(f"console.{endpoint}")
            here = request.path == address or (address != "/" and request.path.startswith(f"{address}/"))
            offered.append((address, word, here))
    return offered


def address_with(**changes: Any) -> str:
    """The address of this page with other parameters; None takes one out, and another list begins anew.

    After a form that was refused it is the address of the page on which the form is.
    """
    given = {name: value for name, value in request.args.items() if name not in {"cursor", "lang"}} | changes
    kept = {name: value for name, value in given.items() if value not in (None, "")}
    address = request.script_root + (request.path if request.method == "GET" else g.get("form_is_on", "/"))
    joined = "&" if "?" in address else "?"
    return f"{address}{joined}{urlencode(kept)}" if kept else address


@contextmanager
def reading() -> Iterator[None]:
    """A part of a view with ``own_transactions`` that shows a page: one transaction, which only reads."""
    with current_database().transaction(read_only=True) as session:
        g.session = session
        try:
            yield
        finally:
            g.pop("session")


def _business() -> Any:
    if "business" not in g:
        g.business = business_settings(current_session())
    return g.business


# ---------------------------------------------------------------------------------------------------- words


@cache
def catalogues() -> dict[str, Words]:
    """Every language there is, by its code; English first. A folder for each part of the pages, no word twice."""
    texts: dict[str, dict[str, str]] = {}
    for folder in sorted((Path(__file__).parent.parent / "words").iterdir()):
        for code, part in read_catalogues(folder).items():
            known = texts.setdefault(code, {})
            twice = known.keys() & part.texts.keys()
            if twice:
                raise LookupError(f"words/{folder.name} has words that another part has, too: {sorted(twice)}")
            known.update(part.texts)
    return {code: Words(code, known) for code, known in texts.items()}


def words() -> Words:
    """The language asked for, else the one chosen before, else one of the browser's, else the dairy's."""
    accepted = [tag for tag, _ in request.accept_languages]
    chosen = request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE)
    return choose_of(catalogues(), *chosen, *accepted, _business().language if "session" in g else None)


def figures() -> Figures:
    """How amounts, days and quantities are written on this page."""
    return Figures(words(), ZoneInfo(_business().time_zone))


def refusal_in_words(problem: Problem) -> tuple[str, dict[str, str]]:
    """What a problem says to people: of the whole, and of each field by its name."""
    t, by_field, rest = words(), {}, []
    for error in problem.errors:
        key = f"invalid_{error.code}"
        said = t(key) if t.has(key) and (t.code != "en" or error.code == REQUIRED) else error.detail
        name = error.pointer.strip("/").replace("/", ".")
        if name:
            by_field[name] = said
        else:
            rest.append(said)
    key = f"error_{problem.code}"
    whole = t(key) if t.has(key) and (t.code != "en" or not problem.detail) else str(problem)
    if problem.code == "validation_failed":
        # What a rule of the database says is of no field: nothing is marked, so it is told itself.
        whole = " ".join(rest) or (t("error_validation_failed") if by_field or not problem.detail else problem.detail)
    return whole, by_field


def asked(path: str, **query: Any) -> tuple[Any, dict[str, Any]]:
    """What the API answers; or None, and for the page what is wrong with the fields that it was asked with."""
    try:
        return inside.ask(path, **query), {"wrong": {}, "status": HTTPStatus.OK}
    except Problem as problem:
        if problem.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        whole, by_field = refusal_in_words(problem)
        wrong = {name.removeprefix("query."): said for name, said in by_field.items()}
        return None, {"wrong": wrong, "refused": whole, "status": problem.status}


# ---------------------------------------------------------------------------------------------------- forms


def csrf_token() -> str:
    """What a form of this session carries. Before signing in it belongs to a cookie that the form itself sets."""
    return _token_of(_form_seed())


def _token_of(seed: str) -> str:
    secret = current_app.config["JWT_SECRET_KEY"].encode()
    return hmac.new(secret, f"form of {seed}".encode(), hashlib.sha256).hexdigest()


def _form_seed() -> str:
    try:
        return f"session {tokens.session_of_page()}"
    except Problem:
        if "form_seed" not in g:
            known = request.cookies.get(FORM_COOKIE, "")
            g.form_seed = known if 20 <= len(known) <= 100 else secrets.token_urlsafe(24)
        return f"visitor {g.form_seed}"


@console.before_request
def refuse_forms_of_others() -> None:
    """Take no form that another site sends, or that is of another session; without one, sign in first."""
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    if (request.content_length or 0) > current_app.config["MAX_CONTENT_LENGTH"]:
        raise Problem("payload_too_large")
    request.get_data(parse_form_data=False)
    sent = request.form.get("csrf_token", "")
    from_elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}
    policy = policy_of(current_app.view_functions[request.endpoint]) if request.endpoint else None
    if not from_elsewhere and policy is not None and policy.roles is not None:
        tokens.session_of_page()  # raises for one that is over: who signs in comes back to the form
    if from_elsewhere or not hmac.compare_digest(sent.encode(), csrf_token().encode()):
        raise Problem("malformed_request", "This form is no longer valid. Reload the page, and send it again.")


def send(act: Callable[[], Any], again: Callable[..., Response], form_is_on: str) -> Response | None:
    """Do what a form asks for; None when it is done. ``form_is_on``: the address of its page.

    When it is refused, the page ``again``, with ``refused`` (words), ``wrong`` (words by field) and ``form``
    (what was typed), so that nothing is lost.
    """
    try:
        act()
    except Problem as problem:
        whole, by_field = refusal_in_words(problem)
        g.form_is_on = form_is_on
        response = again(refused=whole, wrong=by_field, form=request.form)
        response.status_code = problem.status
        response.headers.update(problem.headers)
        return response
    return None


def done(address: str, said: str | None = None, **values: Any) -> Response:
    """Off to another page, which tells what happened: the word ``said`` with its values."""
    response = Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address})
    if said is not None:
        text = json.dumps({"word": said, "values": values}, default=str)
        _set_cookie(response, SAID_COOKIE, base64.urlsafe_b64encode(text.encode()).decode(), _SAID_SECONDS)
    return response


def _take_what_was_said() -> str | None:
    written = request.cookies.get(SAID_COOKIE)
    if not written:
        return None
    g.said_is_read = True
    try:
        told = strict_json.load(base64.urlsafe_b64decode(written))
        return words()(f"said_{told['word']}", **told["values"])
    except (Problem, ValueError, KeyError, TypeError, IndexError):
        return None


@contextmanager
def told_at(fields: Mapping[str, str]) -> Iterator[None]:
    """What the API finds wrong with a part of a body is told at the form's own field: of ``/lines/2/quantity`` the
    longest beginning that ``fields`` names counts."""
    try:
        yield
    except Problem as problem:
        errors = [replace(each, pointer=_told_at(each.pointer, fields)) for each in problem.errors]
        raise Problem(problem.code, problem.detail, errors, headers=problem.headers) from problem


def _told_at(pointer: str, fields: Mapping[str, str]) -> str:
    parts = pointer.split("/")
    beginnings = ("/".join(parts[:count]) for count in range(len(parts), 1, -1))
    return next((fields[each] for each in beginnings if each in fields), pointer)


def as_typed(form: Mapping[str, str]) -> str:
    """All that was typed into a form, as one text: what was looked at is done, and nothing else.

    A form has it as ``looked``, and as ``after`` what it came to: what comes to something else by now is shown again.
    """
    of_the_form = {"csrf_token", "key", "looked", "after", "do"}
    return json.dumps(sorted((name, text.strip()) for name, text in form.items() if name not in of_the_form))


def part_of_address(form: Mapping[str, str], name: str) -> str:
    """A part of an address that a form names. Raises not_found for what cannot be one."""
    value = form.get(name, "")
    if not value or not all(each.isalnum() or each == "-" for each in value):
        raise Problem("not_found")
    return value


def fields_of(form: Mapping[str, str], *names: str) -> dict[str, Any]:
    """Of a form, what the API gets: the fields that were filled in."""
    return {name: form[name].strip() for name in names if form.get(name, "").strip()}


def _set_cookie(response: Response, name: str, value: str, seconds: int | None) -> None:
    path = f"{request.script_root}/"
    response.set_cookie(name, value, seconds, path=path, secure=request.is_secure, httponly=True, samesite="Lax")


def remember_language(response: Response, code: str) -> None:
    """Let the browser go on in a language."""
    _set_cookie(response, LANGUAGE_COOKIE, code, YEAR)


def set_session(response: Response, token: str) -> None:
    """Let the browser keep its session; a browser that is closed may forget it earlier."""
    _set_cookie(response, tokens.PAGE_COOKIE, token, int(PAGE_LIFETIME.total_seconds()))


def forget_session(response: Response) -> None:
    """Let the browser forget its session."""
    g.session_ends = True
    response.delete_cookie(tokens.PAGE_COOKIE, path=f"{request.script_root}/", httponly=True, samesite="Lax")


# ---------------------------------------------------------------------------------------- answers and files


def _only_looks() -> bool:
    """Whether an open page asks for its newest figures by itself: nobody is at work, so the session lives no longer."""
    return "Dairy-Looks-Again" in request.headers


@console.after_request
def finish(response: Response) -> Response:
    """Turn a refusal into a page for whoever asks for one; keep language, session and form."""
    asks_for_page = any(media == "text/html" for media, _ in request.accept_mimetypes)
    if asks_for_page and response.mimetype == "application/problem+json":
        response = _refusal_page(response)
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        response.headers["Referrer-Policy"] = "same-origin"  # says on which page a form was
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if request.args.get("lang") in catalogues():
            remember_language(response, request.args["lang"])
    if "form_seed" in g and request.cookies.get(FORM_COOKIE) != g.form_seed:
        _set_cookie(response, FORM_COOKIE, g.form_seed, None)
    if "said_is_read" in g:
        response.delete_cookie(SAID_COOKIE, path=f"{request.script_root}/")
    if g.get("actor") is not None and "session_ends" not in g and not _only_looks():
        renewed = tokens.renewed_page_token()
        if renewed is not None:
            set_session(response, renewed)
    return response


@console.after_app_request
def unknown_in_words(response: Response) -> Response:
    """An address that is nobody's, for whoever asks for a page: outside the API it is taken for one of ours."""
    if request.endpoint is not None or request.path.startswith("/api/"):
        return response
    return finish(response)


def _refusal_page(refused: Response) -> Response:
    """The page that says what this problem document says; who has no session signs in and comes back."""
    problem = refused.get_json()
    if refused.status_code == HTTPStatus.UNAUTHORIZED:
        is_form = request.method == "POST"
        following = _page_of_form() if is_form else request.full_path.rstrip("?")
        leads = following not in (None, "/") and len(following) <= LONGEST_NEXT
        address = url_for("console.home", next=following if leads else None)
        response = done(address, "session_over" if is_form else None)
        if request.cookies.get(tokens.PAGE_COOKIE):
            forget_session(response)
        return response
    t = choose_of(catalogues(), request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE),
                  *(tag for tag, _ in request.accept_languages))  # fmt: skip
    key = f"error_{problem['code']}"
    names = {
        "t": t,
        "asset": FILES.address,
        "said": t(key) if t.has(key) else problem["detail"],
        "number": g.request_id,
    }
    response = make_response(render_template("console/refusal.html", **names), refused.status_code)
    if "Retry-After" in refused.headers:
        response.headers["Retry-After"] = refused.headers["Retry-After"]
    return response


def _page_of_form() -> str | None:
    """The page on which a form was, as its browser says; above an address that only takes forms, the nearest page."""
    left = urlsplit(request.referrer or "")
    if left.netloc != request.host:
        return None
    path, query = left.path.removeprefix(request.script_root), left.query
    adapter = current_app.create_url_adapter(request)
    while path and adapter is not None and not adapter.test(path, "GET"):
        path, query = path.rpartition("/")[0], ""
    return f"{path}?{query}" if query else path


@console.route("/static/<version>/<path:name>")
@allow_anyone(own_transactions=True)
def file(version: str, name: str) -> Response:
    """A file of the pages. Kept for good under its own version; another version gets the present file, unkept."""
    return FILES.answer(name, version)
