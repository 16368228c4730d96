"""``/shared-links`` and ``/change-requests`` for staff; ``/shared/{token}`` for whoever holds a link."""

from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response, current_app, request
from sqlalchemy import Row

from dairy_app.accounts.routes.logins import caller
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem
from dairy_app.deliveries.rules import Confirmation
from dairy_app.deliveries.schemas.confirmations import BatchIn, BatchOut, ConfirmationIn
from dairy_app.deliveries.service.confirmations import Outcome
from dairy_app.photos.routes import photo_files
from dairy_app.photos.rules import NewPhoto
from dairy_app.photos.schemas import PhotoIn
from dairy_app.settings import Settings
from dairy_app.sharing import queries
from dairy_app.sharing.rules.links import Approval, CashTaken, NewRequest, state_of
from dairy_app.sharing.schemas import (
    ApproveIn,
    CashIn,
    CashOut,
    ChangeRequestIn,
    ChangeRequestMadeOut,
    ChangeRequestOut,
    ChangeRequestPage,
    ChangeRequestQuery,
    PinIn,
    RejectIn,
    SharedConfirmationOut,
    SharedLinkCreatedOut,
    SharedLinkEventPage,
    SharedLinkIn,
    SharedLinkPage,
    SharedPhotoOut,
    SharedRoundOut,
    SharedRoundQuery,
)
from dairy_app.sharing.service import decisions, visits
from dairy_app.sharing.service import links as service
from dairy_app.web.access import Role, allow, allow_anyone
from dairy_app.web.http import Blueprint, attribution, current_actor, current_session, refusal
from dairy_app.web.idempotency import idempotent, idempotent_but
from dairy_app.web.lagging import read_lagging
from dairy_app.web.pages import Page
from dairy_app.web.schemas import PageQuery

shared_links = Blueprint("shared_links", __name__, description="Links to one round, for helpers without a login")
shared = Blueprint("shared", __name__, description="What the holder of a link may do")
change_requests = Blueprint("change_requests", __name__, description="Changes asked for at the door")

#: The cookie of an unlocked link; its path is the link's own, so two links on one phone do not meet.
PASS_COOKIE = "dairy_link"


@shared_links.route("/shared-links", methods=["POST"])
@idempotent_but("token", "url")
@shared_links.arguments(SharedLinkIn)
@shared_links.response(201, SharedLinkCreatedOut)
@allow(Role.ADMIN)
def create_shared_link(wanted: service.NewLink) -> dict[str, Any]:
    """A new link to a round; its token is shown once."""
    session = current_session()
    link_id, token = service.create_link(session, current_actor(), wanted)
    settings: Settings = current_app.config["DAIRY"]
    url = f"{settings.links_begin_with}/s/{token}"
    return {**_with_state(queries.shown_link(session, link_id)), "token": token, "url": url}


@shared_links.route("/shared-links")
@shared_links.arguments(PageQuery, location="query")
@shared_links.response(200, SharedLinkPage)
@allow(Role.ADMIN)
def list_shared_links(query: dict[str, Any]) -> Page:
    """Links with their state and how often they were used, the newest first."""
    page = queries.link_page(current_session(), **query)
    return Page([_with_state(row) for row in page.items], page.next_cursor)


@shared_links.route("/shared-links/<uuid:link_id>", methods=["DELETE"])
@shared_links.response(204)
@allow(Role.ADMIN)
def revoke_shared_link(link_id: UUID) -> None:
    """End a link at once; its uses stay on record."""
    service.revoke_link(current_session(), current_actor(), link_id)


@shared_links.route("/shared-links/<uuid:link_id>/events")
@shared_links.arguments(PageQuery, location="query")
@shared_links.response(200, SharedLinkEventPage)
@allow(Role.ADMIN)
def list_shared_link_events(query: dict[str, Any], link_id: UUID) -> Page:
    """Every use of a link, refused ones too, the latest first."""
    return queries.event_page(current_session(), link_id, **query)


@shared.route("/shared/<token>/unlock", methods=["POST"])
@shared.arguments(PinIn)
@shared.response(204)
@allow_anyone()
def unlock_shared_link(body: dict[str, str], token: str) -> Response:
    """Show the PIN of a link; the cookie it earns opens the rest."""
    earned = visits.unlock(current_session(), visitor(token), body["pin"])
    if isinstance(earned, Problem):
        return refusal(earned)
    value, until = earned
    answer = Response(status=204)
    answer.set_cookie(
        PASS_COOKIE,
        value,
        max_age=int((until - now()).total_seconds()),
        path=f"{request.script_root}{request.path.removesuffix('/unlock')}",
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
    return answer


@shared.route("/shared/<token>/round")
@shared.arguments(SharedRoundQuery, location="query")
@shared.response(200, SharedRoundOut)
@allow_anyone(records=True, may_lag=True)
def show_shared_round(query: dict[str, date], token: str) -> Any:
    """The link's round of one day, door by door, with what to load."""
    reading = partial(read_lagging, turn=token)
    return _answer(visits.show_round(current_session(), visitor(token), query.get("date"), reading))


@shared.route("/shared/<token>/confirmations", methods=["POST"])
@shared.arguments(ConfirmationIn)
@shared.response(200, SharedConfirmationOut)
@allow_anyone()
def confirm_shared_delivery(confirmation: Confirmation, token: str) -> Any:
    """Confirm one order of the link's round. The same again changes nothing."""
    done = visits.confirm(current_session(), visitor(token), [confirmation])
    return refusal(done) if isinstance(done, Problem) else _confirmed(done["results"][0])


@shared.route("/shared/<token>/confirmations/batch", methods=["POST"])
@shared.arguments(BatchIn)
@shared.response(200, BatchOut)
@allow_anyone()
def confirm_shared_deliveries(batch: dict[str, Any], token: str) -> Any:
    """Confirm up to 1,000 orders of the link's round, each on its own. Safe to send again whole."""
    return _answer(visits.confirm(current_session(), visitor(token), batch["confirmations"]))


@shared.route("/shared/<token>/requests", methods=["POST"])
@shared.arguments(ChangeRequestIn)
@shared.response(201, ChangeRequestMadeOut)
@allow_anyone()
def ask_for_change(wanted: NewRequest, token: str) -> Any:
    """Ask for a pause, a stop, another quantity or an extra item; staff decide."""
    asked = visits.ask(current_session(), visitor(token), wanted)
    if isinstance(asked, Problem):
        return refusal(asked)
    made, replayed = asked
    shown = {name: getattr(made, name) for name in ("id", "kind", "customer_id", "status")}
    return {**shown, "replayed": replayed}


@shared.route("/shared/<token>/payments", methods=["POST"])
@shared.arguments(CashIn)
@shared.response(201, CashOut)
@allow_anyone()
def take_cash(wanted: CashTaken, token: str) -> Any:
    """Note cash that was taken at a door of the round today, where the setting `cash_over_links` allows it."""
    taken = visits.take_cash(current_session(), visitor(token), wanted)
    if isinstance(taken, Problem):
        return refusal(taken)
    payment, replayed = taken
    shown = {name: getattr(payment, name) for name in ("id", "receipt_no", "customer_id", "amount")}
    return {**shown, "replayed": replayed}


@shared.route("/shared/<token>/deliveries/<uuid:order_id>/photo", methods=["POST"])
@shared.arguments(PhotoIn)
@shared.response(200, SharedPhotoOut)
@allow_anyone()
def take_shared_photo(sent: NewPhoto, token: str, order_id: UUID) -> Any:
    """Keep a photo of an order of the link's round that is out or confirmed. The same again changes nothing."""
    taken = visits.take_photo(current_session(), visitor(token), photo_files(), order_id, sent.photo)
    if isinstance(taken, Problem):
        return refusal(taken)
    photo, replayed = taken
    return {"order_id": order_id, "size": photo["size"], "replayed": replayed}


@change_requests.route("/change-requests")
@change_requests.arguments(ChangeRequestQuery, location="query")
@change_requests.response(200, ChangeRequestPage)
@allow(Role.ADMIN, Role.MARKETING_STAFF, Role.CUSTOMER)
def list_change_requests(query: dict[str, Any]) -> Page:
    """What was asked for at the doors of the caller's customers, the oldest first; a customer sees its own."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    return queries.change_request_page(current_session(), current_actor(), query, limit=limit, cursor=cursor)


@change_requests.route("/change-requests/<uuid:request_id>/approve", methods=["POST"])
@idempotent
@change_requests.arguments(ApproveIn)
@change_requests.response(200, ChangeRequestOut)
@allow(Role.ADMIN, Role.MARKETING_STAFF)
def approve_change_request(approval: Approval, request_id: UUID) -> Row[Any]:
    """Do what was asked for, or what the fields sent make of it."""
    session, actor = current_session(), current_actor()
    decisions.approve(session, actor, request_id, approval)
    return queries.shown_change_request(session, actor, request_id)


@change_requests.route("/change-requests/<uuid:request_id>/reject", methods=["POST"])
@idempotent
@change_requests.arguments(RejectIn)
@change_requests.response(200, ChangeRequestOut)
@allow(Role.ADMIN, Role.MARKETING_STAFF)
def reject_change_request(body: dict[str, str], request_id: UUID) -> Row[Any]:
    """Decline what was asked for, with a reason."""
    session, actor = current_session(), current_actor()
    decisions.reject(session, actor, request_id, body["reason"])
    return queries.shown_change_request(session, actor, request_id)


def visitor(token: str) -> visits.Visitor:
    """Who calls by a link."""
    settings: Settings = current_app.config["DAIRY"]
    shown = request.cookies.get(PASS_COOKIE)
    return visits.Visitor(token, shown, caller(), attribution(), settings.require_secret_key())


def _answer(done: Any) -> Any:
    """What was done, or a refusal that commits its record."""
    return refusal(done) if isinstance(done, Problem) else done


def _confirmed(outcome: Outcome) -> Any:
    if outcome.code is not None:
        return refusal(Problem(outcome.code, outcome.detail or ""))
    return {
        "order_id": outcome.order_id,
        "order_status": outcome.order_status,
        "delivery_status": outcome.delivery_status,
        "replayed": outcome.replayed,
        "extra_order_id": outcome.extra_order_id,
    }


def _with_state(row: Row[Any]) -> dict[str, Any]:
    link = dict(row._mapping)
    ends = {name: link[name] for name in ("expires_at", "revoked_at", "locked_until")}
    return {**link, "state": state_of(now(), **ends)}
