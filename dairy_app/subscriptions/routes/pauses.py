"""Pauses of a standing order, and of all that a customer has."""

from typing import Any
from uuid import UUID

from dairy_app.business.queries import today
from dairy_app.customers.queries import get_visible_customer
from dairy_app.subscriptions.queries import standing_orders as queries
from dairy_app.subscriptions.rules.wishes import NewPause, PauseChange
from dairy_app.subscriptions.schemas.standing_orders import (
    HouseholdPauseOut,
    PauseIn,
    PauseOfCustomer,
    PauseOut,
    PausePatch,
    ResumeIn,
    SubscriptionOut,
)
from dairy_app.subscriptions.service import pauses as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page
from dairy_app.web.schemas import PageQuery, page_of

pauses = Blueprint("pauses", __name__, description="Days on which a customer wants nothing")

WHO = (Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)


@pauses.route("/subscriptions/<uuid:subscription_id>/pauses", methods=["POST"])
@idempotent
@pauses.arguments(PauseIn)
@pauses.response(201, PauseOut)
@allow(*WHO)
def add_pause(wanted: NewPause, subscription_id: UUID) -> Any:
    """Nothing comes from one day to another, or until somebody resumes."""
    session = current_session()
    return queries.read_pause(session, service.add_pause(session, current_actor(), subscription_id, wanted))


@pauses.route("/subscriptions/<uuid:subscription_id>/pauses/<uuid:pause_id>", methods=["PATCH"])
@pauses.arguments(PausePatch)
@pauses.response(200, PauseOut)
@allow(*WHO)
def change_pause(changes: PauseChange, subscription_id: UUID, pause_id: UUID) -> Any:
    """Lengthen, shorten or move a pause; orders that already exist follow."""
    session = current_session()
    service.change_pause(session, current_actor(), subscription_id, pause_id, changes)
    return queries.read_pause(session, pause_id)


@pauses.route("/subscriptions/<uuid:subscription_id>/pauses/<uuid:pause_id>", methods=["DELETE"])
@pauses.response(204)
@allow(*WHO)
def lift_pause(subscription_id: UUID, pause_id: UUID) -> None:
    """Take a pause back, as far as it lies ahead."""
    service.lift_pause(current_session(), current_actor(), subscription_id, pause_id)


@pauses.route("/subscriptions/<uuid:subscription_id>/resume", methods=["POST"])
@idempotent
@pauses.arguments(ResumeIn)
@pauses.response(200, SubscriptionOut)
@allow(*WHO)
def resume(wanted: dict[str, Any], subscription_id: UUID) -> dict[str, Any]:
    """Deliver again, from a day on."""
    session, actor = current_session(), current_actor()
    service.resume(session, actor, subscription_id, wanted["first"])
    return queries.subscription_view(session, actor, subscription_id, today(session))


@pauses.route("/customers/<uuid:customer_id>/pauses")
@pauses.arguments(PageQuery, location="query")
@pauses.response(200, page_of(PauseOfCustomer, "PausesOfCustomer"))
@allow(*WHO)
def list_pauses(query: dict[str, Any], customer_id: UUID) -> Page:
    """The pauses of all standing orders of a customer that are not over, in the order they were entered."""
    session = current_session()
    customer = get_visible_customer(session, current_actor(), customer_id)
    return queries.pause_page(session, customer.id, today(session), **query)


@pauses.route("/customers/<uuid:customer_id>/pauses", methods=["POST"])
@idempotent
@pauses.arguments(PauseIn)
@pauses.response(201, HouseholdPauseOut)
@allow(*WHO)
def pause_household(wanted: NewPause, customer_id: UUID) -> dict[str, Any]:
    """Nothing comes of all standing orders of a customer: all of them are paused, or none."""
    session = current_session()
    made = service.pause_household(session, current_actor(), customer_id, wanted)
    return queries.household_pause(session, customer_id, made)


@pauses.route("/customers/<uuid:customer_id>/pauses/<uuid:household_pause_id>", methods=["PATCH"])
@pauses.arguments(PausePatch)
@pauses.response(200, HouseholdPauseOut)
@allow(*WHO)
def change_household_pause(changes: PauseChange, customer_id: UUID, household_pause_id: UUID) -> dict[str, Any]:
    """Lengthen, shorten or move it in all standing orders that share it, or in none."""
    session = current_session()
    service.change_household_pause(session, current_actor(), customer_id, household_pause_id, changes)
    return queries.household_pause(session, customer_id, household_pause_id)


@pauses.route("/customers/<uuid:customer_id>/pauses/<uuid:household_pause_id>", methods=["DELETE"])
@pauses.response(204)
@allow(*WHO)
def lift_household_pause(customer_id: UUID, household_pause_id: UUID) -> None:
    """Take it back in all standing orders that share it, as far as it lies ahead."""
    service.lift_household_pause(current_session(), current_actor(), customer_id, household_pause_id)
