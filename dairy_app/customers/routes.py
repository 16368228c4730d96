"""``/customers`` and ``/areas``: who is delivered to, where, and at which agreed prices."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import current_app

from dairy_app.accounts.service import login_log, tokens
from dairy_app.accounts.service import users as accounts
from dairy_app.common.clock import now
from dairy_app.customers import queries
from dairy_app.customers.models import Area
from dairy_app.customers.schemas import (
    AccountLinkIn,
    AccountLinkOut,
    AreaIn,
    AreaOut,
    CustomerIn,
    CustomerOut,
    CustomerPriceOut,
    CustomerPricesQuery,
    CustomersQuery,
    LinkUserIn,
    NewCustomerOut,
)
from dairy_app.customers.service import customers as service
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent, idempotent_but
from dairy_app.web.pages import Page
from dairy_app.web.schemas import PageQuery, page_of

customers = Blueprint("customers", __name__, description="Who is delivered to")
areas = Blueprint("areas", __name__, description="Parts of town")

CustomerPricePage = page_of(CustomerPriceOut, "CustomerPricePage")

#: Below what every link begins with; the token follows.
ACCOUNT_PATH = "/account/"
STAFF = (Role.ADMIN, Role.ACCOUNTANT, Role.MARKETING_STAFF, Role.DELIVERY_BOY)


@customers.route("/customers", methods=["POST"])
@idempotent_but("invitation_token")
@customers.arguments(CustomerIn)
@customers.response(201, NewCustomerOut)
@allow(Role.ADMIN, Role.MARKETING_STAFF)
def create_customer(wanted: service.NewCustomer) -> dict[str, Any]:
    """Register a customer and, unless ``login`` is false, its login."""
    return service.create_customer(current_session(), current_actor(), wanted)


@customers.route("/customers")
@customers.arguments(CustomersQuery, location="query")
@customers.response(200, page_of(CustomerOut, "CustomerPage"))
@allow(*STAFF, may_lag=True)
def list_customers(query: dict[str, Any]) -> Page:
    """Customers by code: all of them, or those the caller looks after or delivers to."""
    return queries.list_customers(current_session(), current_actor(), **query)


@customers.route("/customers/<uuid:customer_id>")
@etagged
@customers.response(200, CustomerOut)
@allow(*STAFF, Role.CUSTOMER)
def read_customer(customer_id: UUID) -> Any:
    """One customer."""
    return queries.read_customer(current_session(), current_actor(), customer_id)


@customers.route("/customers/<uuid:customer_id>/link-user", methods=["POST"])
@idempotent
@customers.arguments(LinkUserIn)
@customers.response(200, CustomerOut)
@allow(Role.ADMIN)
def link_user(body: dict[str, Any], customer_id: UUID) -> Any:
    """Give a customer without a login an existing one that nobody has."""
    return service.link_user(current_session(), current_actor(), customer_id, body["user_id"])


@customers.route("/customers/<uuid:customer_id>/account-link", methods=["POST"])
@customers.arguments(AccountLinkIn)
@customers.response(201, AccountLinkOut)
@allow(Role.ADMIN)
def make_account_link(body: dict[str, int], customer_id: UUID) -> dict[str, Any]:
    """A link that opens a customer's own pages without a password. Who has it acts as the customer until it ends."""
    user = service.login_of(current_session(), current_actor(), customer_id)
    until = now() + timedelta(hours=body["expires_in_hours"])
    login_log.note(current_session(), "account link made", login_user_id=str(user.id), until=until.isoformat())
    token = tokens.new_account_token(user.id, user.token_version, until)
    return {"url": f"{current_app.config['DAIRY'].links_begin_with}{ACCOUNT_PATH}{token}", "expires_at": until}


@customers.route("/customers/<uuid:customer_id>/account-link", methods=["DELETE"])
@customers.response(204)
@allow(Role.ADMIN)
def end_account_links(customer_id: UUID) -> None:
    """End every link to a customer's own pages at once, and every session of the customer with them."""
    accounts.end_sessions(current_session(), service.login_of(current_session(), current_actor(), customer_id))


@customers.route("/customers/<uuid:customer_id>/prices")
@customers.arguments(CustomerPricesQuery, location="query")
@customers.response(200, CustomerPricePage)
@allow(Role.ADMIN)
def list_prices(query: dict[str, Any], customer_id: UUID) -> Page:
    """The prices agreed with a customer, past and to come."""
    customer = queries.get_visible_customer(current_session(), current_actor(), customer_id)
    return queries.list_customer_prices(current_session(), customer.id, **query)


@areas.route("/areas")
@areas.arguments(PageQuery, location="query")
@areas.response(200, page_of(AreaOut, "AreaPage"))
@allow(*STAFF)
def list_areas(query: dict[str, Any]) -> Page:
    """Areas by name."""
    return queries.list_areas(current_session(), **query)


@areas.route("/areas", methods=["POST"])
@idempotent
@areas.arguments(AreaIn)
@areas.response(201, AreaOut)
@allow(Role.ADMIN)
def create_area(wanted: service.NewArea) -> Area:
    """A new area."""
    return service.create_area(current_session(), wanted)
