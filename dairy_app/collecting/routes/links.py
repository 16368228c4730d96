"""``/payment-links``: pages of a gateway on which customers pay."""

from typing import Any
from uuid import UUID

from flask import current_app

from dairy_app.collecting.models import PaymentLink
from dairy_app.collecting.queries.links import link_list, read_link
from dairy_app.collecting.rules.links import NewLink
from dairy_app.collecting.schemas.links import PaymentLinkIn, PaymentLinkOut, PaymentLinkPage, PaymentLinkQuery
from dairy_app.collecting.service import links as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_database, current_session
from dairy_app.web.pages import Page, read_page

payment_links = Blueprint("payment_links", __name__, description="Links by which customers pay online")


@payment_links.route("/payment-links", methods=["POST"])
@payment_links.arguments(PaymentLinkIn)
@payment_links.response(201, PaymentLinkOut)
@payment_links.alt_response(200, schema=PaymentLinkOut, description="There is a link for the same already.")
@allow(Role.ADMIN, Role.ACCOUNTANT, own_transactions=True)
def make_link(body: NewLink) -> Any:
    """Make a link for a customer or an invoice. Asked again for the same, it is the same link.

    Safe to repeat without an `Idempotency-Key`: also when the gateway did not answer the first time.
    """
    gateway = service.gateway_of(current_app.config["DAIRY"])
    link, is_new = service.make_link(current_database(), current_actor(), gateway, body)
    return link, 201 if is_new else 200


@payment_links.route("/payment-links")
@payment_links.arguments(PaymentLinkQuery, location="query")
@payment_links.response(200, PaymentLinkPage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_links(query: dict[str, Any]) -> Page:
    """Links, the latest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    keys = [PaymentLink.id]  # ids ascend with time
    return read_page(current_session(), link_list(query), keys, limit=limit, cursor=cursor, descending=True)


@payment_links.route("/payment-links/<uuid:link_id>")
@payment_links.response(200, PaymentLinkOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def get_link(link_id: UUID) -> Any:
    """One link."""
    return read_link(current_session(), link_id)


@payment_links.route("/payment-links/<uuid:link_id>/cancel", methods=["POST"])
@payment_links.response(200, PaymentLinkOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, own_transactions=True)
def cancel_link(link_id: UUID) -> Any:
    """End a link at the gateway and here; said again, it changes nothing. One that was paid stays paid."""
    return service.cancel_link(current_database(), service.gateway_of(current_app.config["DAIRY"]), link_id)
