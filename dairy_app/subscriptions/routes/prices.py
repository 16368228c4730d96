"""Prices and products where orders that already exist have a part in the change."""

from typing import Any
from uuid import UUID

from dairy_app.catalogue.bulk import lock_product
from dairy_app.catalogue.schemas import PriceIn, ProductPatch
from dairy_app.catalogue.service import NewPrice, ProductChange
from dairy_app.customers.queries import list_customer_prices
from dairy_app.customers.schemas import CustomerPriceIn
from dairy_app.customers.service.customers import AgreedPrice
from dairy_app.subscriptions.schemas.standing_orders import CustomerPricesSet, PriceSet, ProductChanged
from dairy_app.subscriptions.service import standing_orders as service
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged_by
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent

prices = Blueprint("prices", __name__, description="Prices, and the orders that follow them")


@prices.route("/products/<uuid:product_id>", methods=["PATCH"])
@etagged_by(lambda product_id: lock_product(current_session(), product_id))
@prices.arguments(ProductPatch)
@prices.response(200, ProductChanged)
@allow(Role.ADMIN)
def change_product(changes: ProductChange, product_id: UUID) -> dict[str, Any]:
    """Change what is sent; ``is_active`` false takes the product off sale and counts the open orders that hold it."""
    return service.change_product(current_session(), product_id, changes)


@prices.route("/products/<uuid:product_id>/prices", methods=["POST"])
@idempotent
@prices.arguments(PriceIn)
@prices.response(201, PriceSet)
@allow(Role.ADMIN)
def set_price(wanted: NewPrice, product_id: UUID) -> dict[str, Any]:
    """Set the list price from a day on; the price in force ends the day before.

    Standing orders' orders of those days that are still pending take it; one-time orders keep what they were promised.
    """
    made, repriced = service.set_price(current_session(), product_id, wanted)
    return {**made._mapping, "repriced_orders": repriced.orders, "kept_orders": repriced.kept}


@prices.route("/customers/<uuid:customer_id>/prices", methods=["PUT"])
@prices.arguments(CustomerPriceIn)
@prices.response(200, CustomerPricesSet)
@allow(Role.ADMIN)
def set_customer_price(agreed: AgreedPrice, customer_id: UUID) -> dict[str, Any]:
    """Agree a price from a day on, or end it (null); answers with that product's agreed prices.

    Standing orders' orders of those days that are still pending follow; one-time orders keep what they were promised.
    """
    session = current_session()
    repriced = service.set_customer_price(session, current_actor(), customer_id, agreed)
    page = list_customer_prices(session, customer_id, product_id=agreed.product_id, limit=200, cursor=None)
    counted = {"repriced_orders": repriced.orders, "kept_orders": repriced.kept}
    return {"items": page.items, "next_cursor": page.next_cursor, **counted}
