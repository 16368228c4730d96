"""A sheet of payments as people fill it in: rows of fields, and lines pasted from a spreadsheet."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

#: Rows that an empty sheet has, and lines that are taken at once: so many are booked before others, who wait for the
#: same customers, give up.
EMPTY_ROWS, MOST_LINES = 10, 100
FIELDS = ("customer", "amount", "method", "received_on", "reference")
_FIELD = re.compile(r"r([0-9]{1,4})-customer")
#: The last group has three digits: ``12,34`` may be meant as twelve rupees and some paise.
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}(\.[0-9]+)?")
_DAY_FIRST = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})")


@dataclass(frozen=True, slots=True)
class Row:
    """One payment as it was typed. The number stays with it: by it the same row is known when it is sent again."""

    number: int
    customer: str = ""
    amount: str = ""
    method: str = ""
    received_on: str = ""
    reference: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nobody typed anything; method and day are filled in beforehand."""
        return not (self.customer or self.amount or self.reference)


def empty_rows(method: str, day: str) -> list[Row]:
    """The rows of a new sheet."""
    return [Row(number, method=method, received_on=day) for number in range(EMPTY_ROWS)]


def typed_rows(form: Mapping[str, str]) -> list[Row]:
    """The rows of a form by their numbers, the empty ones too."""
    numbers = sorted(int(found[1]) for found in map(_FIELD.fullmatch, form) if found)
    return [
        _plain(Row(number, *(form.get(f"r{number}-{name}", "").strip() for name in FIELDS)), {}) for number in numbers
    ]


def pasted_rows(text: str, first: int, methods: Mapping[str, str]) -> list[Row]:
    """The lines of a spreadsheet as rows, numbered from ``first``: parted by tabs, else semicolons, else commas.

    ``methods``: words in small letters, and the code that each stands for.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    rows = []
    for number, line in enumerate(lines, first):
        comma = next((each for each in "\t;" if each in line), ",")
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=comma))]
        rows.append(_plain(Row(number, *(cells + [""] * len(FIELDS))[: len(FIELDS)]), methods))
    return rows


def _plain(row: Row, methods: Mapping[str, str]) -> Row:
    """As the API reads it: amounts without rupee signs and grouping, days with the year first."""
    amount = re.sub(r"^(₹|rs\.?)\s*", "", row.amount, flags=re.I)
    if _GROUPED.fullmatch(amount):
        amount = amount.replace(",", "")
    day = row.received_on
    if found := _DAY_FIRST.fullmatch(day):
        day = f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}"
    return replace(row, amount=amount, received_on=day, method=methods.get(row.method.lower(), row.method))


def is_phone_of(typed: str, phone: str | None) -> bool:
    """Whether a number that somebody typed is this one, with or without the country's."""
    digits = re.sub(r"[^0-9]", "", typed)
    return len(digits) >= 10 and bool(phone) and re.sub(r"[^0-9]", "", phone or "")[-10:] == digits[-10:]
