"""Giving up what is open."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.errors import FieldError, Problem
from dairy_app.customers.queries import get_visible_customer
from dairy_app.receivables.models import WriteOff
from dairy_app.receivables.queries.ledger import balance, open_of_invoice
from dairy_app.receivables.rules import check_day
from dairy_app.web.access import Actor


@dataclass(frozen=True, slots=True)
class NewWriteOff:
    """What shall be given up: of one invoice, or of whatever the customer owes. ``written_off_on`` None: today."""

    customer_id: UUID
    amount: Decimal
    reason: str
    invoice_id: UUID | None = None
    written_off_on: date | None = None


def write_off(session: Session, actor: Actor, wanted: NewWriteOff) -> WriteOff:
    """Give up what is open of one invoice, or of whatever the customer owes. The document stays valid.

    Raises ``customer_not_found``, ``invoice_not_found``, ``illegal_transition`` for a document that is not issued,
    ``period_closed``, ``allocation_exceeds_balance``.
    """
    customer = get_visible_customer(session, actor, wanted.customer_id, lock=True)
    day = today(session)
    written_on = wanted.written_off_on or day
    open_amount, since = _open(session, customer.id, wanted.invoice_id, day)
    check_day("written_off_on", written_on, day, business_settings(session).books_closed_through, since=since)
    if wanted.amount > open_amount:
        detail = f"{max(open_amount, Decimal(0)):.2f} is open."
        errors = [FieldError("/amount", "exceeds_balance", detail)]
        raise Problem("allocation_exceeds_balance", detail, errors)
    row = WriteOff(
        customer_id=customer.id,
        invoice_id=wanted.invoice_id,
        amount=wanted.amount,
        reason=wanted.reason,
        written_off_on=written_on,
        written_by=actor.user_id,
    )
    session.add(row)
    session.flush()
    return row


def _open(session: Session, customer_id: UUID, invoice_id: UUID | None, day: date) -> tuple[Decimal, date | None]:
    """What may be written off, and since when."""
    if invoice_id is None:
        return balance(session, customer_id), None
    invoice = open_of_invoice(session, customer_id, invoice_id, day)
    if invoice is None:
        raise Problem("invoice_not_found")
    if invoice["status"] != "issued":
        raise Problem("illegal_transition", f"The invoice is {invoice['status']}; only an issued one is owed.")
    return invoice["open"], invoice["invoice_date"]
