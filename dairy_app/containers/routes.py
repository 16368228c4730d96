"""``/containers``: what goes out with goods and comes back, who has it, and what was lost."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from dairy_app.business.queries import today
from dairy_app.containers import queries, service
from dairy_app.containers.policy import hidden_fields
from dairy_app.containers.rules import ContainerChange, Entry, Loss, NewContainer
from dairy_app.containers.schemas import (
    ContainerEntryOut,
    ContainerIn,
    ContainerOut,
    ContainerPatch,
    ContainerReportOut,
    ContainerReportQuery,
    ContainersOut,
    CustomerContainersOut,
    CustomerContainersQuery,
    EntryIn,
    LossIn,
)
from dairy_app.customers.queries import get_visible_customer
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent

containers = Blueprint("containers", __name__, description="Bottles, cans and crates that come back")

_ALL = (Role.ADMIN, Role.ACCOUNTANT, Role.DELIVERY_BOY, Role.MARKETING_STAFF, Role.CUSTOMER)


@containers.route("/containers")
@containers.response(200, ContainersOut)
@allow(*_ALL)
def list_containers() -> dict[str, Sequence[Row[Any]]]:
    """Every kind of container, by name."""
    return {"items": queries.containers(current_session())}


@containers.route("/containers", methods=["POST"])
@idempotent
@containers.arguments(ContainerIn)
@containers.response(201, ContainerOut)
@allow(Role.ADMIN)
def create_container(wanted: NewContainer) -> Row[Any]:
    """A new kind of container; products say which they go out in."""
    return service.create_container(current_session(), wanted)


@containers.route("/containers/<uuid:container_id>", methods=["PATCH"])
@containers.arguments(ContainerPatch)
@containers.response(200, ContainerOut)
@allow(Role.ADMIN)
def change_container(wanted: ContainerChange, container_id: UUID) -> Row[Any]:
    """Change the name or the deposit; what was charged stays as it was."""
    return service.change_container(current_session(), container_id, wanted)


@containers.route("/customers/<uuid:customer_id>/containers")
@containers.arguments(CustomerContainersQuery, location="query")
@containers.response(200, CustomerContainersOut)
@allow(*_ALL)
def read_customer_containers(query: dict[str, Any], customer_id: UUID) -> dict[str, Any]:
    """What a customer has of each kind, and what moved. A customer sees its own."""
    session, actor = current_session(), current_actor()
    get_visible_customer(session, actor, customer_id)
    page = queries.movement_page(session, customer_id, limit=query["limit"], cursor=query["cursor"])
    hidden = hidden_fields(actor.role)
    items = [{name: value for name, value in row._mapping.items() if name not in hidden} for row in page.items]
    return {"balances": queries.balances(session, customer_id), "items": items, "next_cursor": page.next_cursor}


@containers.route("/customers/<uuid:customer_id>/containers/back", methods=["POST"])
@idempotent
@containers.arguments(EntryIn)
@containers.response(201, ContainerEntryOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def enter_back(wanted: Entry, customer_id: UUID) -> dict[str, Any]:
    """Enter containers that came back without a delivery."""
    return service.enter_back(current_session(), current_actor(), customer_id, wanted)


@containers.route("/customers/<uuid:customer_id>/containers/out", methods=["POST"])
@idempotent
@containers.arguments(EntryIn)
@containers.response(201, ContainerEntryOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def enter_out(wanted: Entry, customer_id: UUID) -> dict[str, Any]:
    """Enter containers that the customer has from before they were counted, or that were counted back wrongly."""
    return service.enter_out(current_session(), current_actor(), customer_id, wanted)


@containers.route("/customers/<uuid:customer_id>/containers/lost", methods=["POST"])
@idempotent
@containers.arguments(LossIn)
@containers.response(201, ContainerEntryOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def enter_lost(wanted: Loss, customer_id: UUID) -> dict[str, Any]:
    """Take lost containers off a customer and charge their deposits: an adjustment on its draft."""
    return service.enter_lost(current_session(), current_actor(), customer_id, wanted)


@containers.route("/reports/containers")
@containers.arguments(ContainerReportQuery, location="query")
@containers.response(200, ContainerReportOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def read_container_report(query: dict[str, Any]) -> dict[str, Any]:
    """What went out, came back and was lost on some days, and what is out now: by customer or by helper."""
    session = current_session()
    last = query["to"] or today(session)
    first = query["from_"] or last.replace(day=1)
    items = queries.container_report(session, query["by"], first, last)
    return {"by": query["by"], "from_": first, "to": last, "items": items}
