"""Deciding what was asked for at the door. Approving applies it, in the same transaction, by the services that staff
use themselves; what they refuse leaves the request waiting.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.clock import now
from dairy_app.common.errors import FieldError, Problem
from dairy_app.customers.queries import get_visible_customer
from dairy_app.orders.service import NewItem, NewOrder, place_order
from dairy_app.sharing import queries
from dairy_app.sharing.models import ChangeRequest
from dairy_app.sharing.rules import links as rules
from dairy_app.subscriptions.bulk.orders import hold_generation
from dairy_app.subscriptions.rules.wishes import DayQuantity, Ending, NewPause
from dairy_app.subscriptions.service.pauses import add_pause, pause_household
from dairy_app.subscriptions.service.standing_orders import set_override, stop
from dairy_app.web.access import Actor

CHANNEL = "shared_link"
#: What standing orders keep of a reason.
LONGEST_REASON = 500


def approve(session: Session, actor: Actor, request_id: UUID, approval: rules.Approval) -> None:
    """Do what was asked for, or what the ``approval`` makes of it, and note who decided.

    Raises change_request_not_found, illegal_transition (decided already), validation_failed for changes that the kind
    of request has not, and whatever the applying service raises.
    """
    hold_generation(session)  # before the request is locked: two customers who become one move it under that lock
    request = _pending(session, actor, request_id)
    changes, reason = rules.said_in(approval), approval.reason
    wrong = rules.misfits(request.kind, changes, partly=True)
    if wrong:
        errors = [FieldError(f"/{name}", said[0].code, str(said[0])) for name, said in wrong.items()]
        raise Problem("validation_failed", "; ".join(error.detail for error in errors), errors)
    fields = {**rules.fields_of(request.payload), **changes}
    said = reason or (request.note or "")[:LONGEST_REASON] or "Asked for at the door."
    order_id = _apply(session, actor, request, fields, said)
    request.applied_order_id = order_id
    if changes:
        request.applied_payload = rules.payload_of(request.kind, fields)
    _decide(session, actor, request, "approved", reason)


def reject(session: Session, actor: Actor, request_id: UUID, reason: str) -> None:
    """Decline what was asked for. Raises change_request_not_found, illegal_transition (decided already)."""
    _decide(session, actor, _pending(session, actor, request_id), "rejected", reason)


def _pending(session: Session, actor: Actor, request_id: UUID) -> ChangeRequest:
    """The request, locked: of two who decide at once, the second finds it decided."""
    request = queries.get_visible_change_request(session, actor, request_id)
    if request.status != "pending":
        raise Problem("illegal_transition", f"The request is already {request.status}.")
    return request


def _decide(session: Session, actor: Actor, request: ChangeRequest, status: str, reason: str | None) -> None:
    request.status, request.decision_reason = status, reason
    request.decided_by, request.decided_at = actor.user_id, now()
    session.flush()


def _apply(
    session: Session, actor: Actor, request: ChangeRequest, fields: Mapping[str, Any], reason: str
) -> UUID | None:
    """Do what is wanted; the order's id when it made one."""
    match request.kind:
        case "extra_item":
            items = [NewItem(**item) for item in fields["items"]]
            day, shift = fields["delivery_date"], fields["shift"]
            order = NewOrder(day, items, shift, customer_id=request.customer_id, notes=request.note, confirm=True)
            return place_order(session, actor, order, source=CHANNEL)
        case "quantity":
            assert request.subscription_id is not None  # ck_change_requests_subscription_fits_kind
            quantity = DayQuantity(fields["quantity"], note=reason, channel=CHANNEL, confirm=True)
            set_override(session, actor, request.subscription_id, fields["date"], quantity)
        case "pause":
            wanted = NewPause(fields["from"], fields.get("to"), reason, CHANNEL)
            if request.subscription_id is None:
                _standing_orders(session, actor, request)
                pause_household(session, actor, request.customer_id, wanted)
            else:
                add_pause(session, actor, request.subscription_id, wanted)
        case "stop":
            for each in _standing_orders(session, actor, request):
                stop(session, actor, each, Ending(fields["stop_date"], reason, CHANNEL))
    return None


def _standing_orders(session: Session, actor: Actor, request: ChangeRequest) -> list[UUID]:
    """The one that was named, else all of the customer's that run; illegal_transition when there is none.

    Read after the customer's lock: one that is just being made is among them or comes after.
    """
    if request.subscription_id is not None:
        return [request.subscription_id]
    get_visible_customer(session, actor, request.customer_id, lock=True)
    running = queries.running_subscriptions(session, request.customer_id)
    if not running:
        raise Problem("illegal_transition", "The customer has no active standing order.")
    return running
