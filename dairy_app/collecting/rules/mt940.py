"""A bank statement as SWIFT's MT940 has it: ``:61:`` a line, ``:86:`` its narration, ``:60F:``, ``:62F:`` balances.

The library reads single fields. That no line is left out is proved here: each statement of the file must come from
its opening balance to its closing one. Source: SWIFT, Standards MT category 9, MT 940 Customer Statement Message.
"""

import logging
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dairy_app.collecting.rules.statements import (
    LONGEST_NARRATION,
    LONGEST_REFERENCE,
    MOST_ROWS,
    Line,
    Read,
    transfer_number,
)
from dairy_app.common.errors import FieldError, invalid
from dairy_app.web.schemas import MAX_MONEY
from dairy_app.web.uploads import fault

if TYPE_CHECKING:
    import mt940

#: What a file has that is one; two searches, because one over both would take for ever in a file of halves.
_SIGNS = (re.compile(r"^:20:", re.MULTILINE), re.compile(r"^:60[FM]:", re.MULTILINE))
_ACCOUNT = re.compile(r"^:25P?:\s*(\S+)", re.MULTILINE)
_FIELD = re.compile(r"^(?=:(?:20|60[FM]|61|62[FM]):)", re.MULTILINE)
#: A line of a narration has so many characters at most; one that is full goes on in the middle of a word.
_FULL = 65
_NO_REFERENCE = frozenset({"", "NONREF"})


def is_mt940(text: str) -> bool:
    """Whether a text is no table but messages of SWIFT."""
    return all(each.search(text) for each in _SIGNS)


def read_mt940(text: str) -> Read:
    """The lines of all statements of a file with an amount, and what is wrong by line of the file and field.

    The day is that of the entry, else that of the value; ``RC`` and ``RD`` take back a credit and a debit. The
    balance after each line is counted on from the opening one. Raises ``validation_failed``: several accounts, no
    lines, or more than ``MOST_ROWS``.
    """
    if len(set(_ACCOUNT.findall(text))) > 1:
        raise invalid("/file", "The file has statements of several accounts; send each by itself.", "ambiguous")
    lines: list[Line] = []
    faults: list[FieldError] = []
    balance: Decimal | None = None
    for number, name, content in _fields(text):
        try:
            found = _parse(content)
        except (ArithmeticError, RuntimeError, ValueError):  # whatever the library makes of what it cannot read
            faults.append(fault(number, name, "invalid", f"The field :{name}: is not as MT940 has it."))
            balance = None
            continue
        match name[:2]:
            case "20":
                if balance is not None and not faults:
                    faults.append(_not_closed(number))
                balance = None
            case "60":
                opening = found.data[_BALANCES[name]].amount
                _refuse_currency(number, name, opening.currency, faults)
                balance = opening.amount
            case "62":
                closing = found.data[_BALANCES[name]].amount.amount
                if balance is not None and balance != closing and not faults:
                    told = (
                        f"The lines come to {balance}, and the bank's closing balance is {closing}: a line is missing."
                    )
                    faults.append(fault(number, name, "sum_differs", told))
                balance = None
            case _:
                if len(lines) + len(faults) >= MOST_ROWS:
                    raise invalid("/file", f"At most {MOST_ROWS:,} rows; send the rest as another file.", "too_many")
                if balance is None and not faults:
                    faults.append(fault(number, name, "required", "There is no opening balance :60F: above the line."))
                line = _line(number, found[0].data, balance)
                if line is None:
                    faults.append(fault(number, name, "invalid", "The amount is not one in rupees and paise: 1240,00."))
                elif line.amount:
                    lines.append(line)
                    balance = line.balance
    if balance is not None and not faults:
        faults.append(_not_closed(text.count("\n") + 1))
    if not lines and not faults:
        raise invalid("/file", "The file has no lines with an amount.", "empty")
    return Read(lines, faults)


#: What the library calls the balances.
_BALANCES = {
    "60F": "final_opening_balance",
    "60M": "intermediate_opening_balance",
    "62F": "final_closing_balance",
    "62M": "intermediate_closing_balance",
}


def _fields(text: str) -> Iterator[tuple[int, str, str]]:
    """The fields that count: line of the file, name, and all up to the next such one. The rest is not read."""
    number = 1
    for part in _FIELD.split(text):
        if part.startswith(":"):
            yield number, part[1 : part.index(":", 1)], part
        number += part.count("\n")


def _parse(content: str) -> "mt940.models.Transactions":
    """One field with its narration, read by itself: the library carries what a line lacks over from the one before."""
    import mt940  # takes a twentieth of a second to load, and few ask

    logging.getLogger("mt940").setLevel(logging.CRITICAL)  # else it writes what it cannot read into the log
    # Without its processors: one makes 28 February of the 30th, the other looks for German structure in a narration.
    plain: dict[str, Any] = {"pre_statement": [], "post_transaction_details": []}
    options = mt940.Options(reversal_sign=True, case_insensitive_marks=True, unbounded_details=True)
    found = mt940.models.Transactions(plain, options=options)
    found.parse(content)
    return found


def _not_closed(number: int) -> FieldError:
    told = "There is no closing balance :62F: above; the statement is not whole."
    return fault(number, "62F", "required", told)


def _refuse_currency(number: int, name: str, currency: str, faults: list[FieldError]) -> None:
    if currency != "INR":
        faults.append(fault(number, name, "currency_unknown", f"The account is in {currency}, not in rupees."))


def _line(number: int, said: dict[str, Any], balance: Decimal | None) -> Line | None:
    """One ``:61:`` with its ``:86:``; None when the amount is none in rupees and paise."""
    amount: Decimal = said["amount"].amount
    customers, banks = (_reference(said[each]) for each in ("customer_reference", "bank_reference"))
    if customers.startswith(".") or amount != round(amount, 2) or abs(amount) > MAX_MONEY:
        return None
    day: date = said.get("entry_date") or said["date"]
    told = [_unwrapped(said.get("transaction_details") or ""), " ".join((said["extra_details"] or "").split())]
    narration = " ".join(filter(None, told))[:LONGEST_NARRATION]
    numbered = transfer_number(customers) or transfer_number(banks) or transfer_number(narration)
    reference = (numbered or customers or banks)[:LONGEST_REFERENCE] or None
    after = None if balance is None else balance + amount
    return Line(number, date(day.year, day.month, day.day), amount, narration or "-", reference, after)


def _reference(written: str | None) -> str:
    plain = "".join((written or "").split())
    return "" if plain.upper() in _NO_REFERENCE else plain


def _unwrapped(narration: str) -> str:
    """A narration in one line. A line of it that is not full ends with a word."""
    return " ".join("".join(line if len(line) >= _FULL else f"{line} " for line in narration.split("\n")).split())
