"""The month's grid: customers × days of what was delivered, each cell to be typed anew by the rules of the API."""

from typing import Any

from flask import Response, url_for
from marshmallow import fields

from dairy_app.business.queries import today
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, console
from dairy_app.console.routes.planned import confirmed
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session
from dairy_app.web.inside import act, admits, ask
from dairy_app.web.schemas import Day, Month

ROWS = 25


class GridQuery(ListQuery):
    """Which month, area and product; ``customer``, ``product_of`` and ``day`` open a cell."""

    month = Month()
    area_id = fields.String()
    product_id = fields.String()
    customer = fields.UUID()
    product_of = fields.UUID()
    day = Day()


@console.route("/grid")
@console.arguments(GridQuery, location="query")
@allow(Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF, page=True, may_lag=True)
def grid(query: dict[str, Any]) -> Response:
    """A month of quantities, customer by customer, with totals of weeks and of the month."""
    return _grid(query)


def _grid(query: dict[str, Any], **names: Any) -> Response:
    month = query.get("month") or f"{today(current_session()):%Y-%m}"
    wanted = {name: query.get(name) or None for name in ("area_id", "product_id", "cursor")}
    found = ask("/billing/monthly-view", period=month, limit=ROWS, **wanted)
    names["areas"] = ask("/areas", limit=200)["items"]
    names["products"] = ask("/products", limit=200)["items"]
    may_edit = admits("/billing/monthly-view/days", "PUT")
    if may_edit and query.get("customer") and query.get("day"):
        names.setdefault("cell", _cell(found, query))
    # Written once, not once a cell: a page has some two thousand.
    cell_at = frame.address_with(cursor=query.get("cursor"), customer=None, product_of=None, day=None, month=month)
    days = [(day, int(day[-2:]), frame.figures().day(day)) for day in found["date_list"]]
    weeks = [f"W{number}" for number in range(1, 2 + (len(found["date_list"]) - 1) // 7)]
    names |= {"days": days, "weeks": weeks, "cell_at": cell_at, "may_edit": may_edit}
    return frame.page("grid.html", found=found, month=month, query=query, **names)


def _cell(found: dict[str, Any], query: dict[str, Any]) -> dict[str, Any] | None:
    """The cell that is opened, with what stands in it; None when it is not on this page of the grid."""
    day = query["day"].isoformat()
    for customer in found["items"]:
        if customer["customer_id"] == str(query["customer"]):
            of = {each["product_id"]: each for each in customer["products"]}
            chosen = of.get(str(query.get("product_of"))) or (customer["products"] or [None])[0]
            now = chosen["daily_quantities"].get(day) if chosen else None
            return {"customer": customer, "product": chosen, "date": day, "quantity": now}
    return None


@console.route("/grid", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def set_cell(form: dict[str, str]) -> Response:
    """Type a cell anew: a day to come is overridden, a day delivered is corrected."""
    told: dict[str, Any] = {}
    back: dict[str, Any] = {
        name: form.get(name) or None for name in ("month", "area_id", "product_id_filter", "cursor")
    }
    back["product_id"] = back.pop("product_id_filter")

    def enter() -> None:
        typed = frame.fields_of(form, "customer_id", "product_id", "date", "quantity", "reason", "shift")
        told.update(act("PUT", "/billing/monthly-view/days", typed | confirmed(form)))

    address = url_for("console.grid", **back)
    refused = frame.send(enter, lambda **names: _grid(back, cell=_typed(form), **names), address)
    day = frame.figures().day(form.get("date"))
    return refused or frame.done(address, f"cell_{told['applied']}", day=day, quantity=form.get("quantity", ""))


def _typed(form: dict[str, str]) -> dict[str, Any]:
    customer = {"customer_id": form.get("customer_id"), "customer_name": form.get("customer_name", "")}
    product = {"product_id": form.get("product_id"), "product_name": form.get("product_name", "")}
    return {"customer": customer, "product": product, "date": form.get("date"), "quantity": form.get("quantity")}
