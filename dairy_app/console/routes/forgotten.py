"""For who forgot the password: a form that asks for a code, and one that takes it with the new password.

Both are for everybody, and say the same to everybody. The login goes from one to the other in the form, in no address.
"""

from flask import Response, url_for

from dairy_app.accounts.routes.logins import ask_for_code as ask_for
from dairy_app.accounts.routes.logins import set_by_code
from dairy_app.accounts.schemas import LONGEST_SECRET
from dairy_app.accounts.service.resets import NewPassword
from dairy_app.common.errors import invalid
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.web.access import allow_anyone

#: No e-mail address is longer.
LONGEST_LOGIN = 254


@console.route("/forgotten-password")
@console.arguments(PageQuery, location="query")
@allow_anyone()
def forgotten(query: dict[str, str]) -> Response:
    """The form that asks for a code."""
    del query
    return frame.page("forgotten.html")


@console.route("/forgotten-password", methods=["POST"])
@console.arguments(Form, location="form")
@allow_anyone()
def ask_for_code(form: dict[str, str]) -> Response:
    """Have a code sent, if it is a login, and show the form for it in any case."""
    login = form.get("login", "").strip()

    def ask() -> None:
        if not 0 < len(login) <= LONGEST_LOGIN or "\0" in login:
            raise invalid("/login", frame.words()("login_needed"))
        ask_for(login)

    refused = frame.send(ask, lambda **names: frame.page("forgotten.html", login=login, **names), _here("forgotten"))
    return refused or frame.page("new_password.html", login=login, asked=True)


@console.route("/new-password")
@console.arguments(PageQuery, location="query")
@allow_anyone()
def new_password(query: dict[str, str]) -> Response:
    """The form that takes a code and the new password."""
    del query
    return frame.page("new_password.html")


@console.route("/new-password", methods=["POST"])
@console.arguments(Form, location="form")
@allow_anyone()
def set_new_password(form: dict[str, str]) -> Response:
    """Set the new password; the session of this browser ends with all others, and one signs in again."""
    login = form.get("login", "").strip()
    wanted = NewPassword(login, form.get("code", ""), form.get("password", ""))

    def set_it() -> None:
        typed = login, wanted.code.strip()
        if not all(0 < len(each) <= LONGEST_LOGIN and "\0" not in each for each in typed):
            raise invalid("/code", frame.words()("code_needed"))
        if not 0 < len(wanted.password) <= LONGEST_SECRET:
            raise invalid("/password", frame.words()("password_needed"))
        refused = set_by_code(wanted)  # what it recorded is committed
        if refused is not None:
            raise refused

    def again(**names: object) -> Response:
        return frame.page("new_password.html", login=login, **names)

    refused = frame.send(set_it, again, _here("new_password"))
    if refused is not None:
        return refused
    response = frame.done(url_for("console.home"), "password_set")
    frame.forget_session(response)
    return response


def _here(page: str) -> str:
    return url_for(f"console.{page}")
