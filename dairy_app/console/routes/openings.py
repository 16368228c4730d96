"""What customers owed, or had paid in advance, when the books here began: entered one by one; many come from a file."""

from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, console
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, ask

WHO = (Role.ADMIN, Role.ACCOUNTANT)
ROWS = 50
#: An advance is an amount below 0 to the API, and an amount of its own to people.
KINDS = ("owed", "advance")


@console.route("/who-owes/opening-balances")
@console.arguments(ListQuery, location="query")
@allow(*WHO, page=True)
def openings(query: dict[str, str]) -> Response:
    """Every opening balance in the order in which they were entered, and the ways to enter more."""
    return _openings(query.get("cursor"))


def _openings(cursor: str | None = None, **names: Any) -> Response:
    found = ask("/opening-balances", limit=ROWS, cursor=cursor)
    closed = ask("/settings")["books_closed_through"]
    return frame.page("openings.html", found=found, query={"cursor": cursor}, closed=closed, kinds=KINDS, **names)


@console.route("/who-owes/opening-balances", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def enter_opening(form: dict[str, str]) -> Response:
    """Enter what one customer owed, or had paid in advance."""
    sign = "-" if form.get("kind") == "advance" else ""
    body = frame.fields_of(form, "customer_code", "as_of") | {"amount": f"{sign}{form.get('amount', '').strip()}"}
    told: dict[str, Any] = {}
    address = url_for("console.openings")
    refused = frame.send(
        lambda: told.update(act("POST", "/opening-balances", body, key=form.get("key"))), _openings, address
    )
    if refused is not None:
        return refused
    amount = frame.figures().rupees(told["items"][0]["amount"])
    return frame.done(address, "opening_entered", code=told["items"][0]["customer_code"], amount=amount)


@console.route("/who-owes/opening-balances/<uuid:opening_id>/take-back", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def take_back_opening(form: dict[str, str], opening_id: UUID) -> Response:
    """Take one back that was entered wrongly, while its books are open; then it can be entered anew."""
    address = url_for("console.openings")
    refused = frame.send(lambda: act("DELETE", f"/opening-balances/{opening_id}"), _openings, address)
    return refused or frame.done(address, "opening_taken_back", name=form.get("name", ""))
