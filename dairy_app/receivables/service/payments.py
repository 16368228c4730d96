"""Use cases of money that comes in or is given up. The customer's row is locked first; what decides is read after."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, require_open_books, today
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers.bulk import lock_customers
from dairy_app.customers.queries import followed, get_visible_customer
from dairy_app.receivables import bulk
from dairy_app.receivables.models import Payment, PaymentAllocation
from dairy_app.receivables.policy import OFFICE, check_payment
from dairy_app.receivables.queries import payments as queries
from dairy_app.receivables.queries.cash import is_collector
from dairy_app.receivables.queries.ledger import balance
from dairy_app.receivables.rules import (
    Allocation,
    DoorCash,
    NewPayment,
    check_allocations,
    check_day,
    reference_as_kept,
)
from dairy_app.web.access import Actor
from dairy_app.web.schemas import MAX_MONEY


def record_payment(session: Session, actor: Actor, wanted: NewPayment) -> Payment:
    """Money that came in. What is not allocated settles what is oldest; the rest waits as credit.

    Raises ``customer_not_found``, ``forbidden`` (see policy), ``period_closed``, ``already_exists`` for a reference
    that is in use (a cheque's: of this customer), and what ``allocate`` raises.
    """
    day = today(session)
    check_payment(actor, wanted, day)
    if actor.role not in OFFICE:  # the office is told, and enters it there
        wanted = replace(wanted, customer_id=followed(session, wanted.customer_id))
        lock_customers(session, [wanted.customer_id])  # of one who is merged just now, it is all asked anew
    get_visible_customer(session, actor, wanted.customer_id, lock=True)
    collector = _collector(session, actor, wanted)
    payment = _book(session, replace(wanted, collected_by=collector), day, actor.user_id)
    _allocate(session, actor.user_id, payment, wanted.allocations, on=payment.received_on, today=day)
    return payment


def receive_payment(
    session: Session, wanted: NewPayment, *, invoice_id: UUID | None = None, recorded_by: UUID | None = None
) -> Payment:
    """Money of which a gateway told; ``recorded_by`` None: nobody recorded it, the gateway's word was taken.

    Of ``invoice_id`` it settles what it still takes, if anything; the rest settles what is oldest. Raises
    ``customer_merged``, ``period_closed``, ``already_exists`` for a reference that is in use, ``validation_failed``.
    """
    lock_customers(session, [wanted.customer_id])
    day = today(session)
    payment = _book(session, wanted, day, recorded_by)
    if invoice_id is not None:
        claim = queries.claims(session, payment.customer_id, payment.id, [invoice_id], day).get(invoice_id)
        part = min(payment.amount, claim.takes) if claim is not None and claim.status == "issued" else Decimal(0)
        chosen = [Allocation(invoice_id, part)] if part > 0 else []
        _allocate(session, recorded_by, payment, chosen, on=payment.received_on, today=day)
    return payment


def _book(session: Session, wanted: NewPayment, day: date, recorded_by: UUID | None) -> Payment:
    """Write a payment of a customer whose row is locked."""
    received_on = wanted.received_on or day
    check_day("received_on", received_on, day, business_settings(session).books_closed_through)
    reference = reference_as_kept(wanted.method, wanted.reference)
    if reference and wanted.method != "cash":
        _refuse_known_reference(session, wanted, reference)
    _refuse_too_large(session, wanted.customer_id, wanted.amount)
    payment = Payment(
        customer_id=wanted.customer_id,
        amount=wanted.amount,
        method=wanted.method,
        received_on=received_on,
        reference=reference,
        notes=wanted.notes,
        collected_by=wanted.collected_by,
        recorded_by=recorded_by,
        status="received",
    )
    session.add(payment)
    session.flush()
    return payment


def take_cash(session: Session, taken: DoorCash) -> tuple[Payment, bool]:
    """Cash noted over a link: the payment, and whether it was noted before (nothing changes then).

    Nothing is written before a refusal. Raises ``period_closed``; ``already_exists`` when the key was used for another
    payment; ``forbidden`` when nobody can owe the cash to the dairy; ``validation_failed`` (too large).
    """
    lock_customers(session, [taken.customer_id])
    known = cash_noted(session, taken)
    if known is not None:
        return known, True
    require_open_books(session, taken.received_on)
    if not is_collector(session, taken.collected_by, still=True):
        raise Problem("forbidden", "The helper of this round takes no cash any more.")
    _refuse_too_large(session, taken.customer_id, taken.amount)
    payment = Payment(
        customer_id=taken.customer_id,
        amount=taken.amount,
        method="cash",
        received_on=taken.received_on,
        collected_by=taken.collected_by,
        shared_link_id=taken.shared_link_id,
        client_event_id=taken.client_event_id,
        status="received",
    )
    session.add(payment)
    session.flush()
    return payment, False


def cash_noted(session: Session, taken: DoorCash) -> Payment | None:
    """The payment as which this cash was noted before, also when its customer was merged into another since.

    Raises ``already_exists`` when the key was used for another payment.
    """
    known = queries.payment_of_event(session, taken.client_event_id)
    if known is None:
        return None
    same = (followed(session, taken.customer_id), taken.amount, taken.shared_link_id)
    if (known.customer_id, known.amount, known.shared_link_id) != same:
        raise Problem("already_exists", "The client_event_id was used for another payment.")
    return known


def _refuse_too_large(session: Session, customer_id: UUID, amount: Decimal) -> None:
    if abs(balance(session, customer_id) - amount) > MAX_MONEY:
        raise invalid(
            "/amount", "With this payment the customer's balance would be more than an invoice can show.", "too_large"
        )


def _refuse_known_reference(session: Session, wanted: NewPayment, reference: str) -> None:
    """Name the receipt, so that whoever books can look; of two at once the index refuses the second."""
    receipt = queries.receipt_of_reference(session, wanted.customer_id, wanted.method, reference)
    if receipt is not None:
        raise Problem("already_exists", f"Receipt {receipt} already has this reference.")


def _collector(session: Session, actor: Actor, wanted: NewPayment) -> UUID | None:
    """Who owes this cash to the dairy: whoever took it at the door."""
    collector = wanted.collected_by
    if actor.role not in OFFICE:
        return actor.user_id
    if collector is None:
        return None
    if wanted.method != "cash":
        raise invalid("/collected_by", "Only cash has a collector.")
    if not is_collector(session, collector):
        raise invalid("/collected_by", "Must be a member of staff.", "user_not_found")
    return collector


def allocate(session: Session, actor: Actor, payment_id: UUID, chosen: Sequence[Allocation]) -> Payment:
    """Choose later what a payment settles, from today on.

    Raises ``payment_not_found``; ``illegal_transition`` for a reversed one or a document that is not issued;
    ``allocation_exceeds_balance``; ``already_exists`` when the payment is allocated to that invoice already;
    ``period_closed`` when the books are closed through today.
    """
    payment = _locked(session, actor, payment_id)
    _require_received(payment)
    day = today(session)
    require_open_books(session, day)
    _allocate(session, actor.user_id, payment, chosen, on=day, today=day)
    return payment


def _locked(session: Session, actor: Actor, payment_id: UUID) -> Payment:
    """The payment as it is under the lock of its customer."""
    payment = queries.get_visible_payment(session, actor, payment_id)
    lock_customers(session, [payment.customer_id])
    return queries.get_visible_payment(session, actor, payment_id, lock=True)


def _require_received(payment: Payment) -> None:
    if payment.status != "received":
        raise Problem("illegal_transition", f"Payment {payment.receipt_no} was reversed on {payment.reversed_on}.")


def _allocate(
    session: Session, by: UUID | None, payment: Payment, chosen: Sequence[Allocation], *, on: date, today: date
) -> None:
    if not chosen:
        return
    invoices = [each.invoice_id for each in chosen]
    claims = queries.claims(session, payment.customer_id, payment.id, invoices, today)
    gone = queries.allocated(session, payment.id)
    gone += queries.paid_back(session, payment.customer_id, payment.id, today)
    check_allocations(chosen, payment.amount - gone, claims)
    keys = {"payment_id": payment.id, "customer_id": payment.customer_id, "allocated_by": by}
    session.add_all(
        PaymentAllocation(**keys, invoice_id=each.invoice_id, amount=each.amount, allocated_on=on) for each in chosen
    )
    session.flush()


def release_allocation(session: Session, actor: Actor, payment_id: UUID, allocation_id: UUID) -> None:
    """From today on the chosen money settles what is oldest again. Releasing it twice changes nothing.

    Raises ``payment_not_found``, also when the allocation is another payment's; ``period_closed``.
    """
    payment = _locked(session, actor, payment_id)
    allocation = queries.get_allocation(session, payment.id, allocation_id)
    if allocation.released_on is None:
        day = today(session)
        require_open_books(session, day)
        allocation.released_on = max(day, allocation.allocated_on)
        session.flush()


def reverse_payment(session: Session, actor: Actor, payment_id: UUID, *, reason: str, on: date | None) -> Payment:
    """A cheque bounced, a transfer was taken back, a receipt was a mistake: the payment ends, its row stays.

    Its allocations are released in the same transaction. What of it was given back as a refund the customer owes from
    then on. Raises ``payment_not_found``, ``illegal_transition`` when
    it is reversed already, ``period_closed``.
    """
    payment = _locked(session, actor, payment_id)
    _require_received(payment)
    day = today(session)
    reversed_on = on or day
    closed = business_settings(session).books_closed_through
    check_day("reversed_on", reversed_on, day, closed, since=payment.received_on)
    bulk.release_allocations(session, payment.id, reversed_on)
    payment.status, payment.reversed_on, payment.reversal_reason = "reversed", reversed_on, reason
    payment.reversed_by = actor.user_id
    session.flush()
    return payment
