"""Products and their dated prices, and how goods are taxed."""

from typing import Any
from uuid import UUID

from flask import Response, url_for

from dairy_app.business.queries import today
from dairy_app.catalogue.models import UNITS
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, ListQuery, PageQuery, console
from dairy_app.web.access import Role, allow
from dairy_app.web.http import current_session
from dairy_app.web.inside import act, admits, ask, together

ROWS = 200
OFFICE = (Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF)


@console.route("/products")
@console.arguments(ListQuery, location="query")
@allow(*OFFICE, page=True)
def products(query: dict[str, str]) -> Response:
    """All products with the price of today."""
    return _list(query.get("cursor"))


def _list(cursor: str | None = None, **names: Any) -> Response:
    if admits("/tax-classes"):
        names["tax_classes"] = ask("/tax-classes")["items"]
    found = ask("/products", limit=ROWS, cursor=cursor)
    return frame.page("products.html", found=found, units=UNITS, **names)


@console.route("/products", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def new_product(form: dict[str, str]) -> Response:
    """Put a product on sale, with its first price."""
    made: dict[str, Any] = {}

    def make() -> None:
        body = frame.fields_of(form, "sku", "name", "unit", "category", "packet_size", "hsn_code", "tax_class")
        body["is_packed"] = "is_packed" in form
        with together():
            made.update(act("POST", "/products", body, key=form.get("key")))
            priced = frame.fields_of(form, "price", "valid_from")
            act("POST", f"/products/{made['id']}/prices", priced, key=form.get("key"))

    refused = frame.send(make, lambda **names: _list(**names), url_for("console.products"))
    return refused or frame.done(url_for("console.product", product_id=made["id"]), "product", name=made["name"])


@console.route("/products/<uuid:product_id>")
@console.arguments(PageQuery, location="query")
@allow(*OFFICE, page=True)
def product(query: dict[str, str], product_id: UUID) -> Response:
    """One product with its prices, past and to come."""
    del query
    return product_page(product_id)


def product_page(product_id: UUID, **names: Any) -> Response:
    """One product's page; ``names``: what a form of it comes back with."""
    product = ask(f"/products/{product_id}")
    if admits("/tax-classes"):
        names["tax_class"] = next(each for each in ask("/tax-classes")["items"] if each["code"] == product["tax_class"])
    names["containers"] = ask("/containers")["items"]
    prices = ask(f"/products/{product_id}/prices", limit=ROWS)["items"]
    day = today(current_session()).isoformat()
    return frame.page("product.html", product=product, prices=prices, day=day, **names)


@console.route("/products/<uuid:product_id>/prices", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def set_price(form: dict[str, str], product_id: UUID) -> Response:
    """A price from a day on; tells how many orders took it, and how many kept what they were promised."""
    told: dict[str, Any] = {}

    def enter() -> None:
        body = frame.fields_of(form, "price", "valid_from")
        told.update(act("POST", f"/products/{product_id}/prices", body, key=form.get("key")))

    address = url_for("console.product", product_id=product_id)
    refused = frame.send(enter, lambda **names: product_page(product_id, **names), address)
    if refused is not None:
        return refused
    say = frame.figures()
    said = {"price": say.rupees(told["price"]), "day": say.day(told["valid_from"])}
    return frame.done(address, "price", repriced=told["repriced_orders"], kept=told["kept_orders"], **said)


@console.route("/products/<uuid:product_id>/sale", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def change_sale(form: dict[str, str], product_id: UUID) -> Response:
    """Take a product off sale, or sell it again."""
    is_active, told = form.get("is_active") == "yes", dict[str, Any]()

    def change() -> None:
        told.update(act("PATCH", f"/products/{product_id}", {"is_active": is_active}))

    address = url_for("console.product", product_id=product_id)
    refused = frame.send(change, lambda **names: product_page(product_id, **names), address)
    if refused is not None:
        return refused
    return frame.done(address, "on_sale" if is_active else "off_sale", name=told["name"], open=told["open_orders"] or 0)


@console.route("/products/<uuid:product_id>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def change_product(form: dict[str, str], product_id: UUID) -> Response:
    """Name, article number, HSN code and packing; another code or packing chooses the tax anew."""

    def change() -> None:
        before = ask(f"/products/{product_id}")
        wanted: dict[str, Any] = {name: form.get(name, "").strip() for name in ("name", "sku")}
        wanted |= {"hsn_code": form.get("hsn_code", "").strip() or None, "is_packed": "is_packed" in form}
        if any(wanted[name] != before[name] for name in ("hsn_code", "is_packed")):
            wanted["tax_class"] = None
        act("PATCH", f"/products/{product_id}", wanted)

    address = url_for("console.product", product_id=product_id)
    refused = frame.send(change, lambda **names: product_page(product_id, **names), address)
    return refused or frame.done(address, "product_changed")
