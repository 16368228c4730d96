"""Moves of a customer that are known before, on the customer's page: planned, and taken back until their day."""

from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.console.routes import frame
from dairy_app.console.routes.customers import customer_page
from dairy_app.console.routes.frame import Form, console
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act

WHO = (Role.ADMIN, Role.MARKETING_STAFF)
_FIELDS = ("address_line1", "address_line2", "city", "pincode", "map_link", "area_id", "delivery_boy_id")


@console.route("/customers/<uuid:customer_id>/moves", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def plan_move(form: dict[str, str], customer_id: UUID) -> Response:
    """Enter what is different from a day on; what was left empty stays as it is."""
    address = url_for("console.customer", customer_id=customer_id)

    def plan() -> None:
        body: dict[str, Any] = frame.fields_of(form, "from", *_FIELDS)
        place = form.get("stop_sequence", "").strip()
        if place:
            body["stop_sequence"] = int(place) if place.isdecimal() and len(place) < 10 else place
        act("POST", f"/customers/{customer_id}/moves", body, key=form.get("key"))

    refused = frame.send(plan, lambda **names: customer_page(customer_id, **names), address)
    return refused or frame.done(f"{address}#moves", "move_planned", day=frame.figures().day(form["from"]))


@console.route("/customers/<uuid:customer_id>/moves/<uuid:move_id>/take-back", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def take_back_move(form: dict[str, str], customer_id: UUID, move_id: UUID) -> Response:
    """Take a move back whose day is to come."""
    address = url_for("console.customer", customer_id=customer_id)

    def take_back() -> None:
        act("DELETE", f"/customers/{customer_id}/moves/{move_id}")

    refused = frame.send(take_back, lambda **names: customer_page(customer_id, **names), address)
    return refused or frame.done(f"{address}#moves", "move_taken_back", day=frame.figures().day(form.get("day")))
