"""``/products``: what is sold, and its list prices."""

from typing import Any
from uuid import UUID

from dairy_app.catalogue import queries, service
from dairy_app.catalogue.schemas import PriceOut, ProductIn, ProductOut, ProductsQuery
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page
from dairy_app.web.schemas import PageQuery, page_of

products = Blueprint("products", __name__, description="What is sold, and its list prices")

#: Everybody who works for the dairy or buys from it.
READERS = (Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, Role.MARKETING_STAFF, Role.CUSTOMER)


def _knows_floor() -> bool:
    """What staff may quote at least is not for who buys."""
    return current_actor().role in (Role.ADMIN, Role.MARKETING_STAFF)


@products.route("/products")
@products.arguments(ProductsQuery, location="query")
@products.response(200, page_of(ProductOut, "ProductPage"))
@allow(*READERS, may_lag=True)
def list_products(query: dict[str, Any]) -> Page:
    """Products by SKU, each with today's list price."""
    return queries.list_products(current_session(), **query, floor=_knows_floor())


@products.route("/products", methods=["POST"])
@idempotent
@products.arguments(ProductIn)
@products.response(201, ProductOut)
@allow(Role.ADMIN)
def create_product(wanted: service.NewProduct) -> Any:
    """A new product. It can be ordered once it has a price."""
    return service.create_product(current_session(), wanted)


@products.route("/products/<uuid:product_id>")
@etagged
@products.response(200, ProductOut)
@allow(*READERS)
def read_product(product_id: UUID) -> Any:
    """One product with today's list price."""
    return queries.get_product(current_session(), product_id, floor=_knows_floor())


@products.route("/products/<uuid:product_id>/prices")
@products.arguments(PageQuery, location="query")
@products.response(200, page_of(PriceOut, "PricePage"))
@allow(*READERS)
def list_prices(query: dict[str, Any], product_id: UUID) -> Page:
    """The product's list prices, past and to come."""
    queries.get_product(current_session(), product_id)
    return queries.list_prices(current_session(), product_id, **query)
