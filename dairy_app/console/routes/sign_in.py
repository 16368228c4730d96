"""Signing in with the login that everything here has, and signing out."""

from flask import Response, request, url_for
from marshmallow import fields

from dairy_app.accounts.routes.logins import caller
from dairy_app.accounts.service import sessions, tokens
from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.console.routes.today import show_today
from dairy_app.web import validate
from dairy_app.web.access import Role, allow, allow_anyone
from dairy_app.web.http import current_actor, current_session
from dairy_app.web.inside import ask


class HomeQuery(PageQuery):
    """Where to go after signing in: a page of ours that asked for it."""

    next = fields.String(validate=validate.Length(max=frame.LONGEST_NEXT))


@console.route("/")
@console.arguments(HomeQuery, location="query")
@allow_anyone()
def home(query: dict[str, str]) -> Response:
    """Today for who is signed in, to a customer its own page in its own language; else the form to sign in."""
    if not frame.signed_in():
        return _form(next=query.get("next", ""))
    own = current_actor().customer_id
    if own is None:
        return show_today()
    response = frame.done(url_for("console.customer", customer_id=own))
    language = ask(f"/customers/{own}")["language"]
    if frame.LANGUAGE_COOKIE not in request.cookies and language in frame.catalogues():
        frame.remember_language(response, language)
    return response


@console.route("/sign-in", methods=["POST"])
@console.arguments(Form, location="form")
@allow_anyone()
def sign_in(form: dict[str, str]) -> Response:
    """Check the password and begin a session of this browser; wrong tries are counted as everywhere."""
    login, session = form.get("login", "").strip(), current_session()
    email, phone = (login, None) if "@" in login else (None, login)
    try:
        found = sessions.log_in(session, email=email, phone=phone, password=form.get("password", ""), caller=caller())
    except Problem as problem:
        found = problem
    if isinstance(found, Problem):
        return _refused(found, form)
    response = frame.done(_inside(form.get("next", "")))
    frame.set_session(response, tokens.new_page_token(found))
    return response


@console.route("/sign-out", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*Role, page=True)
def sign_out(form: dict[str, str]) -> Response:
    """End this session, here and at once."""
    del form
    sessions.log_out(current_session(), current_actor().user_id, tokens.session_of_page())
    response = frame.done(url_for("console.home"))
    frame.forget_session(response)
    return response


def _form(**names: object) -> Response:
    return frame.page("sign_in.html", **names)


def _refused(problem: Problem, form: dict[str, str]) -> Response:
    """The form again, with the login that was typed. What the refusal recorded is committed."""
    said, _ = frame.refusal_in_words(problem)
    response = _form(refused=said, login=form.get("login", ""), next=form.get("next", ""))
    response.status_code = problem.status
    response.headers.update(problem.headers)
    return response


def _inside(address: str) -> str:
    """An address of ours to go to: nobody's link may lead elsewhere through this form."""
    is_path = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return f"{request.script_root}{address}" if is_path else url_for("console.home")
