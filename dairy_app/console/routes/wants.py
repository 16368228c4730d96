"""What a customer wants: standing orders, orders of one day, and their end."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from dairy_app.console.routes import frame
from dairy_app.console.routes.customers import WHO_CHANGES, customer_page
from dairy_app.console.routes.frame import Form, console
from dairy_app.web.access import allow
from dairy_app.web.inside import act


@console.route("/customers/<uuid:customer_id>/standing-orders", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def new_standing_order(form: dict[str, str], customer_id: UUID) -> Response:
    """What comes regularly: daily, on some weekdays, or every few days."""

    def make() -> None:
        body = frame.fields_of(form, "product_id", "mode", "shift", "default_quantity", "start_date")
        body["customer_id"] = str(customer_id)
        if body.get("mode") == "weekly_pattern":
            body["weekly_pattern"] = [int(day) for day in request.form.getlist("weekday") if day.isdecimal()]
        if body.get("mode") == "alternate_days" and form.get("interval_days", "").isdecimal():
            body["interval_days"] = int(form["interval_days"])
        act("POST", "/subscriptions", body, key=form.get("key"))

    return _done(customer_id, make, "standing_order")


@console.route("/customers/<uuid:customer_id>/standing-orders/<uuid:subscription_id>/<verb>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def end_standing_order(form: dict[str, str], customer_id: UUID, subscription_id: UUID, verb: str) -> Response:
    """Stop a standing order from a day on, or resume one that is paused without an end."""

    def end() -> None:
        body = frame.fields_of(form, "stop_date", "reason") if verb == "stop" else {}
        act("POST", f"/subscriptions/{subscription_id}/{verb}", body, key=form.get("key"))

    return _done(customer_id, end, f"standing_order_{verb}")


@console.route("/customers/<uuid:customer_id>/orders", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def new_order(form: dict[str, str], customer_id: UUID) -> Response:
    """Something for one day only."""

    def make() -> None:
        item = {"product_id": form.get("product_id"), "quantity": form.get("quantity", "").strip()}
        body = {**frame.fields_of(form, "delivery_date", "shift", "notes"), "customer_id": str(customer_id)}
        act("POST", "/orders", {**body, "items": [item]}, key=form.get("key"))

    return _done(customer_id, make, "order")


@console.route("/customers/<uuid:customer_id>/orders/<uuid:order_id>/cancel", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def cancel_order(form: dict[str, str], customer_id: UUID, order_id: UUID) -> Response:
    """Cancel an order that is not on its way yet."""
    body = frame.fields_of(form, "reason")
    return _done(
        customer_id, lambda: act("POST", f"/orders/{order_id}/cancel", body, key=form.get("key")), "order_cancelled"
    )


def _done(customer_id: UUID, do: Any, said: str) -> Response:
    address = url_for("console.customer", customer_id=customer_id)
    refused = frame.send(do, lambda **names: customer_page(customer_id, **names), address)
    return refused or frame.done(address, said)
