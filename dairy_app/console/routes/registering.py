"""New customers, one by one; many come from a file (``from_file``)."""

from typing import Any

from flask import Response, current_app, url_for

from dairy_app.accounts.routes.invitation_page import invitation_link
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, admits, ask

FIELDS = ("name", "phone", "email", "address_line1", "address_line2", "city", "pincode", "area", "notes", "map_link",
    "delivery_boy_id", "gstin")  # fmt: skip


@console.route("/customers/new")
@console.arguments(PageQuery, location="query")
@allow(Role.ADMIN, Role.MARKETING_STAFF, page=True)
def new_customer(query: dict[str, str]) -> Response:
    """The form for a new customer."""
    del query
    return _form()


def _form(**names: Any) -> Response:
    names |= {"areas": ask("/areas", limit=200)["items"]}
    if admits("/users"):
        names["helpers"] = ask("/users", role=Role.DELIVERY_BOY.value, is_active="true", limit=200)["items"]
    return frame.page("new_customer.html", **names)


@console.route("/customers/new", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.MARKETING_STAFF, page=True)
def register(form: dict[str, str]) -> Response:
    """Register a customer, with a login; an admin is shown the link of its invitation, once."""
    made: dict[str, Any] = {}

    def make() -> None:
        body = frame.fields_of(form, *FIELDS) | {"login": "login" in form}
        made.update(act("POST", "/customers", body, key=form.get("key")))

    refused = frame.send(make, lambda **names: _form(**names), url_for("console.new_customer"))
    if refused is not None:
        return refused
    if not made.get("invitation_token"):
        return frame.done(url_for("console.customer", customer_id=made["id"]), "registered", name=made["name"])
    link = invitation_link(current_app.config["DAIRY"], made["invitation_token"])
    return _form(made=made, link=link)
