"""Paying credit back, and taking that back. The customer's row is locked first; what decides is read after."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.customers.bulk import lock_customers
from dairy_app.customers.queries import get_visible_customer
from dairy_app.receivables.models import Refund
from dairy_app.receivables.queries.cash import is_collector
from dairy_app.receivables.queries.refunds import credit_since, get_visible_refund
from dairy_app.receivables.rules import check_day, reference_as_kept
from dairy_app.web.access import Actor


@dataclass(frozen=True, slots=True)
class NewRefund:
    """Credit that was paid back. ``paid_on`` None: today. ``paid_by``: of whose collected cash; None: the office's."""

    customer_id: UUID
    amount: Decimal
    method: str
    reason: str
    paid_on: date | None = None
    reference: str | None = None
    paid_by: UUID | None = None


def pay_back(session: Session, actor: Actor, wanted: NewRefund) -> Refund:
    """Pay a customer's credit back, or a part of it: the credit that is there on ``paid_on`` and still today.

    Raises ``customer_not_found``, ``period_closed``, ``refund_exceeds_credit``, ``already_exists`` for a reference
    with which this customer was paid back before.
    """
    get_visible_customer(session, actor, wanted.customer_id, lock=True)
    return _pay_back(session, wanted, actor.user_id)


def give_back(session: Session, wanted: NewRefund, *, recorded_by: UUID | None = None) -> Refund:
    """A refund of which a gateway told; ``recorded_by`` None: nobody recorded it. Raises what ``pay_back`` raises."""
    lock_customers(session, [wanted.customer_id])
    return _pay_back(session, wanted, recorded_by)


def _pay_back(session: Session, wanted: NewRefund, recorded_by: UUID | None) -> Refund:
    """Write a refund of a customer whose row is locked."""
    day = today(session)
    paid_on = wanted.paid_on or day
    check_day("paid_on", paid_on, day, business_settings(session).books_closed_through)
    _check_payer(session, wanted)
    credit = credit_since(session, wanted.customer_id, paid_on)
    if wanted.amount > credit:
        detail = f"{max(credit, Decimal(0)):.2f} is in credit on {paid_on} and since."
        raise Problem("refund_exceeds_credit", detail, [FieldError("/amount", "exceeds_credit", detail)])
    refund = Refund(
        customer_id=wanted.customer_id,
        amount=wanted.amount,
        method=wanted.method,
        paid_on=paid_on,
        reference=reference_as_kept(wanted.method, wanted.reference),
        reason=wanted.reason,
        paid_by=wanted.paid_by,
        recorded_by=recorded_by,
        status="paid",
    )
    session.add(refund)
    session.flush()
    return refund


def _check_payer(session: Session, wanted: NewRefund) -> None:
    if wanted.paid_by is None:
        return
    if wanted.method != "cash":
        raise invalid("/paid_by", "Only cash is paid back by somebody.")
    if not is_collector(session, wanted.paid_by):
        raise invalid("/paid_by", "Must be a member of staff.", "user_not_found")


def reverse_refund(session: Session, actor: Actor, refund_id: UUID, *, reason: str, on: date | None) -> Refund:
    """A transfer came back, a refund was entered by mistake: it ends, its row stays, and the credit is there again.

    Raises ``refund_not_found``, ``illegal_transition`` when it is reversed already, ``period_closed``, ``in_use`` when
    it was set off against cash that was handed over: nobody would owe that cash.
    """
    seen = get_visible_refund(session, actor, refund_id)
    lock_customers(session, [seen.customer_id])
    refund = get_visible_refund(session, actor, refund_id, lock=True)
    if refund.status != "paid":
        raise Problem("illegal_transition", f"Refund {refund.voucher_no} was reversed on {refund.reversed_on}.")
    if refund.cash_settlement_id is not None:
        detail = "It was set off when the cash was handed over: if it was not paid back, enter cash that he collected."
        raise Problem("in_use", detail)
    day = today(session)
    reversed_on = on or day
    check_day("reversed_on", reversed_on, day, business_settings(session).books_closed_through, since=refund.paid_on)
    refund.status, refund.reversed_on, refund.reversal_reason = "reversed", reversed_on, reason
    refund.reversed_by = actor.user_id
    session.flush()
    return refund
