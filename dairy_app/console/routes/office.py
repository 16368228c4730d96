"""The office: who may sign in, areas, the dairy's settings, the audit log."""

from typing import Any
from uuid import UUID

from flask import Response, current_app, url_for
from marshmallow import fields

from dairy_app.accounts.routes.invitation_page import invitation_link
from dairy_app.business.models import DOOR_EXTRAS, GST_SCHEMES, ON_CREDIT_LIMIT
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, PageQuery, console
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, admits, ask

#: Logins and areas on a page, and changes.
ROWS, CHANGES = 100, 50
#: What the settings' form holds, in its groups. Cleared fields are set to nothing.
SETTINGS = {
    "seller": (
        "business_name",
        "legal_name",
        "address",
        "city",
        "pincode",
        "state_code",
        "gstin",
        "gst_scheme",
        "fssai_no",
        "phone",
        "upi_id",
    ),
    "bills": ("due_days", "invoice_footer", "second_language", "unusual_total_percent"),
    "days": ("cutoff_morning", "cutoff_evening", "delivery_window_days", "generation_days_ahead"),
    "orders": ("minimum_order_amount", "on_credit_limit"),
    "door": ("show_due_at_door", "cash_over_links", "door_extras", "door_extra_limit", "photo_days"),
    "programs": ("event_days",),
    "most": ("most_litre", "most_kg", "most_packet", "most_piece", "most_dozen"),
}
#: Before the unit, in the names of the form: of ``max_order_quantity``.
_MOST = "most_"
#: Settings that are on or off, and those that are one of some words.
SWITCHES = frozenset({"show_due_at_door", "cash_over_links"})
CHOICES = {"door_extras": DOOR_EXTRAS, "gst_scheme": GST_SCHEMES, "on_credit_limit": ON_CREDIT_LIMIT}
_WHOLE = frozenset({"due_days", "delivery_window_days", "generation_days_ahead", "photo_days", "event_days"})


#: Who works here; customers are listed apart, as there are many.
STAFF = tuple(role.value for role in Role if role is not Role.CUSTOMER)


class PeopleQuery(ListQuery):
    """People of one role; all staff when none is named."""

    role = fields.String(validate=validate.OneOf(["", *(role.value for role in Role)]))


@console.route("/people")
@console.arguments(PeopleQuery, location="query")
@allow(Role.ADMIN, page=True)
def people(query: dict[str, str]) -> Response:
    """Everybody who may sign in, or was invited to."""
    return _people(query.get("role"), query.get("cursor"))


def _people(role: str | None = None, cursor: str | None = None, **names: Any) -> Response:
    if role:
        found = ask("/users", role=role, limit=ROWS, cursor=cursor)
    else:
        found = {"items": [each for one in STAFF for each in ask("/users", role=one, limit=ROWS)["items"]]}
    return frame.page("people.html", found=found, role=role, roles=[each.value for each in Role], staff=STAFF, **names)


@console.route("/people", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def invite(form: dict[str, str]) -> Response:
    """A new login; shows the link of its invitation, once."""
    made: dict[str, Any] = {}

    def make() -> None:
        login = form.get("login", "").strip()
        body = frame.fields_of(form, "name", "role") | {"email" if "@" in login else "phone": login}
        made.update(act("POST", "/users", body, key=form.get("key")))

    address = url_for("console.people")
    refused = frame.send(make, lambda **names: _people(**names), address)
    return refused or _with_link(made.get("invitation_token"), made["name"])


@console.route("/people/<uuid:user_id>/invitation", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def invite_again(form: dict[str, str], user_id: UUID) -> Response:
    """A new invitation, for who lost the link or forgot the password; the old one ends."""
    made: dict[str, Any] = {}
    path = f"/users/{user_id}/invitation"
    refused = frame.send(lambda: made.update(act("POST", path)), lambda **names: _people(**names), "/people")
    return refused or _with_link(made["invitation_token"], form.get("name", ""))


def _with_link(token: str | None, name: str) -> Response:
    link = invitation_link(current_app.config["DAIRY"], token) if token else None
    return _people(link=link, invited=name)


@console.route("/people/<uuid:user_id>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def change_person(form: dict[str, str], user_id: UUID) -> Response:
    """End somebody's access at once, or give it back."""
    is_active, told = form.get("is_active") == "yes", dict[str, Any]()

    def change() -> None:
        told.update(act("PATCH", f"/users/{user_id}", {"is_active": is_active}))

    address = url_for("console.people")
    refused = frame.send(change, lambda **names: _people(**names), address)
    return refused or frame.done(address, "may_sign_in" if is_active else "may_not_sign_in", name=told["name"])


@console.route("/areas")
@console.arguments(ListQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF, page=True)
def areas(query: dict[str, str]) -> Response:
    """Parts of town."""
    return _areas(query.get("cursor"))


def _areas(cursor: str | None = None, **names: Any) -> Response:
    return frame.page("areas.html", found=ask("/areas", limit=ROWS, cursor=cursor), **names)


@console.route("/areas", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def new_area(form: dict[str, str]) -> Response:
    """A new part of town."""
    address = url_for("console.areas")

    def make() -> None:
        act("POST", "/areas", frame.fields_of(form, "name", "parent_id"), key=form.get("key"))

    refused = frame.send(make, lambda **names: _areas(**names), address)
    return refused or frame.done(address, "area", name=form.get("name", ""))


@console.route("/settings")
@console.arguments(PageQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, page=True)
def settings(query: dict[str, str]) -> Response:
    """Who the dairy is, and by which rules it delivers and bills."""
    del query
    return _settings()


def _settings(**names: Any) -> Response:
    names.setdefault("form", {})
    names |= {"groups": SETTINGS, "switches": SWITCHES, "choices": CHOICES, "may_change": admits("/settings", "PATCH")}
    settings = ask("/settings")
    settings |= {f"{_MOST}{unit}": most for unit, most in settings["max_order_quantity"].items()}
    return frame.page("settings.html", settings=settings, **names)


@console.route("/settings", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def change_settings(form: dict[str, str]) -> Response:
    """Change the settings of one group; the others stay."""
    names = SETTINGS.get(form.get("group", ""), ())
    body: dict[str, Any] = {name: _typed(name, form.get(name, "").strip()) for name in names}
    most = {name.removeprefix(_MOST): body.pop(name) for name in names if name.startswith(_MOST)}
    body |= {"max_order_quantity": most} if most else {}
    if body.get("gst_scheme") in {None, ask("/settings")["gst_scheme"]}:
        body.pop("gst_scheme", None)  # nobody chose one: it follows from the GSTIN
    address = url_for("console.settings")

    def change() -> None:
        with frame.told_at({f"/max_order_quantity/{unit}": f"/{_MOST}{unit}" for unit in most}):
            act("PATCH", "/settings", body)

    refused = frame.send(change, lambda **shown: _settings(**shown), address)
    return refused or frame.done(f"{address}#{form.get('group', '')}", "settings")


def _typed(name: str, text: str) -> str | int | bool | None:
    if name in SWITCHES:
        return text == "yes"
    if name in _WHOLE and text.isdecimal():
        return int(text)
    return text or None


class AuditQuery(ListQuery):
    """Whose or which changes; ``customer``: of everything about one customer."""

    table = fields.String(validate=validate.Length(max=100))
    row = fields.String(validate=validate.Length(max=200))
    customer = fields.UUID()


@console.route("/audit-log")
@console.arguments(AuditQuery, location="query")
@allow(Role.ADMIN, page=True, may_lag=True)
def audit_log(query: dict[str, Any]) -> Response:
    """Who changed what and when, the latest first."""
    customer = query.get("customer")
    asked = {"table_name": query.get("table") or None, "row_id": query.get("row") or None, "customer_id": customer}
    names = {"of": ask(f"/customers/{customer}")} if customer else {}
    return frame.page("audit_log.html", found=changes(CHANGES, query.get("cursor"), **asked), query=query, **names)


def changes(limit: int, cursor: str | None = None, **asked: Any) -> dict[str, Any]:
    """Entries of the audit log, each with who made it, and from what to what."""
    found: dict[str, Any] = ask("/audit-log", limit=limit, cursor=cursor, **asked)
    names = {each["id"]: each["name"] for each in ask("/users", limit=200)["items"]}
    for each in found["items"]:
        before, after = each["before"] or {}, each["after"] or {}
        each["who"] = names.get(each["actor_user_id"])
        each["changes"] = [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
    return found
