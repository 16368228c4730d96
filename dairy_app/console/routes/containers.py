"""Bottles and cans that come back: their kinds, who has how many, and what the office enters for a customer."""

from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.business.queries import today
from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, PageQuery, console
from dairy_app.console.routes.products import product_page
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session
from dairy_app.web.inside import act, admits, ask

WHO = (Role.ADMIN, Role.ACCOUNTANT)
ROWS = 50


@console.route("/containers")
@console.arguments(PageQuery, location="query")
@allow(*WHO, page=True)
def containers(query: dict[str, str]) -> Response:
    """Every kind, what moved this month, and what is out: by helper and by customer."""
    del query
    return _page()


def _page(**names: Any) -> Response:
    found = {by: ask("/reports/containers", by=by) for by in ("helper", "customer")}
    names |= {f"by_{by}": each["items"] for by, each in found.items()}
    names["days"] = {"from": found["customer"]["from"], "to": found["customer"]["to"]}
    return frame.page("containers.html", kinds=ask("/containers")["items"], **names)


@console.route("/containers", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def new_container(form: dict[str, str]) -> Response:
    """A new kind of container."""

    def make() -> None:
        act("POST", "/containers", frame.fields_of(form, "name", "deposit"), key=form.get("key"))

    address = url_for("console.containers")
    return frame.send(make, _page, address) or frame.done(address, "container", name=form.get("name"))


@console.route("/containers/<uuid:container_id>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def change_container(form: dict[str, str], container_id: UUID) -> Response:
    """Another name or deposit."""

    def change() -> None:
        act("PATCH", f"/containers/{container_id}", frame.fields_of(form, "name", "deposit"))

    address = url_for("console.containers")
    return frame.send(change, _page, address) or frame.done(address, "container", name=form.get("name"))


@console.route("/products/<uuid:product_id>/container", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def set_container(form: dict[str, str], product_id: UUID) -> Response:
    """In what a product goes out, and how many to one unit; nothing chosen: nothing comes back."""

    def change() -> None:
        body: dict[str, Any] = {"container_id": form.get("container_id") or None}
        if body["container_id"]:
            body |= frame.fields_of(form, "containers_per_unit")
        act("PATCH", f"/products/{product_id}", body)

    address = url_for("console.product", product_id=product_id)
    refused = frame.send(change, lambda **names: product_page(product_id, **names), address)
    return refused or frame.done(address, "product_changed")


@console.route("/customers/<uuid:customer_id>/containers")
@console.arguments(ListQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, Role.MARKETING_STAFF, Role.CUSTOMER, page=True)
def customer_containers(query: dict[str, str], customer_id: UUID) -> Response:
    """What a customer has of each kind and what moved; for the office the forms of what comes without a delivery."""
    return _customer_page(customer_id, query.get("cursor"))


def _customer_page(customer_id: UUID, cursor: str | None = None, **names: Any) -> Response:
    if admits(f"/customers/{customer_id}/containers/back", "POST"):
        names |= {"kinds": ask("/containers")["items"], "tax_classes": ask("/tax-classes")["items"]}
    found = ask(f"/customers/{customer_id}/containers", limit=ROWS, cursor=cursor)
    customer, day = ask(f"/customers/{customer_id}"), today(current_session()).isoformat()
    return frame.page("customer_containers.html", customer=customer, found=found, day=day, **names)


@console.route("/customers/<uuid:customer_id>/containers/<way>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def enter_containers(form: dict[str, str], customer_id: UUID, way: str) -> Response:
    """What came back, went out or is lost without a delivery."""
    if way not in ("back", "out", "lost"):
        raise Problem("not_found")
    told: dict[str, Any] = {}

    def enter() -> None:
        body: dict[str, Any] = frame.fields_of(form, "container_id", "reason", "day")
        count = form.get("count", "").strip()
        body["count"] = int(count) if count.isdecimal() and len(count) < 10 else count
        if way == "lost":
            body |= {"charge": "charge" in form, **frame.fields_of(form, "tax_class")}
        told.update(act("POST", f"/customers/{customer_id}/containers/{way}", body, key=form.get("key")))

    address = url_for("console.customer_containers", customer_id=customer_id)
    refused = frame.send(enter, lambda **names: _customer_page(customer_id, **names), address)
    return refused or frame.done(address, f"containers_{way}", count=told[way], left=told["balance"])
