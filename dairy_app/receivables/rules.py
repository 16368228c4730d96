"""What may be entered on which day, what a payment may settle, and how a file of opening balances is read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from dairy_app.business.rules import check_open_books
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.web.schemas import MAX_MONEY
from dairy_app.web.uploads import fault, rows_of

OPENING_COLUMNS = ("customer_code", "as_of", "amount")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AMOUNT = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,2})?")
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


def transfer_reference(reference: str) -> str:
    """A reference without the blanks that come along when it is copied; what is the same beside that, SQL judges.

    The blank after a word that says what it is stays: without it nobody can say where the word ends.
    """
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


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """One line of a file of opening balances, as far as it could be read; ``line`` as a spreadsheet counts."""

    line: int
    customer_code: str
    as_of: date
    amount: Decimal


def read_opening_rows(text: str) -> tuple[list[OpeningRow], list[FieldError]]:
    """The rows of a CSV with the columns ``OPENING_COLUMNS`` in any order, and what is wrong with the others.

    Raises ``validation_failed`` when it is no such file at all.
    """
    file = _OpeningFile()
    for line, cells, header in rows_of(text, _check_header):
        file.take(line, cells, header)
    if not file.rows and not file.faults:
        raise invalid("/csv", "The file has no rows.", "empty")
    return file.rows, file.faults


def _check_header(header: Sequence[str]) -> None:
    if sorted(header) != sorted(OPENING_COLUMNS):
        raise invalid("/csv", f"The first line must name the columns {', '.join(OPENING_COLUMNS)}.", "columns")


class _OpeningFile:
    """A file while it is read."""

    def __init__(self) -> None:
        self.rows: list[OpeningRow] = []
        self.faults: list[FieldError] = []
        self._first_line: dict[str, int] = {}

    def take(self, line: int, cells: Sequence[str], header: Sequence[str]) -> None:
        if len(cells) != len(header):  # above all 1,240.50 without quotes
            self.faults.append(fault(line, "amount", "columns", f"{len(cells)} cells instead of {len(header)}."))
            return
        row = dict(zip(header, cells, strict=True))
        code, as_of, amount = row["customer_code"], _day(row["as_of"]), _rupees(row["amount"])
        known = len(self.faults)
        if not code:
            self._refuse(line, "customer_code", "required", "Name the customer by its code.")
        elif code in self._first_line:
            self._refuse(line, "customer_code", "duplicate", f"{code} stands in line {self._first_line[code]} too.")
        self._first_line.setdefault(code, line)
        if as_of is None:
            self._refuse(line, "as_of", "invalid", "Not a valid date: YYYY-MM-DD.")
        if amount is None:
            self._refuse(line, "amount", "invalid", "Not rupees with at most two decimals: 1240.50 or -50.")
        if as_of is not None and amount is not None and len(self.faults) == known:
            self.rows.append(OpeningRow(line, code, as_of, amount))

    def _refuse(self, line: int, column: str, code: str, detail: str) -> None:
        self.faults.append(fault(line, column, code, detail))


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if _DATE.fullmatch(written) else None
    except ValueError:
        return None


def _rupees(written: str) -> Decimal | None:
    amount = Decimal(written) if _AMOUNT.fullmatch(written) else None
    return amount if amount is None or abs(amount) <= MAX_MONEY else None


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
