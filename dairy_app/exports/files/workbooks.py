"""A profile as a workbook (XLSX): texts are text, numbers are numbers, dates are dates, and nothing is a formula.

As with a CSV the server's COPY brings the rows one at a time, at the reader's pace. In its text format a tab is always
the end of a cell, so that a row becomes cells without being read character by character.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from dairy_app.database.transactions import driver_cursor
from dairy_app.exports.files.spreadsheets import (
    CELL_UNITS,
    Spreadsheet,
    Style,
    around,
    number_cell,
    spreadsheet,
    text_cell,
)
from dairy_app.exports.files.streams import Progress, Take
from dairy_app.exports.registers.columns import Column, Kind, Profile
from dairy_app.exports.registers.profiles import select_of
from dairy_app.exports.rules import Span

#: The day before the first of a workbook; it believes that there was a 29 February 1900.
_EPOCH = date(1899, 12, 30)
#: Older dates have no number in a workbook, or another one in each program.
_OLDEST = date(1900, 3, 1)

_STYLES = {
    Kind.TEXT: Style.TEXT,
    Kind.WORD: Style.TEXT,
    Kind.MONEY: Style.MONEY,
    Kind.AMOUNT: Style.MONEY,
    Kind.NUMBER: Style.GENERAL,
    Kind.DATE: Style.DAY,
    Kind.RETURN_DATE: Style.RETURN_DAY,
}
_WIDTHS = {Kind.TEXT: 20, Kind.DATE: 12, Kind.RETURN_DATE: 12, Kind.MONEY: 14}
_DAYS = (Style.DAY, Style.RETURN_DAY)

#: A row with a text that cannot be put into XML as COPY wrote it: with what COPY escapes, what XML does, what neither
#: can write, or spaces at its end.
_SPECIAL = re.compile(rb"[&<>\\\x00-\x08\x0b-\x1f]|_x|\xef\xbf[\xbe\xbf]|^ | \t|\t | $")
#: How COPY writes what is not itself.
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class WorkbookSource:
    """A profile over some days as XLSX."""

    profile: Profile
    span: Span

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Hand the file to ``take`` while the rows come; returns their number."""
        profile = self.profile
        select = select_of(profile, [column.value() for column in profile.columns])
        with spreadsheet(take, f"{profile.name} v{profile.version}") as book:
            book.begin(
                profile.name.rpartition("/")[2],
                [column.name for column in profile.columns],
                [_width(column) for column in profile.columns],
            )
            rows = _Rows(book, profile, progress)
            with driver_cursor(session) as cursor:
                asked = cursor.mogrify(select, self.span.parameters).decode()
                cursor.copy_expert(f"COPY ({asked}) TO STDOUT (FORMAT text, NULL '', ENCODING 'UTF8')", rows)
        if progress:
            progress(rows.count)
        return rows.count


class _Rows:
    """The file that COPY writes to: one call a row."""

    def __init__(self, book: Spreadsheet, profile: Profile, progress: Progress | None) -> None:
        self.count = 0
        self._book, self._progress = book, progress
        self._styles = [_STYLES[column.kind] for column in profile.columns]
        self._days = {style: _Days(style) for style in _DAYS}
        #: Which columns hold days, and their cells by the day's text: there are not many of them.
        self._of_days = [(place, self._days[style]) for place, style in enumerate(self._styles) if style in _DAYS]
        self._around = [(b"", b"") if style in _DAYS else around(style) for style in self._styles]

    def write(self, row: bytes) -> None:
        self.count += 1
        cells = row[:-1].split(b"\t")
        if len(row) > CELL_UNITS or _SPECIAL.search(row):
            written = list(map(self._carefully, self._styles, cells))
        else:
            for place, days in self._of_days:
                cells[place] = days[cells[place]]
            written = [
                before + cell + after if cell else b""
                for (before, after), cell in zip(self._around, cells, strict=True)
            ]
        if self._book.add(written) and self._progress:
            self._progress(self.count)

    def _carefully(self, style: Style, cell: bytes) -> bytes:
        if not cell or style in _DAYS:
            return self._days[style][cell] if cell else b""
        text = _ESCAPED.sub(_unescaped, cell.decode())
        return text_cell(text) if style is Style.TEXT else number_cell(text, style)


class _Days(dict[bytes, bytes]):
    """The cells of days by how COPY writes them."""

    def __init__(self, style: Style) -> None:
        super().__init__({b"": b""})
        self._style = style

    def __missing__(self, written: bytes) -> bytes:
        text = written.decode()
        try:
            day = date.fromisoformat(text)
        except ValueError:  # after the year 9999, before the first
            day = date.min
        is_text = day < _OLDEST
        self[written] = cell = text_cell(text) if is_text else number_cell((day - _EPOCH).days, self._style)
        return cell


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[1])


def _width(column: Column) -> int:
    return max(_WIDTHS.get(column.kind, 10), min(len(column.name), 30))
