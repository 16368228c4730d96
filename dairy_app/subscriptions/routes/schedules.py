"""Changes of standing orders from a day on."""

from typing import Any
from uuid import UUID

from dairy_app.subscriptions.queries.schedules import get_change
from dairy_app.subscriptions.rules.wishes import ScheduleChange
from dairy_app.subscriptions.schemas.schedules import ScheduleIn, ScheduleOut
from dairy_app.subscriptions.service import schedules as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent

schedules = Blueprint("schedules", __name__, description="What standing orders become from a day on")

WHO = (Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)


@schedules.route("/subscriptions/<uuid:subscription_id>/changes", methods=["POST"])
@idempotent
@schedules.arguments(ScheduleIn)
@schedules.response(201, ScheduleOut)
@allow(*WHO)
def change_from(wanted: ScheduleChange, subscription_id: UUID) -> Any:
    """Another product, rhythm, quantity, shift or price from a day on; pending orders of these days follow."""
    session = current_session()
    made = service.change_from(session, current_actor(), subscription_id, wanted)
    return get_change(session, subscription_id, made)


@schedules.route("/subscriptions/<uuid:subscription_id>/changes/<uuid:change_id>", methods=["DELETE"])
@schedules.response(204)
@allow(*WHO)
def take_back(subscription_id: UUID, change_id: UUID) -> None:
    """Take a change back before it holds: what is before it holds on."""
    service.take_back(current_session(), current_actor(), subscription_id, change_id)
