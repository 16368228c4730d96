"""New customers: one by one, or many from a file."""

import base64
import io
from typing import Any

from flask import Response, current_app, request, url_for
from werkzeug.datastructures import FileStorage

from dairy_app.accounts.routes.invitation_page import invitation_link
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, admits, ask

FIELDS = ("name", "phone", "email", "address_line1", "address_line2", "city", "pincode", "area", "notes", "map_link",
    "delivery_boy_id", "gstin")  # fmt: skip

#: Column of a file → its word, as on the form.
COLUMNS = {
    "name": "name", "phone": "phone", "email": "email", "address_line1": "house_street", "area": "area",
    "delivery_boy": "helper", "notes": "note_for_helper",
}  # fmt: skip
#: A file that was looked at is kept in its page up to this size, and need not be chosen again.
MOST_KEPT = 200 * 1024


@console.route("/customers/new")
@console.arguments(PageQuery, location="query")
@allow(Role.ADMIN, Role.MARKETING_STAFF, page=True)
def new_customer(query: dict[str, str]) -> Response:
    """The form for a new customer; for an admin also that for a file of many."""
    del query
    return _form()


def _form(**names: Any) -> Response:
    names |= {"areas": ask("/areas", limit=200)["items"], "columns": COLUMNS}
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


@console.route("/customers/file", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def register_file(form: dict[str, str]) -> Response:
    """Register the customers of a CSV or XLSX file, all or none; first only look at them."""
    told: dict[str, Any] = {}
    only_look = form.get("act") != "register"
    content, name = _chosen(form)

    def make() -> None:
        options = {"dry_run": "true"} if only_look else {"key": form.get("key")}
        file = None if content is None else FileStorage(io.BytesIO(content), name)
        told.update(act("POST", "/customers/import", file=file, **options))

    refused = frame.send(make, lambda **names: _form(**names), url_for("console.new_customer"))
    if refused is not None:
        return refused
    if only_look:
        kept = base64.b64encode(content or b"").decode() if len(content or b"") <= MOST_KEPT else None
        return _form(looked=told, kept=kept, kept_name=name)
    return frame.done(url_for("console.customers"), "registered_many", n=told["created"])


def _chosen(form: dict[str, str]) -> tuple[bytes | None, str]:
    """The file that was chosen, else the one that was looked at before; with its name."""
    file = request.files.get("file")
    if file is not None and file.filename:
        return file.read(), file.filename
    if not form.get("kept"):
        return None, ""
    try:
        return base64.b64decode(form["kept"], validate=True), form.get("kept_name", "")
    except ValueError:
        return None, ""
