"""Customers: found by any word, and all about one of them on a page."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, url_for
from marshmallow import fields

from dairy_app.business.queries import today
from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, PageQuery, console
from dairy_app.customers.models import CUSTOMER_STATUSES
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session
from dairy_app.web.inside import act, admits, ask
from dairy_app.web.schemas import Month

#: Rows of a list on a page, and of what is latest on a customer's page.
ROWS, LATEST = 50, 8
#: The ledger begins so many days ago; its first line says what was owed before.
LEDGER_DAYS = 92
#: Years that have a calendar.
YEARS = range(2000, 2200)
#: Rules by which nothing comes because somebody wanted it so.
_DECIDED = frozenset({"pause", "override", "irregular", "product_inactive"})
STAFF = (Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF, Role.DELIVERY_BOY)
#: Who changes what comes; a customer its own.
WHO_CHANGES = (Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)


class CustomersQuery(ListQuery):
    """Which customers."""

    status = fields.String(validate=validate.OneOf(["", *CUSTOMER_STATUSES]))


class CustomerQuery(PageQuery):
    """Which month of the calendar."""

    month = Month()


@console.route("/customers")
@console.arguments(CustomersQuery, location="query")
@allow(*STAFF, page=True)
def customers(query: dict[str, str]) -> Response:
    """The customers whom the caller may see, by any word of name, code, address or phone number."""
    found = ask(
        "/customers",
        search=query.get("q", "").strip() or None,
        status=query.get("status") or None,
        sort=query.get("sort"),
        cursor=query.get("cursor"),
        limit=ROWS,
    )
    return frame.page("customers.html", found=found, query=query, statuses=CUSTOMER_STATUSES)


@console.route("/customers/<uuid:customer_id>")
@console.arguments(CustomerQuery, location="query")
@allow(*STAFF, Role.CUSTOMER, page=True)
def customer(query: dict[str, str], customer_id: UUID) -> Response:
    """All about one customer, as far as the role may see it; a customer sees itself."""
    return customer_page(customer_id, query.get("month"))


def customer_page(customer_id: UUID, month: str | None = None, **names: Any) -> Response:
    """The page of a customer, with what a form that was refused has to say."""
    day, own = today(current_session()), f"/customers/{customer_id}"
    month = month or f"{day:%Y-%m}"
    if int(month[:4]) not in YEARS:
        raise Problem("not_found")
    names |= {"customer": ask(own), "month": month, "day": day.isoformat(), **_months_around(month)}
    mine = {"customer_id": customer_id, "limit": LATEST}
    if admits(f"{own}/balance"):
        names["balance"] = ask(f"{own}/balance")
    if admits("/subscriptions"):
        names["subscriptions"] = ask("/subscriptions", customer_id=customer_id, limit=50)["items"]
        names["standing"] = [(each["id"], each["product_name"]) for each in names["subscriptions"]]
        names["calendar"] = _weeks(month, ask(f"{own}/calendar", period=month)["days"])
    if admits("/subscriptions", "POST") and admits("/products"):
        names["products"] = ask("/products", is_active="true", limit=200)["items"]
        names["goods"] = [(each["id"], each["name"]) for each in names["products"]]
    if admits("/orders"):
        names["orders"] = ask("/orders", sort="-delivery_date", **mine)
    if admits("/invoices"):
        names["invoices"] = ask("/invoices", sort="-period_start", **mine)
    if admits(f"{own}/ledger"):
        names["ledger"] = ask(f"{own}/ledger", **{"from": day - timedelta(days=LEDGER_DAYS)}, limit=200)
    return frame.page("customer.html", **names)


@console.route("/customers/<uuid:customer_id>/payments", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.ACCOUNTANT, page=True)
def take_payment(form: dict[str, str], customer_id: UUID) -> Response:
    """Book a payment; it settles the oldest bills first, as in the API."""
    taken: dict[str, Any] = {}

    def book() -> None:
        body = {
            "customer_id": str(customer_id),
            **frame.fields_of(form, "amount", "method", "received_on", "reference"),
        }
        taken.update(act("POST", "/payments", body, key=form.get("key")))

    address = url_for("console.customer", customer_id=customer_id)
    refused = frame.send(book, lambda **names: customer_page(customer_id, **names), address)
    if refused is not None:
        return refused
    return frame.done(
        f"{address}#ledger", "payment", amount=frame.figures().rupees(taken["amount"]), number=taken["receipt_no"]
    )


@console.route("/customers/<uuid:customer_id>/days", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def set_day(form: dict[str, str], customer_id: UUID) -> Response:
    """Another quantity on one day of a standing order; with nothing typed the day is as usual again."""
    subscription, day = _part(form, "subscription_id"), _part(form, "date")
    own, quantity = f"/subscriptions/{subscription}/overrides/{day}", form.get("quantity", "").strip()

    def enter() -> None:
        if quantity:
            act("PUT", own, {"quantity": quantity})
        else:
            act("DELETE", own)

    month = _month_of(form.get("date", ""))
    address = url_for("console.customer", customer_id=customer_id, month=month)
    refused = frame.send(enter, lambda **names: customer_page(customer_id, month, **names), address)
    if refused is not None:
        return refused
    said = {"day": frame.figures().day(day), "quantity": quantity}
    return frame.done(f"{address}#calendar", "day_set" if quantity else "day_usual", **said)


@console.route("/customers/<uuid:customer_id>/pauses", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO_CHANGES, page=True)
def pause(form: dict[str, str], customer_id: UUID) -> Response:
    """No delivery of a standing order from a day to a day."""
    subscription = _part(form, "subscription_id")

    def enter() -> None:
        body = frame.fields_of(form, "from", "to", "reason")
        act("POST", f"/subscriptions/{subscription}/pauses", body, key=form.get("key"))

    month = _month_of(form.get("from", ""))
    address = url_for("console.customer", customer_id=customer_id, month=month)
    refused = frame.send(enter, lambda **names: customer_page(customer_id, month, **names), address)
    if refused is not None:
        return refused
    first, last = (frame.figures().day(form.get(name, "").strip()) for name in ("from", "to"))
    return frame.done(f"{address}#calendar", "paused" if last else "paused_open", first=first, last=last)


def _month_of(day: str) -> str | None:
    """The month of a day that somebody typed; None when it is none, or none that has a calendar."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return None
    return f"{found:%Y-%m}" if found.year in YEARS else None


def _part(form: Mapping[str, str], name: str) -> str:
    """A part of an address that a form names. Raises not_found for what cannot be one."""
    value = form.get(name, "")
    if not value or not all(each.isalnum() or each == "-" for each in value):
        raise Problem("not_found")
    return value


def _weeks(month: str, days: list[dict[str, Any]]) -> list[list[dict[str, Any] | None]]:
    """The month in rows of seven days from Monday: each with its date and what comes, None outside the month."""
    first = date.fromisoformat(f"{month}-01")
    by_day: dict[str, list[dict[str, Any]]] = {}
    for each in days:
        by_day.setdefault(each["date"], []).append(each)
    cells: list[dict[str, Any] | None] = [None] * first.weekday()
    day = first
    while day.month == first.month:
        entries = [each for each in by_day.get(day.isoformat(), []) if _is_telling(each)]
        cells.append({"date": day.isoformat(), "number": day.day, "entries": entries})
        day += timedelta(days=1)
    cells += [None] * (-len(cells) % 7)
    return [cells[place : place + 7] for place in range(0, len(cells), 7)]


def _is_telling(entry: dict[str, Any]) -> bool:
    """Whether a day says something: what comes or came, or why it does not, where somebody decided so."""
    return Decimal(entry["quantity"]) > 0 or bool(entry["order_status"]) or entry["rule"] in _DECIDED


def _months_around(month: str) -> dict[str, str]:
    first = date.fromisoformat(f"{month}-01")
    before, after = first - timedelta(days=1), (first + timedelta(days=31)).replace(day=1)
    return {"month_before": f"{before:%Y-%m}", "month_after": f"{after:%Y-%m}"}
