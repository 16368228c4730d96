"""What a gateway tells: kept first, then booked once, in whatever order and however often it comes.

The lock of the gateway's payment is taken first, then the event's row, then the customer's.
"""

from datetime import date
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.collecting.bulk import gateways as bulk
from dairy_app.collecting.models import GatewayEvent
from dairy_app.collecting.queries import events as queries
from dairy_app.collecting.queries.links import link_told_of
from dairy_app.collecting.rules.events import CURRENCY, NEVER, Decision, Hindrance, Told, hindrance_of_payment
from dairy_app.collecting.rules.razorpay import METHODS, read_event
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers.queries import followed
from dairy_app.database.transactions import Database, undone_if_refused
from dairy_app.receivables.models import Payment
from dairy_app.receivables.rules import NewPayment
from dairy_app.receivables.service.payments import receive_payment
from dairy_app.receivables.service.refunds import NewRefund, give_back
from dairy_app.web.access import Actor
from dairy_app.web.failures import problem_of_database

RAZORPAY = "razorpay"
#: Events that are judged anew in one go.
AT_ONCE = 500


def take_event(database: Database, event_id: str | None, body: bytes) -> str:
    """Keep an event of Razorpay that was signed, and book it: how it stands then.

    What cannot be kept or judged just now raises, and is sent again: it is done once all the same.
    """
    told = read_event(body)
    known = event_id if event_id and len(event_id) <= 100 and event_id.isascii() else sha256(body).hexdigest()
    kept = database.run(lambda session: keep(session, RAZORPAY, known, body, told))
    return database.run(lambda session: judge(session, kept))


def keep(session: Session, gateway: str, event_id: str, body: bytes, told: Told) -> UUID:
    """Keep an event as it came; the id of the row, which is that of the first when it came before."""
    link = link_told_of(session, gateway, told.link_id, told.gateway_link_id)
    row = {
        "gateway": gateway,
        "event_id": event_id,
        "body": body,
        "kind": told.kind,
        "object_type": told.object_type,
        "gateway_payment_id": told.gateway_payment_id,
        "gateway_refund_id": told.gateway_refund_id,
        "gateway_link_id": told.gateway_link_id,
        "amount": told.amount,
        "currency": told.currency,
        "method": told.method,
        "happened_at": told.happened_at,
        "payment_link_id": link.id if link else None,
    }
    made = bulk.keep_event(session, row)
    return made or queries.event_kept(session, gateway, event_id, sha256(body).digest())


def judge(session: Session, event_id: UUID) -> str:
    """Book an event that was not judged yet, if it can be; how it stands then."""
    event = _in_hand(session, event_id)
    if event.status == "received":
        _judge(session, event)
    return event.status


def judge_again(database: Database) -> tuple[int, int]:
    """Book whatever waits or is held and can be booked by now; how many were, and how many still are not."""
    booked = left = 0
    after: UUID | None = None
    while found := database.run(partial(queries.events_left, most=AT_ONCE, after=after)):
        for each in found:
            status = database.run(partial(_again, event_id=each))
            booked += status == "booked"
            left += status in ("waiting", "held")
        after = found[-1]
    return booked, left


def _again(session: Session, event_id: UUID) -> str:
    event = _in_hand(session, event_id)
    if event.status in ("received", "waiting", "held"):
        _judge(session, event)
    return event.status


def book(session: Session, actor: Actor, event_id: UUID, decision: Decision) -> None:
    """A person books an event that is not booked, or whose payment was reversed.

    The amount that came is booked, also where the link asked for another. Raises ``gateway_event_not_found``;
    ``illegal_transition``: there is nothing to book of it, or it is booked; ``validation_failed``: it must be said
    whose it is; ``period_closed``, ``already_exists``, ``refund_exceeds_credit``.
    """
    event = _in_hand(session, event_id)
    if event.object_type not in ("payment", "refund") or event.reason in NEVER:
        raise Problem("illegal_transition", "There is nothing to book of this event.")
    before = queries.payment_booked_of(session, event.gateway, event.gateway_payment_id or "")
    is_free = before is not None and before.status == "reversed" and event.payment_id == before.id
    if event.status in ("repeated", "noted") or (event.status == "booked" and not is_free):
        raise Problem("illegal_transition", f"The event is {event.status}.")
    if event.object_type == "refund":
        hindrance = _give_back(session, event, decision, actor.user_id)
    else:
        if before is not None and not is_free:
            raise Problem("already_exists", f"Receipt {before.receipt_no} is this payment already.")
        hindrance = _take_in(session, event, decision, actor.user_id)
    if hindrance is not None:
        raise Problem("illegal_transition", hindrance.detail)


def dismiss(session: Session, actor: Actor, event_id: UUID, *, reason: str) -> None:
    """A person says that an event is not to be booked; neither is another of the same payment then.

    Raises ``gateway_event_not_found``; ``illegal_transition`` for one that needs no decision.
    """
    event = _in_hand(session, event_id)
    if event.status not in ("received", "waiting", "held"):
        raise Problem("illegal_transition", f"The event is {event.status}.")
    if event.object_type == "payment":
        bulk.dismiss_others(session, event, reason, actor.user_id, now())
    _decide(session, event, "dismissed", by=actor.user_id, reason=Hindrance("dismissed", reason))


def _in_hand(session: Session, event_id: UUID) -> GatewayEvent:
    """An event that nobody else judges, nor another of the same payment."""
    seen = queries.get_event(session, event_id)
    if seen.gateway_payment_id is not None:
        bulk.lock_gateway_payment(session, seen.gateway, seen.gateway_payment_id)
    return queries.get_event(session, event_id, lock=True)


def _judge(session: Session, event: GatewayEvent) -> None:
    """What becomes of an event without a person; everything that is refused is kept as the reason."""
    told = read_event(bytes(event.body))
    if told.reason is not None:
        _decide(session, event, "held", reason=Hindrance(told.reason, "The body is not as the gateway describes it."))
    elif event.object_type == "payment":
        _judge_payment(session, event)
    elif event.object_type == "refund":
        _judge_refund(session, event)
    else:
        if told.ends_link is not None and event.payment_link_id is not None:
            bulk.end_link(session, event.payment_link_id, told.ends_link)
        _decide(session, event, "noted")


def _judge_payment(session: Session, event: GatewayEvent) -> None:
    told = read_event(bytes(event.body))
    link = link_told_of(session, event.gateway, told.link_id, told.gateway_link_id)
    if link is not None and event.happened_at is not None:
        bulk.mark_paid(session, link.id, event.happened_at, told.gateway_link_id)
    known = queries.payment_booked_of(session, event.gateway, event.gateway_payment_id or "")
    if known is not None:
        _decide(session, event, "repeated", payment_id=known.id)
        return
    dismissal = queries.dismissal_of(session, event.gateway, event.gateway_payment_id or "")
    if dismissal is not None:
        _decide(session, event, "dismissed", reason=Hindrance(dismissal, "Another event of this payment was."))
        return
    if (by_hand := _booked_by_hand(session, event, link)) is not None:
        _settle(session, event, by_hand)
        return
    way = METHODS.get(event.method or "")
    reason = hindrance_of_payment(event.currency, event.amount, link.amount if link else None, way)
    if reason is None and link is not None:
        try:
            with undone_if_refused(session):
                reason = _take_in(session, event, Decision(), None)
        except Problem as problem:
            reason = Hindrance(problem.code, str(problem))
        except IntegrityError as error:
            reason = _refusal(error)
    if reason is not None:
        link_id = link.id if link else None
        _decide(session, event, "held", reason=reason, payment_link_id=link_id)


def _judge_refund(session: Session, event: GatewayEvent) -> None:
    reason: Hindrance | None
    try:
        with undone_if_refused(session):
            reason = _give_back(session, event, Decision(), None)
    except Problem as problem:
        reason = Hindrance(problem.code, str(problem))
    except IntegrityError as error:
        reason = _refusal(error)
    if reason is not None:
        _decide(session, event, "waiting" if reason.code == "payment_not_booked" else "held", reason=reason)


def _refusal(error: IntegrityError) -> Hindrance:
    problem = problem_of_database(error)
    if problem.status >= 500:
        raise error
    return Hindrance(problem.code, str(problem))


def _take_in(session: Session, event: GatewayEvent, decision: Decision, by: UUID | None) -> Hindrance | None:
    """Book a payment, and what is paid back of it and came before; what keeps even a person from it."""
    if event.currency != CURRENCY or event.amount is None:
        return hindrance_of_payment(event.currency, event.amount, event.amount, "upi")
    link = link_told_of(session, event.gateway, event.payment_link_id, None)
    customer_id = decision.customer_id or (link.customer_id if link else None)
    if customer_id is None:
        raise invalid("/customer_id", "Say whose payment it is.", "required")
    method = decision.method or METHODS.get(event.method or "")
    if method is None:
        raise invalid("/method", "Say how it was paid.", "required")
    customer_id = followed(session, customer_id)
    is_of_link = link is not None and customer_id == followed(session, link.customer_id)
    wanted = NewPayment(
        customer_id=customer_id,
        amount=event.amount,
        method=method,
        received_on=decision.received_on or _day_of(session, event),
        reference=event.gateway_payment_id,
    )
    invoice_id = link.invoice_id if link is not None and is_of_link else None
    payment = receive_payment(session, wanted, invoice_id=invoice_id, recorded_by=by)
    _settle(session, event, payment, by=by)
    return None


def _settle(session: Session, event: GatewayEvent, payment: Payment, *, by: UUID | None = None) -> None:
    """An event is booked as a payment: its repetitions are, and refunds that waited for it are given back."""
    _decide(session, event, "booked", by=by, payment_id=payment.id)
    key = event.gateway_payment_id or ""
    bulk.repeat_others(session, event.gateway, key, event.id, payment.id)
    for each in queries.refunds_waiting(session, event.gateway, key):
        _judge_refund(session, queries.get_event(session, each, lock=True))


def _booked_by_hand(session: Session, event: GatewayEvent, link: Row[Any] | None) -> Payment | None:
    """The payment that somebody entered under the gateway's number: the same rupees, of who was to pay."""
    known = queries.payment_by_hand(session, event.gateway_payment_id or "")
    if known is None or known.amount != event.amount or event.currency != CURRENCY:
        return None
    is_its = link is None or known.customer_id == followed(session, link.customer_id)
    return known if is_its else None


def _give_back(session: Session, event: GatewayEvent, decision: Decision, by: UUID | None) -> Hindrance | None:
    """Book a refund; what keeps it from that when nothing is raised."""
    known = queries.refund_booked_of(session, event.gateway, event.gateway_refund_id or "")
    if known is not None:
        _decide(session, event, "repeated", refund_id=known)
        return None
    payment = queries.payment_booked_of(session, event.gateway, event.gateway_payment_id or "")
    if payment is None:
        return Hindrance("payment_not_booked", "The payment that it is of is not booked yet.")
    if payment.status != "received":
        return Hindrance("payment_reversed", f"Payment {payment.receipt_no} was reversed: nothing is left to pay back.")
    if event.currency != CURRENCY or event.amount is None:
        return hindrance_of_payment(event.currency, event.amount, event.amount, "upi")
    wanted = NewRefund(
        customer_id=payment.customer_id,
        amount=event.amount,
        method=payment.method,
        reason=f"Paid back by {event.gateway.capitalize()} of receipt {payment.receipt_no}",
        paid_on=decision.received_on or max(_day_of(session, event), payment.received_on),
        reference=event.gateway_refund_id,
    )
    refund = give_back(session, wanted, recorded_by=by)
    _decide(session, event, "booked", by=by, refund_id=refund.id)
    return None


def _day_of(session: Session, event: GatewayEvent) -> date:
    """The dairy's day on which the money moved; a gateway whose clock is ahead means today."""
    zone, day = ZoneInfo(business_settings(session).time_zone), today(session)
    return day if event.happened_at is None else min(event.happened_at.astimezone(zone).date(), day)


def _decide(
    session: Session,
    event: GatewayEvent,
    status: str,
    *,
    reason: Hindrance | None = None,
    by: UUID | None = None,
    **columns: UUID | None,
) -> None:
    """Write how an event stands; ``by``: who said so, None: nobody had to."""
    said = {} if reason is None else {"reason": reason.code, "detail": reason.detail}
    who = {} if by is None else {"decided_by": by, "decided_at": now()}
    bulk.decide(session, event.id, status=status, **said, **who, **columns)
    session.expire(event)
