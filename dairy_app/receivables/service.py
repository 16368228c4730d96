"""Use cases of money that comes in or is given up. The customer's row is locked first; what decides is read after."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.customers.queries import get_visible_customer
from dairy_app.receivables import bulk, queries
from dairy_app.receivables.models import CashSettlement, Payment, PaymentAllocation, WriteOff
from dairy_app.receivables.policy import OFFICE, check_payment
from dairy_app.receivables.rules import check_allocations, check_day, transfer_reference
from dairy_app.web.access import Actor
from dairy_app.web.schemas import MAX_MONEY


def record_payment(session: Session, actor: Actor, wanted: dict[str, Any]) -> Payment:
    """Money that came in. What is not allocated settles what is oldest; the rest waits as credit.

    Raises ``customer_not_found``, ``forbidden`` (see policy), ``period_closed``, ``already_exists`` for a reference
    that is in use (a cheque's: of this customer), and what ``allocate`` raises.
    """
    day = today(session)
    check_payment(actor, wanted, day)
    get_visible_customer(session, actor, wanted["customer_id"], lock=True)
    fields = dict(wanted)
    chosen = fields.pop("allocations")
    fields["received_on"] = fields["received_on"] or day
    check_day("received_on", fields["received_on"], day, business_settings(session).books_closed_through)
    fields["collected_by"] = _collector(session, actor, fields)
    if fields["reference"] and fields["method"] != "cash":
        fields["reference"] = transfer_reference(fields["reference"])
        _refuse_known_reference(session, fields)
    payment = Payment(**fields, recorded_by=actor.user_id, status="received")
    session.add(payment)
    session.flush()
    if abs(queries.balance(session, payment.customer_id)) > MAX_MONEY:
        raise invalid("/amount", "With it the customer's balance is larger than any bill can state.", "too_large")
    _allocate(session, actor, payment, chosen, on=payment.received_on, today=day)
    return payment


def _refuse_known_reference(session: Session, fields: dict[str, Any]) -> None:
    """Name the receipt, so that whoever books can look; of two at once the index refuses the second."""
    receipt = queries.receipt_of_reference(session, fields["customer_id"], fields["method"], fields["reference"])
    if receipt is not None:
        raise Problem("already_exists", f"Receipt {receipt} has this reference already.")


def _collector(session: Session, actor: Actor, fields: dict[str, Any]) -> UUID | None:
    """Who owes this cash to the dairy: whoever took it at the door."""
    collector: UUID | None = fields["collected_by"]
    if actor.role not in OFFICE:
        return actor.user_id
    if collector is None:
        return None
    if fields["method"] != "cash":
        raise invalid("/collected_by", "Only cash is collected by somebody.")
    if not queries.is_collector(session, collector):
        raise invalid("/collected_by", "Must be a member of staff.", "user_not_found")
    return collector


def allocate(session: Session, actor: Actor, payment_id: UUID, chosen: Sequence[dict[str, Any]]) -> Payment:
    """Choose later what a payment settles, from today on.

    Raises ``payment_not_found``; ``illegal_transition`` for a reversed one or a paper that is not issued;
    ``allocation_exceeds_balance``; ``already_exists`` when the payment is allocated to that invoice already;
    ``period_closed`` when the books are closed through today.
    """
    payment = _locked(session, actor, payment_id)
    _require_received(payment)
    day = today(session)
    _require_open_books(session, day)
    _allocate(session, actor, payment, chosen, on=day, today=day)
    return payment


def _locked(session: Session, actor: Actor, payment_id: UUID) -> Payment:
    """The payment as it is under the lock of its customer."""
    payment = queries.get_visible_payment(session, actor, payment_id)
    bulk.lock_customers(session, [payment.customer_id])
    return queries.get_visible_payment(session, actor, payment_id, lock=True)


def _require_received(payment: Payment) -> None:
    if payment.status != "received":
        raise Problem("illegal_transition", f"Payment {payment.receipt_no} was reversed on {payment.reversed_on}.")


def _require_open_books(session: Session, day: date) -> None:
    closed = business_settings(session).books_closed_through
    if closed is not None and day <= closed:
        raise Problem("period_closed", f"The books are closed through {closed}.")


def _allocate(
    session: Session, actor: Actor, payment: Payment, chosen: Sequence[dict[str, Any]], *, on: date, today: date
) -> None:
    if not chosen:
        return
    invoices = [each["invoice_id"] for each in chosen]
    claims = queries.claims(session, payment.customer_id, payment.id, invoices, today)
    check_allocations(chosen, payment.amount - queries.allocated(session, payment.id), claims)
    keys = {"payment_id": payment.id, "customer_id": payment.customer_id}
    session.add_all(PaymentAllocation(**keys, **each, allocated_on=on, allocated_by=actor.user_id) for each in chosen)
    session.flush()


def release_allocation(session: Session, actor: Actor, payment_id: UUID, allocation_id: UUID) -> None:
    """From today on the chosen money settles what is oldest again. Releasing it twice changes nothing.

    Raises ``payment_not_found``, also when the allocation is another payment's; ``period_closed``.
    """
    payment = _locked(session, actor, payment_id)
    wanted = select(PaymentAllocation).where(
        PaymentAllocation.id == allocation_id, PaymentAllocation.payment_id == payment.id
    )
    allocation = session.scalars(wanted).one_or_none()
    if allocation is None:
        raise Problem("payment_not_found", "The payment has no such allocation.")
    if allocation.released_on is None:
        day = today(session)
        _require_open_books(session, day)
        allocation.released_on = max(day, allocation.allocated_on)
        session.flush()


def reverse_payment(session: Session, actor: Actor, payment_id: UUID, *, reason: str, on: date | None) -> Payment:
    """A cheque bounced, a transfer was taken back, a receipt was a mistake: the payment ends, its row stays.

    Its allocations are released in the same transaction. Raises ``payment_not_found``, ``illegal_transition`` when
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


def write_off(session: Session, actor: Actor, wanted: dict[str, Any]) -> WriteOff:
    """Give up what is open of one invoice, or of whatever the customer owes. The paper stays valid.

    Raises ``customer_not_found``, ``invoice_not_found``, ``illegal_transition`` for a paper that is not issued,
    ``period_closed``, ``allocation_exceeds_balance``.
    """
    customer = get_visible_customer(session, actor, wanted["customer_id"], lock=True)
    day = today(session)
    written_on = wanted["written_off_on"] or day
    open_amount, since = _open(session, customer.id, wanted["invoice_id"], day)
    check_day("written_off_on", written_on, day, business_settings(session).books_closed_through, since=since)
    if wanted["amount"] > open_amount:
        detail = f"{max(open_amount, Decimal(0)):.2f} is open."
        errors = [FieldError("/amount", "exceeds_balance", detail)]
        raise Problem("allocation_exceeds_balance", detail, errors)
    row = WriteOff(**wanted | {"written_off_on": written_on}, written_by=actor.user_id)
    session.add(row)
    session.flush()
    return row


def _open(session: Session, customer_id: UUID, invoice_id: UUID | None, day: date) -> tuple[Decimal, date | None]:
    """What may be written off, and since when."""
    if invoice_id is None:
        return queries.balance(session, customer_id), None
    invoice = queries.open_of_invoice(session, customer_id, invoice_id, day)
    if invoice is None:
        raise Problem("invoice_not_found")
    if invoice["status"] != "issued":
        raise Problem("illegal_transition", f"The invoice is {invoice['status']}; only an issued one is owed.")
    return invoice["open"], invoice["invoice_date"]


def settle_cash(session: Session, actor: Actor, wanted: dict[str, Any]) -> CashSettlement:
    """Somebody hands over the cash of a day: everything collected up to it and not handed over before.

    ``expected`` is summed under the lock of those payments. Raises ``user_not_found``, ``already_exists`` when
    nothing is left to hand over (somebody else was first, or the button was pressed twice).
    """
    if not queries.is_collector(session, wanted["staff_id"]):
        raise Problem("user_not_found", "No such member of staff.")
    day = today(session)
    settled_for = wanted["settled_for"] or day
    check_day("settled_for", settled_for, day, None)
    cash = bulk.lock_cash(session, wanted["staff_id"], settled_for)
    if not cash:
        raise Problem("already_exists", f"Everything collected up to {settled_for} is handed over.")
    row = CashSettlement(
        **wanted | {"settled_for": settled_for}, expected=sum(cash.values(), Decimal(0)), settled_by=actor.user_id
    )
    session.add(row)
    session.flush()
    bulk.settle_cash(session, row.id, list(cash))
    return row
