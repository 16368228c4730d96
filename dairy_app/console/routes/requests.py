"""What was asked for at the doors, to be decided."""

from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, console
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, ask

ROWS = 50


@console.route("/requests")
@console.arguments(ListQuery, location="query")
@allow(Role.ADMIN, Role.MARKETING_STAFF, page=True)
def requests(query: dict[str, str]) -> Response:
    """The requests that wait, the oldest first."""
    return _requests(query.get("cursor"))


def _requests(cursor: str | None = None, **names: Any) -> Response:
    found = ask("/change-requests", status="pending", limit=ROWS, cursor=cursor)
    products = {each["id"]: each for each in ask("/products", limit=200)["items"]}
    return frame.page("requests.html", found=found, products=products, **names)


@console.route("/requests/<uuid:request_id>/approve", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.MARKETING_STAFF, page=True)
def approve(form: dict[str, str], request_id: UUID) -> Response:
    """Do what was asked for."""
    return _decide(form, request_id, "approve")


@console.route("/requests/<uuid:request_id>/reject", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.MARKETING_STAFF, page=True)
def reject(form: dict[str, str], request_id: UUID) -> Response:
    """Decline what was asked for, with a reason."""
    return _decide(form, request_id, "reject")


def _decide(form: dict[str, str], request_id: UUID, verdict: str) -> Response:
    told: dict[str, Any] = {}

    def decide() -> None:
        body = frame.fields_of(form, "reason")
        told.update(act("POST", f"/change-requests/{request_id}/{verdict}", body, key=form.get("key")))

    address = url_for("console.requests")
    refused = frame.send(decide, lambda **names: _requests(refused_id=str(request_id), **names), address)
    return refused or frame.done(address, f"request_{verdict}", name=told["customer_name"])
