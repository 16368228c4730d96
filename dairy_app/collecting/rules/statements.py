"""A bank's statement as a table: what its headings mean, and what each row says.

Headings as HDFC, ICICI, SBI, Axis, Kotak and others write them in the files that they let customers download.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from dairy_app.common.errors import FieldError, invalid
from dairy_app.importing.rules import cells
from dairy_app.importing.rules.cells import Unreadable
from dairy_app.web.uploads import (
    SAVE_ANEW,
    SEND_WORKBOOK,
    fault,
    has_lost_letters,
    is_shortened,
    plain_heading,
    table_in,
)

Value = TypeVar("Value")

#: More rows come in several files.
MOST_ROWS = 10_000
LONGEST_NARRATION, LONGEST_REFERENCE = 500, 100
#: Column → its names, as ``plain_heading`` writes them.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "transaction_date", "txn_date", "tran_date", "trans_date", "posting_date", "post_date",
             "txn_posted_date"),
    "value_date": ("value_date", "value_dt", "val_date"),
    "narration": ("narration", "description", "particulars", "transaction_remarks", "remarks", "transaction_details",
                  "details", "transaction_particulars", "transaction_description"),
    "reference": ("chq_ref_no", "chq_ref_number", "ref_no_cheque_no", "ref_chq_no", "cheque_ref_no", "reference_no",
                  "reference_number", "reference", "ref_no", "utr", "utr_no", "utr_number", "instrument_id"),
    "cheque_no": ("cheque_number", "cheque_no", "chq_no", "chqno", "chequeno", "instrument_no", "cheque_details"),
    "transaction_id": ("transaction_id", "tran_id", "txn_id"),
    "debit": ("withdrawal_amt", "withdrawal_amount_inr", "withdrawal_amount", "withdrawal_amt_inr", "withdrawal",
              "withdrawals", "withdraws", "withdrawal_dr", "debit", "debit_amount", "debit_inr", "dr", "dr_amount"),
    "credit": ("deposit_amt", "deposit_amount_inr", "deposit_amount", "deposit_amt_inr", "deposit", "deposits",
               "deposit_cr", "credit", "credit_amount", "credit_inr", "cr", "cr_amount"),
    "amount": ("amount", "amount_inr", "transaction_amount", "transaction_amount_inr", "txn_amount", "amount_rs"),
    "dr_cr": ("dr_cr", "cr_dr", "drcr", "crdr", "debit_credit", "type", "transaction_type", "txn_type"),
    "balance": ("balance", "closing_balance", "balance_inr", "running_balance", "available_balance",
                "available_balance_inr", "closing_bal", "bal", "balance_amount"),
}  # fmt: skip
_MEANT = {name: column for column, names in COLUMNS.items() for name in names}
#: How what stands below the last row begins.
_BELOW = re.compile(r"statement_summary|legends?$|legends_|end_of_statement|this_is_a_|unless_the_constituent|total$")
_NOTHING_BUT_SIGNS = re.compile(r"[\W_]*")
#: A number of UPI or IMPS, and of NEFT or RTGS, where it stands in a narration.
_UTR = re.compile(
    r"(?<![A-Z0-9])(?:\d{12}|[A-Z]{4}[A-Z0-9]\d{11,17}|[A-Z]{6}\d{10}|[A-Z]{5}\d{11,17}|[A-Z]\d{15})(?![A-Z0-9])"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a statement. ``amount`` in rupees: what came in is above 0, what went out below."""

    line_no: int
    day: date
    amount: Decimal
    narration: str
    reference: str | None
    balance: Decimal | None


@dataclass(frozen=True, slots=True)
class NewStatement:
    """A statement that is uploaded: the dairy's name of the account, and the table as text."""

    csv: str
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A line, and whose payment it is."""

    line: UUID
    customer_id: UUID


@dataclass(frozen=True, slots=True)
class Read:
    """A statement as it was read: its lines, and what is wrong with it by line and column."""

    lines: Sequence[Line]
    faults: Sequence[FieldError]


def read_statement(text: str) -> Read:
    """The rows of a statement with an amount, below the titles of the bank and above its small print.

    Raises ``validation_failed``: no table, no rows, more than ``MOST_ROWS``, columns that are missing.
    """
    table = table_in(text, lambda headings: len({_MEANT.get(plain_heading(each)) for each in headings} - {None}))
    places = _places(table.headings)
    _require_columns(table.line, places)
    lines: list[Line] = []
    faults: list[FieldError] = []
    for number, row in _rows(table.rows):
        if len(row) > len(table.headings):
            told = (
                f"{len(row)} cells below {len(table.headings)} headings. An amount with a comma needs quotes in a CSV."
            )
            faults.append(fault(number, table.headings[-1], "columns", told))
            continue
        said = {column: row[place] for column, place in places.items() if row[place]}
        if not _moves_money(said):
            continue
        if len(lines) + len(faults) >= MOST_ROWS:
            raise invalid("/file", f"At most {MOST_ROWS:,} rows; send the rest as another file.", "too_many")
        wrong = _Faults(number, faults)
        line = _line(number, said, wrong)
        if line is not None and not wrong.any:
            lines.append(line)
    if not lines and not faults:
        raise invalid("/file", "The file has no rows with an amount below its headings.", "empty")
    return Read(lines, faults)


def transfer_number(text: str) -> str | None:
    """The number of UPI, IMPS, NEFT or RTGS that stands in a text; the first one."""
    found = _UTR.search(text.upper())
    return found[0] if found else None


def method_of(narration: str) -> str:
    """How money came in, as the bank words it."""
    words = set(re.findall(r"[A-Z]+", narration.upper()))
    if "UPI" in words:
        return "upi"
    return "cheque" if words & {"CHQ", "CHEQUE", "CLG", "CLEARING", "CTS"} else "bank_transfer"


class _Faults:
    """What is wrong with one row."""

    def __init__(self, number: int, found: list[FieldError]) -> None:
        self.number, self._found, self.any = number, found, False

    def add(self, column: str, code: str, detail: str) -> None:
        self.any = True
        self._found.append(fault(self.number, column, code, detail))


def _places(headings: Sequence[str]) -> dict[str, int]:
    """Column → its place. Of several the first: the second Dr/Cr of a statement is the balance's."""
    places: dict[str, int] = {}
    for place, heading in enumerate(headings):
        column = _MEANT.get(plain_heading(heading))
        if column is not None:
            places.setdefault(column, place)
    return places


def _require_columns(line: int, places: Mapping[str, int]) -> None:
    groups = (("date", "value_date"), ("narration",), ("credit", "amount"))
    missing = [names for names in groups if not places.keys() & set(names)]
    for names in missing:
        said = " or ".join(names)
        raise invalid(f"/rows/{line}/{names[0]}", f"Line {line}: the file has no column for: {said}.", "required")


def _rows(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for number, row in rows:
        first = next(filter(None, row), "")
        if _BELOW.match(plain_heading(first)):
            return
        if not all(_NOTHING_BUT_SIGNS.fullmatch(each) for each in row):
            yield number, row


def _moves_money(said: Mapping[str, str]) -> bool:
    """Whether a row has an amount at all; an opening balance and a line of small print have none."""
    named = [said[column] for column in ("debit", "credit", "amount") if column in said]
    return any(not _is_nothing(each) for each in named)


def _is_nothing(cell: str) -> bool:
    return re.fullmatch(r"[-–—]|[-₹\s]*0*(?:\.0*)?", cell) is not None


def _line(number: int, said: Mapping[str, str], wrong: _Faults) -> Line | None:
    for column in ("reference", "cheque_no", "transaction_id", "narration"):
        cell = said.get(column, "")
        if column != "narration" and is_shortened(cell):
            wrong.add(column, "shortened", SEND_WORKBOOK)
        elif has_lost_letters(cell) and column != "narration":
            wrong.add(column, "unreadable", SAVE_ANEW)
    column = "date" if "date" in said else "value_date"
    day = _read(said, column, cells.day_of, wrong) if column in said else None
    if column not in said:
        wrong.add("date", "required", "Nothing is in this cell.")
    amount = _amount(said, wrong)
    narration = " ".join(said.get("narration", "").split())[:LONGEST_NARRATION]
    reference = _reference(said, narration)
    if day is None or amount is None:
        return None
    return Line(number, day, amount, narration or "-", reference, _balance(said))


def _amount(said: Mapping[str, str], wrong: _Faults) -> Decimal | None:
    """What came in or, below 0, went out."""
    sides = {side: said[side] for side in ("debit", "credit") if side in said and not _is_nothing(said[side])}
    if len(sides) == 2:
        wrong.add("credit", "ambiguous", "There is a debit and a credit in one line.")
        return None
    if sides:
        ((side, cell),) = sides.items()
        read = _read(said, side, cells.balance_of, wrong)
        if read is None:
            return None
        if read[0] < 0 and not cells.names_a_side(cell):
            wrong.add(side, "invalid", f"{cell} is below 0.")
            return None
        return abs(read[0]) if side == "credit" else -abs(read[0])
    read = _read(said, "amount", cells.balance_of, wrong)
    if read is None:
        return None
    if "dr_cr" in said:
        owed = _read(said, "dr_cr", cells.side_of, wrong)
        return None if owed is None else -owed * abs(read[0])
    if not cells.names_a_side(said["amount"]):
        wrong.add("dr_cr", "required", "Nothing says whether it is Dr or Cr.")
        return None
    return -read[0]


def _read(said: Mapping[str, str], column: str, how: Callable[[str], Value], wrong: _Faults) -> Value | None:
    try:
        return how(said[column])
    except Unreadable as problem:
        wrong.add(column, problem.code, problem.detail)
        return None


def _balance(said: Mapping[str, str]) -> Decimal | None:
    """The balance after the line, for people only: one that cannot be read is left out."""
    try:
        amount, side = cells.balance_of(said["balance"])
    except (KeyError, Unreadable):
        return None
    return -amount if side and cells.names_a_side(said["balance"]) else amount


def _reference(said: Mapping[str, str], narration: str) -> str | None:
    """What the payment is known by: the bank's column, else the number in the narration, else its own id of it.

    HDFC fills twelve digits up to sixteen, and writes noughts where there is none; SBI writes sentences there.
    """
    for column in ("reference", "cheque_no"):
        written = cells.whole(said.get(column, ""))
        if written.strip("0-") and " " not in written:
            return (written[4:] if re.fullmatch(r"0000\d{12}", written) else written)[:LONGEST_REFERENCE]
    return transfer_number(narration) or "".join(said.get("transaction_id", "").split())[:LONGEST_REFERENCE] or None
