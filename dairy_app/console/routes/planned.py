"""What a standing order becomes from a day on: planned on a page of its own, and taken back before its day."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from dairy_app.console.routes import frame
from dairy_app.console.routes.customers import WEEKDAYS, WHO_CHANGES
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.web.access import allow
from dairy_app.web.inside import act, ask


def rhythm_of(form: dict[str, str]) -> dict[str, Any]:
    """What a form says about how often something comes, as the API takes it."""
    body = frame.fields_of(form, "mode")
    if body.get("mode") == "weekly_pattern":
        by_day = {day: form[f"on_{day}"].strip() for day in WEEKDAYS if form.get(f"on_{day}", "").strip()}
        if by_day:
            body["weekly_quantities"] = by_day
        else:
            body["weekly_pattern"] = [int(day) for day in request.form.getlist("weekday") if day.isdecimal()]
    every = form.get("interval_days", "").strip()
    if body.get("mode") == "alternate_days" and every.isdecimal() and len(every) < 10:
        body["interval_days"] = int(every)
    return body


def confirmed(form: dict[str, str]) -> dict[str, bool]:
    """For the API, that what looked like a slip of the finger is meant."""
    return {"confirm": True} if form.get("confirm") else {}


@console.route("/customers/<uuid:customer_id>/standing-orders/<uuid:subscription_id>/change")
@console.arguments(PageQuery, location="query")
@allow(*WHO_CHANGES, page=True)
def plan_change(query: dict[str, Any], customer_id: UUID, subscription_id: UUID) -> Response:
    """What a standing order is, what is planned of it, and a form for more."""
    del query
    return _page(customer_id, subscription_id)


@console.route("/customers/<uuid:customer_id>/standing-orders/<uuid:subscription_id>/change", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def enter_change(form: dict[str, str], customer_id: UUID, subscription_id: UUID) -> Response:
    """Enter what is different from a day on; what was left empty stays as it is."""
    address = url_for("console.plan_change", customer_id=customer_id, subscription_id=subscription_id)

    def enter() -> None:
        names = ("from", "product_id", "default_quantity", "shift", "price_per_unit", "reason")
        body = frame.fields_of(form, *names) | rhythm_of(form) | confirmed(form)
        if form.get("replace_later"):
            body["replace_later"] = True
        act("POST", f"/subscriptions/{subscription_id}/changes", body, key=form.get("key"))

    refused = frame.send(enter, lambda **names: _page(customer_id, subscription_id, **names), address)
    return refused or frame.done(address, "change_planned", day=frame.figures().day(form["from"]))


@console.route(
    "/customers/<uuid:customer_id>/standing-orders/<uuid:subscription_id>/change/<uuid:change_id>/take-back",
    methods=["POST"],
)
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def take_back_change(form: dict[str, str], customer_id: UUID, subscription_id: UUID, change_id: UUID) -> Response:
    """Take a change back before it holds."""
    del form
    address = url_for("console.plan_change", customer_id=customer_id, subscription_id=subscription_id)

    def take_back() -> None:
        act("DELETE", f"/subscriptions/{subscription_id}/changes/{change_id}")

    refused = frame.send(take_back, lambda **names: _page(customer_id, subscription_id, **names), address)
    return refused or frame.done(address, "change_taken_back")


def _page(customer_id: UUID, subscription_id: UUID, **names: Any) -> Response:
    goods = [(each["id"], each["name"]) for each in ask("/products", is_active="true", limit=200)["items"]]
    names |= {"customer": ask(f"/customers/{customer_id}"), "order": ask(f"/subscriptions/{subscription_id}")}
    return frame.page("plan_change.html", goods=goods, weekday_names=WEEKDAYS, **names)
