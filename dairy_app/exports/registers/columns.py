"""What a profile is made of: columns of a kind, and where their rows come from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from dairy_app.exports.rules import Span
from dairy_app.web.uploads import FORMULA

#: ``d.number``: costs nothing to be written twice.
_IS_COLUMN = re.compile(r"\w+\.\w+")


class Kind(Enum):
    """What a column holds, and so how it is written."""

    #: Guarded in a CSV: a spreadsheet must not take it for a formula.
    TEXT = "text"
    #: Text out of our own closed lists and formats: cannot look like a formula.
    WORD = "word"
    #: Rupees: two decimals; what manifests sum up.
    MONEY = "money"
    #: Rupees that are not to be summed: per unit, or of the whole document on each of its rows.
    AMOUNT = "amount"
    #: Counts, quantities, per cent.
    NUMBER = "number"
    DATE = "date"
    #: A date as the GST offline tool wants it in a CSV: ``31-Oct-26``.
    RETURN_DATE = "return_date"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, and the SQL expression of its cells."""

    name: str
    sql: str
    kind: Kind

    def value(self) -> str:
        """The SQL of a cell as a value with its own type, for a workbook: there a text is never a formula."""
        return self.sql

    def cell(self) -> str:
        """The SQL of a cell as it is written in a CSV."""
        if self.kind is Kind.RETURN_DATE:
            return f"to_char({self.sql}, 'DD-Mon-YY')"
        return _guarded(self.sql) if self.kind is Kind.TEXT else self.sql


def _guarded(sql: str) -> str:
    """A text that after spaces starts with = + - @ TAB CR gets an apostrophe (CWE-1236).

    All of them, and the space, sort below A: a column that does not is done without the regular expression, which
    costs ten times as much. What is reckoned first would be reckoned twice.
    """
    guarded = rf"regexp_replace({sql}, '{FORMULA}', '''\1')"
    if not _IS_COLUMN.fullmatch(sql):
        return guarded
    return f"CASE WHEN {sql} >= 'A' COLLATE \"C\" THEN {sql} ELSE {guarded} END"


@dataclass(frozen=True, slots=True)
class Profile:
    """One export: name and version are in file name and headers. A change of columns or rows is a new version.

    ``rows`` is the FROM and WHERE, with parameters ``first``, ``last`` (days), ``as_of`` and ``customer_id``;
    ``order`` is total. ``of_customer``: one customer must be named. Not ``is_of_days``: how things stand, so that no
    days need be named. ``is_for_admins``: of what accountants do not see.
    """

    name: str
    version: int
    title: str
    columns: tuple[Column, ...] = field(repr=False)
    rows: str = field(repr=False)
    order: str
    of_customer: bool = False
    is_of_days: bool = True
    is_for_admins: bool = False

    def file_name(self, span: Span, form: str = "csv") -> str:
        return f"{self.name.replace('/', '-')}-v{self.version}-{span.label}.{form}"


def text(name: str, sql: str) -> Column:
    """A column of free text."""
    return Column(name, sql, Kind.TEXT)


def word(name: str, sql: str) -> Column:
    """A column of codes and names without line breaks."""
    return Column(name, sql, Kind.WORD)


def number(name: str, sql: str) -> Column:
    """A column of counts and quantities."""
    return Column(name, sql, Kind.NUMBER)


def money(name: str, sql: str) -> Column:
    """A column of rupees with two decimals."""
    return Column(name, sql, Kind.MONEY)


def amount(name: str, sql: str) -> Column:
    """A column of rupees as the portal writes them."""
    return Column(name, sql, Kind.AMOUNT)


def date(name: str, sql: str) -> Column:
    """A column of days, YYYY-MM-DD."""
    return Column(name, sql, Kind.DATE)


def return_date(name: str, sql: str) -> Column:
    """A column of days as the portal writes them."""
    return Column(name, sql, Kind.RETURN_DATE)


def coded(sql: str, codes: Mapping[str, str]) -> str:
    """A CASE that looks ``sql`` up in a closed list; NULL for what is not in it."""
    whens = " ".join(f"WHEN '{key}' THEN '{value}'" for key, value in codes.items())
    return f"CASE {sql} {whens} END"
