"""What a customer wants: standing orders, other quantities and pauses, orders of one day, and their end."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.console.routes import frame
from dairy_app.console.routes.customers import WHO_CHANGES, customer_page
from dairy_app.console.routes.frame import Form, console
from dairy_app.console.routes.planned import confirmed, rhythm_of
from dairy_app.console.rules.calendar import month_of
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act

#: For ``subscription_id``: every standing order that is not stopped.
ALL = "all"


@console.route("/customers/<uuid:customer_id>/standing-orders", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def new_standing_order(form: dict[str, str], customer_id: UUID) -> Response:
    """What comes regularly: daily, on some weekdays, or every few days."""

    def make() -> None:
        body = frame.fields_of(form, "product_id", "shift", "default_quantity", "start_date") | rhythm_of(form)
        body |= {"customer_id": str(customer_id), **confirmed(form)}
        act("POST", "/subscriptions", body, key=form.get("key"))

    return _done(customer_id, make, "standing_order")


@console.route("/customers/<uuid:customer_id>/standing-orders/<uuid:subscription_id>/quantity", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def change_quantity(form: dict[str, str], customer_id: UUID, subscription_id: UUID) -> Response:
    """Another quantity of a standing order till further notice, from a day on or from the first that may change."""

    def change() -> None:
        body = frame.fields_of(form, "default_quantity", "effective_from", "reason") | confirmed(form)
        act("PATCH", f"/subscriptions/{subscription_id}", body)

    return _done(customer_id, change, "standing_order_changed")


@console.route("/customers/<uuid:customer_id>/standing-orders/<uuid:subscription_id>/<verb>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def end_standing_order(form: dict[str, str], customer_id: UUID, subscription_id: UUID, verb: str) -> Response:
    """Stop a standing order from a day on, or resume one that is paused without an end."""

    def end() -> None:
        body = frame.fields_of(form, "stop_date", "reason") if verb == "stop" else {}
        act("POST", f"/subscriptions/{subscription_id}/{verb}", body, key=form.get("key"))

    return _done(customer_id, end, f"standing_order_{verb}")


@console.route("/customers/<uuid:customer_id>/days", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def set_day(form: dict[str, str], customer_id: UUID) -> Response:
    """Another quantity on one day of a standing order; with nothing typed, or asked for, it is as usual again."""
    subscription, day = frame.part_of_address(form, "subscription_id"), frame.part_of_address(form, "date")
    own = f"/subscriptions/{subscription}/overrides/{day}"
    quantity = "" if form.get("usual") else form.get("quantity", "").strip()

    def enter() -> None:
        if quantity:
            act("PUT", own, {"quantity": quantity, **frame.fields_of(form, "note"), **confirmed(form)})
        else:
            act("DELETE", own)

    said = {"day": _written(day), "quantity": quantity}
    return _on_a_day(form, customer_id, day, enter, "day_set" if quantity else "day_usual", said)


@console.route("/customers/<uuid:customer_id>/holidays", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def holiday(form: dict[str, str], customer_id: UUID) -> Response:
    """Nothing comes from a day to a day: of all standing orders or, where one cannot pause, of none."""

    def enter() -> None:
        body = frame.fields_of(form, "from", "to", "reason")
        act("POST", f"/customers/{customer_id}/pauses", body, key=form.get("key"))

    first, last = (form.get(name, "").strip() for name in ("from", "to"))
    said = {"first": _written(first), "last": _written(last)}
    return _done(customer_id, enter, "paused" if last else "paused_open", said)


@console.route("/customers/<uuid:customer_id>/pauses", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def pause(form: dict[str, str], customer_id: UUID) -> Response:
    """No delivery from a day to a day: of one standing order, or of all of them or none."""
    chosen, key = frame.part_of_address(form, "subscription_id"), form.get("key")

    def enter() -> None:
        body = frame.fields_of(form, "from", "to", "reason")
        if chosen != ALL:
            act("POST", f"/subscriptions/{chosen}/pauses", body, key=key)
            return
        act("POST", f"/customers/{customer_id}/pauses", body, key=key)

    first, last = (form.get(name, "").strip() for name in ("from", "to"))
    said = {"first": _written(first), "last": _written(last)}
    return _on_a_day(form, customer_id, first, enter, "paused" if last else "paused_open", said)


@console.route("/customers/<uuid:customer_id>/pauses/<uuid:pause_id>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def change_pause(form: dict[str, str], customer_id: UUID, pause_id: UUID) -> Response:
    """Lengthen, shorten or end a pause: of one standing order, or what all of them got in one go."""
    chosen, ends = frame.part_of_address(form, "subscription_id"), bool(form.get("end"))
    own = f"/customers/{customer_id}" if chosen == ALL else f"/subscriptions/{chosen}"

    def change() -> None:
        if ends:
            act("DELETE", f"{own}/pauses/{pause_id}")
            return
        body = frame.fields_of(form, "from", "reason") | {"to": form.get("to", "").strip() or None}
        act("PATCH", f"{own}/pauses/{pause_id}", body)

    return _done(customer_id, change, "pause_ended" if ends else "pause_changed")


@console.route("/customers/<uuid:customer_id>/deliver-again", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def deliver_again(form: dict[str, str], customer_id: UUID) -> Response:
    """End the pause of a standing order that covers a day: it comes again from that day on."""
    subscription, day = frame.part_of_address(form, "subscription_id"), frame.part_of_address(form, "date")

    def enter() -> None:
        act("POST", f"/subscriptions/{subscription}/resume", {"from": day}, key=form.get("key"))

    return _on_a_day(form, customer_id, day, enter, "delivered_again", {"day": _written(day)})


@console.route("/customers/<uuid:customer_id>/orders", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def new_order(form: dict[str, str], customer_id: UUID) -> Response:
    """Something for one day only."""

    def make() -> None:
        item = {"product_id": form.get("product_id"), "quantity": form.get("quantity", "").strip()}
        body = {**frame.fields_of(form, "delivery_date", "shift", "notes"), "customer_id": str(customer_id)}
        act("POST", "/orders", {**body, **confirmed(form), "items": [item]}, key=form.get("key"))

    return _on_a_day(form, customer_id, form.get("delivery_date", "").strip(), make, "order")


@console.route("/customers/<uuid:customer_id>/unplanned", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.DELIVERY_BOY, page=True)
def enter_unplanned(form: dict[str, str], customer_id: UUID) -> Response:
    """What was brought though nobody had ordered it."""

    def enter() -> None:
        item = {"product_id": form.get("product_id"), "quantity": form.get("quantity", "").strip()}
        body = {**frame.fields_of(form, "shift", "reason"), "customer_id": str(customer_id), "items": [item]}
        body |= {"delivery_date": form.get("date", ""), **confirmed(form)}
        with frame.told_at({"/items/0/quantity": "/quantity", "/items": "/product_id"}):
            act("POST", "/deliveries/unplanned", body, key=form.get("key"))

    return _on_a_day(form, customer_id, form.get("date", "").strip(), enter, "unplanned")


@console.route("/customers/<uuid:customer_id>/orders/<uuid:order_id>/cancel", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def cancel_order(form: dict[str, str], customer_id: UUID, order_id: UUID) -> Response:
    """Cancel an order that is not on its way yet."""
    body = frame.fields_of(form, "reason")

    def cancel() -> None:
        act("POST", f"/orders/{order_id}/cancel", body, key=form.get("key"))

    return _on_a_day(form, customer_id, form.get("date", ""), cancel, "order_cancelled")


def _done(customer_id: UUID, do: Callable[[], None], said: str, values: Mapping[str, Any] | None = None) -> Response:
    address = url_for("console.customer", customer_id=customer_id)
    refused = frame.send(do, lambda **names: customer_page(customer_id, **names), address)
    return refused or frame.done(address, said, **(values or {}))


def _on_a_day(
    form: Mapping[str, str],
    customer_id: UUID,
    typed: str,
    do: Callable[[], None],
    said: str,
    values: Mapping[str, Any] | None = None,
) -> Response:
    """Do it; then the page with the day ``typed`` opened. When it is refused, with that on which the form was."""
    day = _day(typed)
    opened = _day(form.get("date", "")) or day
    address = url_for("console.customer", customer_id=customer_id, day=opened)
    refused = frame.send(do, lambda **names: customer_page(customer_id, opened=opened, **names), address)
    if refused is not None:
        return refused
    address = url_for("console.customer", customer_id=customer_id, day=day)
    return frame.done(f"{address}#{'day' if day else 'calendar'}", said, **(values or {}))


def _day(typed: str) -> date | None:
    return date.fromisoformat(typed) if month_of(typed) else None


def _written(day: str) -> str:
    """A day that somebody typed, in words; as it was typed when it is none."""
    return frame.figures().day(day) if month_of(day) else day
