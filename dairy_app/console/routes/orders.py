"""Orders of everybody, and one of them: what was ordered, what was delivered, by whom, and putting it right."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, url_for
from marshmallow import fields

from dairy_app.business.queries import business_settings, today
from dairy_app.common.errors import invalid
from dairy_app.console.routes import frame
from dairy_app.console.routes.customers import customers_found, customers_named
from dairy_app.console.routes.frame import Form, ListQuery, PageQuery, console
from dairy_app.deliveries.rules import REASON_CODES
from dairy_app.orders.models import ORDER_STATUSES, ORDER_TYPES
from dairy_app.photos.rules import PHOTOGRAPHED
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_actor, current_session
from dairy_app.web.inside import act, admits, ask
from dairy_app.web.schemas import Day

WHO = (Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF)
ROWS = 50
#: Orders that wait to be delivered, whatever they are called.
OPEN = ("PENDING", "OUT_FOR_DELIVERY")
#: What the field for a product's quantity is called before its id.
QUANTITY = "quantity_"


class OrdersQuery(ListQuery):
    """Which orders: of a day, or from a day to a day."""

    date = Day()
    first = Day(data_key="from")
    last = Day(data_key="to")
    status = fields.String(validate=validate.OneOf(["", "open", *ORDER_STATUSES]))
    type = fields.String(validate=validate.OneOf(["", *ORDER_TYPES]))


@console.route("/orders")
@console.arguments(OrdersQuery, location="query")
@allow(*WHO, page=True, may_lag=True)
def orders(query: dict[str, Any]) -> Response:
    """The orders of a day, today unless another is asked for, or of a span of days."""
    if "first" not in query and "last" not in query:
        query.setdefault("date", today(current_session()))
    status, typed = query.get("status"), query.get("q", "").strip()
    wanted = {
        "delivery_date": query.get("date"),
        "delivery_date[gte]": query.get("first"),
        "delivery_date[lte]": query.get("last"),
        "status": OPEN if status == "open" else status or None,
        "order_type": query.get("type") or None,
        "sort": query.get("sort"),
        "cursor": query.get("cursor"),
    }
    whose, is_wide = customers_found(typed) if typed else (None, False)
    names = {"query": query, "is_wide": is_wide, "states": ("open", *ORDER_STATUSES), "types": ORDER_TYPES}
    if whose == []:
        return frame.page("orders.html", found={"items": []}, **names)
    found, said = frame.asked("/orders", limit=ROWS, customer_id=whose, **wanted)
    return frame.page("orders.html", said.pop("status"), found=found, **names, **said)


@console.route("/orders/<uuid:order_id>")
@console.arguments(PageQuery, location="query")
@allow(*WHO, Role.DELIVERY_BOY, Role.CUSTOMER, page=True)
def order(query: dict[str, str], order_id: UUID) -> Response:
    """One order with what happened at the door; a customer sees its own, a helper those of his rounds."""
    del query
    return order_page(order_id)


def order_page(order_id: UUID, opened: str | None = None, **names: Any) -> Response:
    """The page of an order. ``opened``: the form on it that was refused."""
    found = ask(f"/orders/{order_id}")
    bill, status = found["invoice"], found["delivery_status"]
    day, planned = today(current_session()), date.fromisoformat(found["delivery_date"])
    is_open_to_correction = status is not None and (bill is None or bill["status"] == "draft")
    is_own_day = current_actor().role is not Role.DELIVERY_BOY or planned == day
    names |= {
        "may_confirm": admits("/deliveries/confirmations", "POST") and found["status"] in OPEN and planned <= day,
        "may_correct": admits(f"/deliveries/{order_id}", "PATCH") and is_open_to_correction and is_own_day,
        "may_cancel": admits(f"/orders/{order_id}/cancel", "POST") and found["status"] == "PENDING",
        "may_move": admits(f"/deliveries/{order_id}/moved", "POST") and bill is not None and bill["status"] == "draft",
        "may_photograph": admits(f"/deliveries/{order_id}/photo", "POST")
        and found["status"] in PHOTOGRAPHED
        and is_own_day,
        "reasons": REASON_CODES,
    }
    if admits("/delivery-photos"):
        names["photo"] = next(iter(ask("/delivery-photos", order_id=order_id)["items"]), None)
    if names["may_confirm"] and admits("/products") and business_settings(current_session()).door_extras != "off":
        names["goods"] = [(each["id"], each["name"]) for each in ask("/products", is_active="true", limit=200)["items"]]
    return frame.page("order.html", order=found, opened=opened, **names)


@console.route("/orders/<uuid:order_id>/confirm", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.DELIVERY_BOY, page=True)
def confirm_order(form: dict[str, str], order_id: UUID) -> Response:
    """Enter what happened at the door, when nobody confirmed it there."""
    body: dict[str, Any] = {"order_id": str(order_id), **frame.fields_of(form, "status", "notes")}
    quantities = _quantities(form)
    if body.get("status") == "not_delivered":
        body |= frame.fields_of(form, "reason_code")
    else:
        body["items"] = [{"product_id": each, "delivered_quantity": quantity} for each, quantity in quantities]
    if form.get("extra"):
        body["extra_items"] = [{"product_id": form["extra"], "quantity": form.get("extra_quantity", "").strip()}]

    def confirm() -> None:
        body["delivery_date"] = ask(f"/orders/{order_id}")["delivery_date"]
        with frame.told_at(_fields(quantities) | {"/extra_items": "/extra_quantity"}):
            act("POST", "/deliveries/confirmations", body, key=form.get("key"))

    return _done(confirm, order_id, "confirm", "order_confirmed")


@console.route("/orders/<uuid:order_id>/correct", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.DELIVERY_BOY, page=True)
def correct_order(form: dict[str, str], order_id: UUID) -> Response:
    """Put right what was confirmed wrongly, as long as its bill is a draft."""
    body: dict[str, Any] = frame.fields_of(form, "reason")
    quantities = _quantities(form)
    if form.get("nothing"):
        body["status"] = "not_delivered"
    else:
        body["items"] = [{"product_id": each, "delivered_quantity": quantity} for each, quantity in quantities]

    def correct() -> None:
        with frame.told_at(_fields(quantities)):
            act("PATCH", f"/deliveries/{order_id}", body)

    return _done(correct, order_id, "correct", "order_corrected")


@console.route("/orders/<uuid:order_id>/moved", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def move_order(form: dict[str, str], order_id: UUID) -> Response:
    """Put right what went to another door: it moves to the draft of whoever got it."""
    found: list[dict[str, Any]] = []

    def move() -> None:
        found.extend(customers_named(form.get("to_customer", "").strip()))
        if len(found) != 1:
            raise invalid("/to_customer", frame.words()("sheet_several" if found else "sheet_nobody"))
        body = {**frame.fields_of(form, "reason"), "to_customer_id": found[0]["id"]}
        with frame.told_at({"/to_customer_id": "/to_customer"}):
            act("POST", f"/deliveries/{order_id}/moved", body, key=form.get("key"))

    address = url_for("console.order", order_id=order_id)
    refused = frame.send(move, lambda **names: order_page(order_id, "move", **names), address)
    return refused or frame.done(address, "order_moved", name=found[0]["name"])


@console.route("/orders/<uuid:order_id>/cancel", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER, page=True)
def cancel_one_order(form: dict[str, str], order_id: UUID) -> Response:
    """Cancel an order that is not on its way yet."""
    body = frame.fields_of(form, "reason")
    return _done(lambda: act("POST", f"/orders/{order_id}/cancel", body), order_id, "cancel", "order_cancelled")


def _done(do: Callable[[], Any], order_id: UUID, opened: str, said: str) -> Response:
    address = url_for("console.order", order_id=order_id)
    refused = frame.send(do, lambda **names: order_page(order_id, opened, **names), address)
    return refused or frame.done(address, said)


def _quantities(form: dict[str, str]) -> list[tuple[str, str]]:
    """Product and what was typed for it, of every product of the form."""
    return [(name.removeprefix(QUANTITY), text.strip()) for name, text in form.items() if name.startswith(QUANTITY)]


def _fields(quantities: list[tuple[str, str]]) -> dict[str, str]:
    """The field of each item of a body."""
    return {f"/items/{place}": f"/{QUANTITY}{product}" for place, (product, _) in enumerate(quantities)}
