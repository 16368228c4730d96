"""``/deliveries`` and ``/delivery-statuses``: what reached the door."""

from typing import Any
from uuid import UUID

from flask import request

from dairy_app.business.queries import require_at_work, today
from dairy_app.deliveries import bulk, queries
from dairy_app.deliveries.policy import confirmer_of, round_of, scope_of
from dairy_app.deliveries.rules import Confirmation, Confirmer, RoundChoice, RoundDone, Scope, Unplanned
from dairy_app.deliveries.schemas.confirmations import (
    BatchIn,
    BatchOut,
    ConfirmationIn,
    ConfirmationOut,
    CorrectionIn,
    CorrectionOut,
    DeliveryStatusPage,
    DeliveryStatusQuery,
    MonthlyEditIn,
    MonthlyEditOut,
    MovedIn,
    MovedOut,
    UnplannedIn,
    UnplannedOut,
)
from dairy_app.deliveries.schemas.rounds import (
    CompleteIn,
    CompleteOut,
    RoundJoinIn,
    RoundPlanOut,
    RoundSequenceOut,
    RoundsOut,
    RoundsQuery,
    SequenceIn,
    SequenceOut,
    ShortDeliveriesOut,
    StandInIn,
    StandInOut,
    StartIn,
    StartOut,
)
from dairy_app.deliveries.service import confirmations as service
from dairy_app.deliveries.service import monthly_edits, rounds, unplanned
from dairy_app.invoices.rules import report_bounds
from dairy_app.orders.policy import hidden_status_fields
from dairy_app.orders.queries import visible_order_view
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged, etagged_by
from dairy_app.web.http import Blueprint, caller_address, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page
from dairy_app.web.schemas import MonthsQuery

deliveries = Blueprint("deliveries", __name__, description="Confirming deliveries")


@deliveries.route("/deliveries/confirmations", methods=["POST"])
@idempotent
@deliveries.arguments(ConfirmationIn)
@deliveries.response(200, ConfirmationOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def confirm_delivery(confirmation: Confirmation) -> dict[str, Any]:
    """Confirm one order: full, partial or nothing delivered. The same again changes nothing."""
    actor = current_actor()
    outcome = service.confirm(current_session(), confirmer(), scope_of(actor), [confirmation])[0]
    outcome.raise_if_rejected()
    return _answer(outcome, hidden_status_fields(actor.role)) | {"extra_order_id": outcome.extra_order_id}


@deliveries.route("/deliveries/confirmations/batch", methods=["POST"])
@idempotent
@deliveries.arguments(BatchIn)
@deliveries.response(200, BatchOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def confirm_deliveries(batch: dict[str, Any]) -> dict[str, Any]:
    """Confirm up to 1,000 orders, each on its own: what is refused of one stops no other. Safe to send again whole."""
    scope = scope_of(current_actor())
    return service.confirm_batch(current_session(), confirmer(), scope, batch["confirmations"])


@deliveries.route("/deliveries/<uuid:order_id>", methods=["PATCH"])
@deliveries.arguments(CorrectionIn)
@deliveries.response(200, CorrectionOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def correct_delivery(wanted: service.Correction, order_id: UUID) -> dict[str, Any]:
    """Correct a confirmed delivery while its invoice is a draft; a delivery boy his own, on the day itself."""
    actor = current_actor()
    outcome = service.correct(current_session(), actor, order_id, wanted)
    return _answer(outcome, hidden_status_fields(actor.role))


@deliveries.route("/deliveries/unplanned", methods=["POST"])
@idempotent
@deliveries.arguments(UnplannedIn)
@deliveries.response(201, UnplannedOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def deliver_unplanned(wanted: Unplanned) -> dict[str, Any]:
    """Enter a delivery that no order asked for; a delivery boy today's only, an admin also one of a day gone by."""
    session, actor = current_session(), current_actor()
    return _door_order(unplanned.deliver_unplanned(session, actor, confirmer(), wanted))


@deliveries.route("/deliveries/<uuid:order_id>/moved", methods=["POST"])
@idempotent
@deliveries.arguments(MovedIn)
@deliveries.response(201, MovedOut)
@allow(Role.ADMIN)
def move_delivery(wanted: dict[str, Any], order_id: UUID) -> dict[str, Any]:
    """Put a wrong door right: what was delivered leaves this draft and becomes a delivery of who really got it."""
    made = unplanned.move_delivery(current_session(), current_actor(), confirmer(), order_id, **wanted)
    return {**_door_order(made), "moved_from": order_id}


@deliveries.route("/billing/monthly-view/days", methods=["PUT"])
@deliveries.arguments(MonthlyEditIn)
@deliveries.response(200, MonthlyEditOut)
@allow(Role.ADMIN)
def set_day(wanted: monthly_edits.DayEntry) -> dict[str, Any]:
    """Type a quantity into the month's grid: a day to come is overridden, a day delivered is corrected."""
    return monthly_edits.set_day(current_session(), current_actor(), wanted)


@deliveries.route("/reports/rounds")
@deliveries.arguments(RoundsQuery, location="query")
@deliveries.response(200, RoundsOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def read_rounds(query: dict[str, Any]) -> dict[str, Any]:
    """How far the rounds of a day are: doors done and open, what was short, what was not delivered and why."""
    session = current_session()
    day = query["delivery_date"] or today(session)
    return {"delivery_date": day, "items": queries.rounds_of_day(session, day)}


@deliveries.route("/reports/round-plan")
@deliveries.response(200, RoundPlanOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def read_round_plan() -> dict[str, Any]:
    """Who goes where: each delivery boy's customers by shift and area, and on which weekdays they get something."""
    session = current_session()
    return {"items": queries.round_plan(session, today(session))}


@deliveries.route("/deliveries/stand-ins", methods=["PUT"])
@deliveries.arguments(StandInIn)
@deliveries.response(200, StandInOut)
@allow(Role.ADMIN)
def set_stand_in(wanted: rounds.StandIn) -> dict[str, Any]:
    """Let somebody else go a round on one day: he gets its open orders; with null its delivery boy has them again."""
    return rounds.set_stand_in(current_session(), wanted)


@deliveries.route("/reports/short-deliveries")
@deliveries.arguments(MonthsQuery, location="query")
@deliveries.response(200, ShortDeliveriesOut)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def read_short_deliveries(query: dict[str, Any]) -> dict[str, Any]:
    """Of the orders planned in some months (at most 24): what was brought short or not at all, why, and by whom.

    Refused (`archived`) for months whose deliveries are archived.
    """
    first, last = report_bounds(query["from_"], query["to"])
    require_at_work(current_session(), first)
    return {**query, "items": queries.short_deliveries(current_session(), first, last)}


@deliveries.route("/deliveries/start", methods=["POST"])
@idempotent
@deliveries.arguments(StartIn)
@deliveries.response(200, StartOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def start_round(wanted: RoundChoice) -> dict[str, int]:
    """Send a round's waiting orders out for delivery. A repeat changes nothing."""
    return service.start_round(current_session(), _round(wanted))


@deliveries.route("/deliveries/complete", methods=["POST"])
@idempotent
@deliveries.arguments(CompleteIn)
@deliveries.response(200, CompleteOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def complete_round(wanted: RoundDone) -> dict[str, Any]:
    """Confirm every open order of a round in full, but the exceptions. A repeat changes nothing."""
    return service.complete_round(current_session(), confirmer(), _round(wanted), wanted)


@deliveries.route("/deliveries/sequence", methods=["PUT"])
@deliveries.arguments(SequenceIn)
@deliveries.response(200, SequenceOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def put_in_sequence(wanted: dict[str, Any]) -> dict[str, Any]:
    """Put customers into the order in which they are reached: places 10, 20, 30 …; others keep theirs."""
    placed = rounds.put_in_sequence(current_session(), current_actor(), wanted["customer_ids"])
    return {"items": placed}


@deliveries.route("/deliveries/sequence/<uuid:delivery_boy_id>")
@etagged
@deliveries.response(200, RoundSequenceOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def read_sequence(delivery_boy_id: UUID) -> dict[str, Any]:
    """All customers of a delivery boy's round in sequence, whatever they get today. A delivery boy sees his own."""
    return {"items": queries.sequence_of(current_session(), current_actor(), delivery_boy_id)}


@deliveries.route("/deliveries/sequence/<uuid:delivery_boy_id>", methods=["PUT"])
@etagged_by(lambda delivery_boy_id: bulk.lock_round(current_session(), delivery_boy_id))
@deliveries.arguments(SequenceIn)
@deliveries.response(200, RoundSequenceOut)
@allow(Role.ADMIN, Role.DELIVERY_BOY)
def put_round_in_sequence(wanted: dict[str, Any], delivery_boy_id: UUID) -> dict[str, Any]:
    """Put the customers of a round in order: places 10, 20, 30 …; those not named keep theirs.

    With `If-Match` the round must still be as it was read: nobody has changed it, and no customer has joined.
    """
    session, actor = current_session(), current_actor()
    return {"items": rounds.put_round_in_sequence(session, actor, delivery_boy_id, wanted["customer_ids"])}


@deliveries.route("/deliveries/sequence/<uuid:delivery_boy_id>/customers", methods=["POST"])
@idempotent
@deliveries.arguments(RoundJoinIn)
@deliveries.response(200, RoundSequenceOut)
@allow(Role.ADMIN)
def join_round(wanted: dict[str, Any], delivery_boy_id: UUID) -> dict[str, Any]:
    """Give customers to a delivery boy for good: they come behind those he has, in this order."""
    session, actor = current_session(), current_actor()
    return {"items": rounds.join_round(session, actor, delivery_boy_id, wanted["customer_ids"])}


@deliveries.route("/delivery-statuses")
@deliveries.arguments(DeliveryStatusQuery, location="query")
@deliveries.response(200, DeliveryStatusPage)
@allow(Role.ADMIN, Role.ACCOUNTANT, may_lag=True)
def list_delivery_statuses(query: dict[str, Any]) -> Page:
    """Delivery statuses with who confirmed them, when and from where; the latest day first."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    return queries.delivery_status_page(current_session(), query, limit=limit, cursor=cursor)


def confirmer() -> Confirmer:
    """Who calls, as a confirmer, and from where."""
    return confirmer_of(current_actor(), caller_address(), request.headers.get("User-Agent"))


def _round(wanted: RoundChoice) -> Scope:
    day = wanted.delivery_date or today(current_session())
    return round_of(current_actor(), wanted, day)


def _door_order(order_id: UUID) -> dict[str, Any]:
    made = visible_order_view(current_session(), current_actor(), order_id)
    return {"order_id": order_id, "delivery_status": made["delivery_status"], "invoice": made["invoice"]}


def _answer(outcome: service.Outcome, hidden: frozenset[str]) -> dict[str, Any]:
    status = outcome.delivery_status or {}
    return {
        "order_id": outcome.order_id,
        "order_status": outcome.order_status,
        "delivery_status": {name: value for name, value in status.items() if name not in hidden},
        "replayed": outcome.replayed,
    }
