"""What may be entered on which day, and what a payment may settle."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from dairy_app.business.rules import check_open_books
from dairy_app.common.errors import FieldError, Problem, invalid

#: What stands before a reference where it is copied from.
SCHEMES = "UPI|IMPS|NEFT|RTGS|UTR|RRN|TXN|TRANSACTION|REFERENCE|REF|CARD|WALLET|CHEQUE|CHQ|NUMBER|NO|ID"
_PASTED = re.compile(r"[\s\u200b]+")
_SCHEME_WORDS = re.compile(rf"(?:(?:{SCHEMES})(?![^\W_])[\W_]*)+", re.IGNORECASE)


def check_day(field: str, day: date, today: date, closed: date | None, *, since: date | None = None) -> None:
    """A day on which money moved: it has come, the books are open on it, and it is not before ``since``.

    Raises ``validation_failed`` (a day to come, or too early) or ``period_closed``.
    """
    if day > today:
        raise invalid(f"/{field}", f"{day} is in the future; today is {today}.", "in_future")
    if since is not None and day < since:
        raise invalid(f"/{field}", f"Must not be before {since}.", "too_early")
    check_open_books(day, closed)


def reference_as_kept(method: str, reference: str | None) -> str | None:
    """A reference without the blanks that come along when it is copied; what is the same beside that, SQL judges.

    The blank after a word that says what it is stays: without it nobody can say where the word ends. What is noted
    beside cash is a note, and stays as it is.
    """
    if not reference or method == "cash":
        return reference
    words = _SCHEME_WORDS.match(reference)
    end = words.end() if words else 0
    return reference[:end] + _PASTED.sub("", reference[end:])


@dataclass(frozen=True, slots=True)
class Allocation:
    """So much of a payment shall settle this invoice; ``amount`` in rupees."""

    invoice_id: UUID
    amount: Decimal


@dataclass(frozen=True, slots=True)
class NewPayment:
    """Money that came in. ``received_on`` None: today. What is not allocated settles what is oldest."""

    customer_id: UUID
    amount: Decimal
    method: str
    received_on: date | None = None
    reference: str | None = None
    notes: str | None = None
    collected_by: UUID | None = None
    allocations: Sequence[Allocation] = ()


@dataclass(frozen=True, slots=True)
class DoorCash:
    """Cash taken at a door and noted over a link; ``amount`` in rupees. ``collected_by`` owes it to the dairy."""

    customer_id: UUID
    amount: Decimal
    received_on: date
    client_event_id: UUID
    collected_by: UUID
    shared_link_id: UUID


@dataclass(frozen=True, slots=True)
class Claim:
    """What an invoice can still be given by one payment; ``takes`` in rupees."""

    number: str | None
    status: str
    takes: Decimal


def check_allocations(chosen: Sequence[Allocation], free: Decimal, claims: Mapping[UUID, Claim]) -> None:
    """Whether ``chosen`` fits the payment's free rupees and what each invoice still takes.

    Raises ``invoice_not_found`` (also another customer's), ``illegal_transition`` for a draft or a void document,
    ``allocation_exceeds_balance``.
    """
    if sum((each.amount for each in chosen), Decimal(0)) > free:
        detail = f"The payment has {free:.2f} to allocate."
        raise Problem("allocation_exceeds_balance", detail, [FieldError("/allocations", "exceeds_payment", detail)])
    seen: set[UUID] = set()
    for place, each in enumerate(chosen):
        claim = claims.get(each.invoice_id)
        if claim is None:
            raise Problem("invoice_not_found")
        if each.invoice_id in seen:
            raise invalid(f"/allocations/{place}/invoice_id", "The invoice is listed twice.", "duplicate")
        seen.add(each.invoice_id)
        if claim.status != "issued":
            raise Problem("illegal_transition", f"The invoice is {claim.status}; only an issued one can be paid.")
        if each.amount > claim.takes:
            detail = f"{claim.takes:.2f} is open on {claim.number}."
            errors = [FieldError(f"/allocations/{place}/amount", "exceeds_balance", detail)]
            raise Problem("allocation_exceeds_balance", detail, errors)


#: How an invoice, or a month, may stand.
PAYMENT_STATES = ("paid", "partial", "unpaid", "overdue")


def payment_status(total: Decimal, balance_due: Decimal, due_date: date, as_of: date) -> str:
    """How an issued invoice is on a day: ``paid``, ``overdue``, ``partial`` or ``unpaid``; the first that fits."""
    if balance_due == 0:
        return "paid"
    if due_date < as_of:
        return "overdue"
    return "partial" if balance_due < total else "unpaid"


def month_status(balance: Decimal, paid: Decimal, *, overdue: bool) -> str:
    """How a customer's month stands, as the earlier system's sheet said it, and ``overdue`` besides."""
    if balance <= 0:
        return "paid"
    if overdue:
        return "overdue"
    return "partial" if paid > 0 else "unpaid"
