"""A link that opens a customer's own pages without a password: giving it out, ending it, and coming in by it."""

from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.accounts.routes.logins import caller
from dairy_app.accounts.service import sessions, tokens
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.documents.drawing.codes import code_of, runs
from dairy_app.documents.rules import whatsapp_link
from dairy_app.web.access import Role, allow, allow_anyone
from dairy_app.web.http import current_session
from dairy_app.web.inside import act, ask

#: For how many hours a link may be good: a day, a week, thirty days.
HOURS = (24, 7 * 24, 30 * 24)


@console.route("/customers/<uuid:customer_id>/account-link")
@console.arguments(PageQuery, location="query")
@allow(Role.ADMIN, page=True)
def account_link(query: dict[str, str], customer_id: UUID) -> Response:
    """What a link does, and making one."""
    del query
    return _link_page(customer_id)


def _link_page(customer_id: UUID, **names: Any) -> Response:
    return frame.page("account_link.html", customer=ask(f"/customers/{customer_id}"), hours=HOURS, **names)


@console.route("/customers/<uuid:customer_id>/account-link", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def make_account_link(form: dict[str, str], customer_id: UUID) -> Response:
    """A new link, shown once, with a code to scan and a message to send."""
    address, made = url_for("console.account_link", customer_id=customer_id), dict[str, Any]()
    hours = form.get("hours", "")
    body = {"expires_in_hours": int(hours) if hours.isdecimal() and len(hours) < 10 else hours}

    def make() -> None:
        made.update(act("POST", f"/customers/{customer_id}/account-link", body))

    refused = frame.send(make, lambda **names: _link_page(customer_id, **names), address)
    if refused is not None:
        return refused
    phone = ask(f"/customers/{customer_id}")["phone"]
    until = frame.figures().moment(made["expires_at"])
    message = frame.words()("account_message", link=made["url"], until=until)
    code = [list(runs(row)) for row in code_of(made["url"])]
    return _link_page(customer_id, made=made, code=code, send=whatsapp_link(phone, message))


@console.route("/customers/<uuid:customer_id>/account-link/end", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def end_account_links(form: dict[str, str], customer_id: UUID) -> Response:
    """End every link and every session of the customer."""
    del form
    address = url_for("console.account_link", customer_id=customer_id)
    refused = frame.send(
        lambda: act("DELETE", f"/customers/{customer_id}/account-link"),
        lambda **names: _link_page(customer_id, **names),
        address,
    )
    return refused or frame.done(address, "account_links_ended")


@console.route("/account/<token>")
@console.arguments(PageQuery, location="query")
@allow_anyone()
def enter_page(query: dict[str, str], token: str) -> Response:
    """Where a link leads: looked at by a messenger's preview, it opens nothing yet."""
    del query
    tokens.read_account_token(token)
    return frame.page("enter.html", token=token)


@console.route("/account/<token>", methods=["POST"])
@console.arguments(Form, location="form")
@allow_anyone()
def enter(form: dict[str, str], token: str) -> Response:
    """Begin a session of this browser that ends with the link."""
    del form
    user_id, version, until = tokens.read_account_token(token)
    grant = sessions.enter(current_session(), user_id, version, caller())
    response = frame.done(url_for("console.home"))
    frame.set_session(response, tokens.new_page_token(grant, until))
    return response
