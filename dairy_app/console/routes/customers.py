"""Customers: found by any word, and all about one of them on a page."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import Response, url_for
from marshmallow import fields

from dairy_app.business.queries import today
from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, PageQuery, console
from dairy_app.console.routes.merging import merged_page
from dairy_app.console.routes.office import changes
from dairy_app.console.rules.calendar import ONE_TIME, YEARS, entries_of, weeks
from dairy_app.console.rules.sheet import is_phone_of
from dairy_app.containers.queries import balances
from dairy_app.customers.models import CUSTOMER_STATUSES
from dairy_app.invoices.rules import month_bounds, month_shifted
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_actor, current_session
from dairy_app.web.inside import act, admits, ask
from dairy_app.web.schemas import Day, Month

#: Rows of a list on a page, and of what is latest on a customer's page.
ROWS, LATEST = 50, 8
#: Customers whose orders or documents a search finds; one that finds more is too wide.
FOUND = 100
#: Customers that a code or the end of a phone number may find, of which one is meant.
NAMED = 200
#: The ledger begins so many days ago; its first line says what was owed before.
LEDGER_DAYS = 92
STAFF = (Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF, Role.DELIVERY_BOY)
#: The names of weekdays as the API has them.
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: Who changes what comes; a customer its own.
WHO_CHANGES = (Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)


class CustomersQuery(ListQuery):
    """Which customers."""

    status = fields.String(validate=validate.OneOf(["", *CUSTOMER_STATUSES]))
    merged = fields.String(validate=validate.OneOf(["", "1"]))


class CustomerQuery(PageQuery):
    """Which month of the calendar, and which day of it is opened."""

    month = Month()
    day = Day()


@console.route("/customers")
@console.arguments(CustomersQuery, location="query")
@allow(*STAFF, page=True, may_lag=True)
def customers(query: dict[str, str]) -> Response:
    """The customers whom the caller may see, by any word of name, code, address or phone number."""
    found = ask(
        "/customers",
        search=query.get("q", "").strip() or None,
        status=query.get("status") or None,
        with_merged="true" if query.get("merged") else None,
        sort=query.get("sort"),
        cursor=query.get("cursor"),
        limit=ROWS,
    )
    return frame.page("customers.html", found=found, query=query, statuses=CUSTOMER_STATUSES)


def customers_found(typed: str) -> tuple[list[str], bool]:
    """The ids of the customers whom some words find, and whether more than the first ``FOUND`` do."""
    try:
        found = ask("/customers", search=typed, limit=FOUND)
    except Problem:  # what cannot be looked for is nobody's
        return [], False
    return [each["id"] for each in found["items"]], found["next_cursor"] is not None


def customers_named(typed: str) -> list[dict[str, Any]]:
    """Whose code or phone number this is: the one who has the code, else all who have the number."""
    if not typed:
        return []
    try:
        found: list[dict[str, Any]] = ask("/customers", search=typed, limit=NAMED)["items"]
    except Problem:  # what cannot be looked for is nobody's
        return []
    coded = [each for each in found if each["code"].lower() == typed.lower()]
    return coded or [each for each in found if is_phone_of(typed, each["phone"])]


@console.route("/customers/<uuid:customer_id>")
@console.arguments(CustomerQuery, location="query")
@allow(*STAFF, Role.CUSTOMER, page=True)
def customer(query: dict[str, Any], customer_id: UUID) -> Response:
    """All about one customer, as far as the role may see it; a customer sees itself."""
    return customer_page(customer_id, query.get("month"), query.get("day"))


def customer_page(customer_id: UUID, month: str | None = None, opened: date | None = None, **names: Any) -> Response:
    """The page of a customer, with the day that is opened, and what a form that was refused has to say."""
    day, own = today(current_session()), f"/customers/{customer_id}"
    month = opened.isoformat()[:7] if opened else month or f"{day:%Y-%m}"
    if int(month[:4]) not in YEARS:
        raise Problem("not_found")
    first = month_bounds(month)[0]
    before, after = (f"{month_shifted(first, step):%Y-%m}" for step in (-1, 1))
    names |= {"customer": ask(own), "day": day.isoformat(), "month": month}
    if names["customer"]["merged_into"]:
        return merged_page(names["customer"])
    helper = names["customer"]["delivery_boy_id"]
    if helper and admits(f"/users/{helper}"):
        names["helper"] = ask(f"/users/{helper}")
    names |= {"month_before": before, "month_after": after, "opened": opened}
    mine = {"customer_id": customer_id, "limit": LATEST}
    if admits(f"{own}/balance"):
        names["balance"] = ask(f"{own}/balance")
    customer = names["customer"]
    if admits(f"{own}/credit") and (customer["credit_limit"] is not None or customer["payment_terms"] == "prepaid"):
        names["credit"] = ask(f"{own}/credit")
    if current_actor().role in (Role.ADMIN, Role.ACCOUNTANT):
        names["payer"] = ask(f"/customers/{customer['billed_to']}") if customer["billed_to"] else None
        names["paid_for"] = ask("/customers", billed_to=customer_id, limit=ROWS)
    if admits("/users"):
        helpers = ask("/users", role=Role.DELIVERY_BOY.value, is_active="true", limit=200)["items"]
        names["collectors"] = [(each["id"], each["name"]) for each in helpers]
    if admits("/subscriptions"):
        names["subscriptions"] = ask("/subscriptions", customer_id=customer_id, limit=50)["items"]
        names["weekday_names"] = WEEKDAYS
        names |= _month(customer_id, month)
        names["tomorrow"] = _one_day(customer_id, day + timedelta(days=1))
        names["pauses"] = _pauses(customer_id)
    if opened:
        names["one_day"] = _one_day(customer_id, opened)
        is_own_day = opened == day or current_actor().role is Role.ADMIN
        if admits("/deliveries/unplanned", "POST") and admits("/products") and opened <= day and is_own_day:
            sold = ask("/products", is_active="true", limit=200)["items"]
            names |= {"may_enter_unplanned": True, "brought_goods": [(each["id"], each["name"]) for each in sold]}
    names["containers"] = [each for each in balances(current_session(), customer_id) if each["balance"]]
    if admits(f"{own}/moves"):
        names["moves"] = [each for each in ask(f"{own}/moves", limit=200)["items"] if each["applied_at"] is None]
        names["areas"] = ask("/areas", limit=200)["items"] if admits("/areas") else []
    if admits("/subscriptions", "POST") and admits("/products"):
        names["products"] = ask("/products", is_active="true", limit=200)["items"]
        names["goods"] = [(each["id"], each["name"]) for each in names["products"]]
    if admits("/orders"):
        names["orders"] = ask("/orders", sort="-delivery_date", **mine)
    if admits("/invoices"):
        names["invoices"] = ask("/invoices", sort="-period_start", **mine)
    if admits("/charge-rules"):
        names["charge_rules"] = ask("/charge-rules", customer_id=customer_id, ended="false", limit=LATEST)
        taxed = any(each["tax_class"] for each in names["charge_rules"]["items"])
        names["classes"] = ask("/tax-classes")["items"] if taxed else []
    if admits("/outbox"):
        names["message"] = next(
            iter(ask("/outbox", customer_id=customer_id, sort="-created_at", limit=1)["items"]), None
        )
    if admits(f"{own}/ledger"):
        names["ledger"] = ask(f"{own}/ledger", **{"from": day - timedelta(days=LEDGER_DAYS)}, limit=200)
    if admits("/audit-log"):
        names["changes"] = changes(LATEST, customer_id=customer_id)["items"]
    return frame.page("customer.html", **names)


def _pauses(customer_id: UUID) -> list[dict[str, Any]]:
    """The pauses that are not over; what all standing orders got in one go is one, of its first and last day."""
    shared: dict[str, dict[str, Any]] = {}
    for each in ask(f"/customers/{customer_id}/pauses", limit=200)["items"]:
        household = each["household_pause_id"]
        one = each | ({"id": household, "subscription_id": "all", "product_name": None} if household else {})
        known = shared.setdefault(one["id"], one)
        known["from"] = min(known["from"], each["from"])
        known["to"] = max(known["to"], each["to"]) if known["to"] and each["to"] else None
    return sorted(shared.values(), key=lambda each: str(each["from"]))


def _month(customer_id: UUID, month: str) -> dict[str, Any]:
    """What comes in a month: of standing orders, and what was ordered for one day only."""
    found = ask(f"/customers/{customer_id}/calendar", period=month)
    days: list[dict[str, Any]] = found["days"]
    return {"calendar": weeks(month, days + entries_of(found["one_time_orders"])), "archived": found["archived"]}


def _one_day(customer_id: UUID, day: date) -> dict[str, Any]:
    """One day: what comes and by which rule, as far as the role may see it, and its orders with what became of them."""
    found: dict[str, Any] = {"date": day, "standing_orders": [], "shifts": []}
    if admits(f"/customers/{customer_id}/days/{day}"):
        found = {**ask(f"/customers/{customer_id}/days/{day}"), "date": day}
    if any(each["rule"] == "closed_day" for each in found["standing_orders"]) and admits("/closed-days"):
        found["closings"] = ask("/closed-days", **{"from": day, "to": day}, limit=50)["items"]
    if admits("/orders"):
        found["orders"] = ask("/orders", customer_id=customer_id, delivery_date=day, limit=50)["items"]
        found["once"] = entries_of(each for each in found["orders"] if each["order_type"] == ONE_TIME)
    return found


@console.route("/customers/<uuid:customer_id>/payments", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, page=True)
def take_payment(form: dict[str, str], customer_id: UUID) -> Response:
    """Book a payment; it settles the oldest bills first, as in the API. What a helper takes it carries."""
    taken: dict[str, Any] = {}

    def book() -> None:
        body = {
            "customer_id": str(customer_id),
            **frame.fields_of(form, "amount", "method", "collected_by", "received_on", "reference"),
        }
        taken.update(act("POST", "/payments", body, key=form.get("key")))

    address = url_for("console.customer", customer_id=customer_id)
    refused = frame.send(book, lambda **names: customer_page(customer_id, **names), address)
    if refused is not None:
        return refused
    return frame.done(
        f"{address}#ledger", "payment", amount=frame.figures().rupees(taken["amount"]), number=taken["receipt_no"]
    )
