"""A profile as a workbook (XLSX): texts are text, numbers are numbers, dates are dates, and nothing is a formula.

The rows go through a temporary file, one at a time; equal rows give equal bytes, because every date that the format
itself carries is fixed.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO

from sqlalchemy.orm import Session

from dairy_app.exports.files.streams import CHUNK_BYTES, ROWS_AT_A_TIME, Progress, Take, read_rows
from dairy_app.exports.registers.columns import Column, Kind, Profile
from dairy_app.exports.registers.profiles import select_of
from dairy_app.exports.rules import Span

#: Rows of a sheet, with its header; what is more goes on in the next sheet.
SHEET_ROWS = 1_048_576
#: When the file says it was made: always the same.
MADE = datetime(2000, 1, 1)  # noqa: DTZ001 - the format knows no zones
#: Older dates have no number in a workbook.
_OLDEST = date(1900, 3, 1)

_FORMATS = {
    Kind.TEXT: "@",
    Kind.WORD: "@",
    Kind.MONEY: "0.00",
    Kind.AMOUNT: "0.00",
    Kind.NUMBER: "General",
    Kind.DATE: "yyyy-mm-dd",
    Kind.RETURN_DATE: "dd-mmm-yy",
}
_WIDTHS = {Kind.TEXT: 20, Kind.DATE: 12, Kind.RETURN_DATE: 12, Kind.MONEY: 14}
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}

_Write = Callable[[Any, int, int, Any, Any], object]


@dataclass(frozen=True, slots=True)
class WorkbookSource:
    """A profile over some days as XLSX."""

    profile: Profile
    span: Span

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Make the file aside, then hand it to ``take``; returns the number of rows."""
        select = select_of(self.profile, [column.value() for column in self.profile.columns])
        rows = read_rows(session, select, self.span.parameters, take)
        with tempfile.TemporaryFile() as file:
            count = _write_workbook(file, self.profile, rows, progress)
            hand_over(file, take)
        return count


def begin(file: BinaryIO) -> Any:
    """An empty workbook, which is written to the file when it is closed."""
    import xlsxwriter  # forty modules: not for every start of a server

    return xlsxwriter.Workbook(file, _OPTIONS)


def hand_over(file: BinaryIO, take: Take) -> None:
    """A finished file from its beginning, in chunks."""
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        if take(chunk) is False:
            return


def _write_workbook(file: BinaryIO, profile: Profile, rows: Any, progress: Progress | None) -> int:
    workbook = begin(file)
    workbook.set_properties({"created": MADE, "title": f"{profile.name} v{profile.version}"})
    sheets = _Sheets(workbook, profile)
    for row in rows:
        sheets.write(row)
        if progress and sheets.count % ROWS_AT_A_TIME == 0:
            progress(sheets.count)
    workbook.close()
    if progress:
        progress(sheets.count)
    return sheets.count


class _Sheets:
    """The sheets of a workbook: a header each, and as many as the rows need."""

    def __init__(self, workbook: Any, profile: Profile) -> None:
        self.count = 0
        self._workbook, self._columns = workbook, profile.columns
        self._name = profile.name.rpartition("/")[2]
        self._bold = workbook.add_format({"bold": True})
        formats = {kind: workbook.add_format({"num_format": form}) for kind, form in _FORMATS.items()}
        self._cells: Sequence[tuple[_Write, Any]] = [
            (_WRITERS[column.kind], formats[column.kind]) for column in self._columns
        ]
        self._begin()

    def _begin(self) -> None:
        number = self.count // (SHEET_ROWS - 1)
        self._sheet = self._workbook.add_worksheet(f"{self._name} {number + 1}" if number else self._name)
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            self._sheet.set_column(place, place, _width(column))
            self._sheet.write_string(0, place, column.name, self._bold)
        self._row = 0

    def write(self, row: Sequence[Any]) -> None:
        if self._row == SHEET_ROWS - 1:
            self._begin()
        self._row += 1
        self.count += 1
        for place, (value, (write, form)) in enumerate(zip(row, self._cells, strict=True)):
            if value is not None:
                write(self._sheet, self._row, place, value, form)


def _width(column: Column) -> int:
    return max(_WIDTHS.get(column.kind, 10), min(len(column.name), 30))


def _write_text(sheet: Any, row: int, place: int, value: Any, form: Any) -> None:
    sheet.write_string(row, place, str(value), form)


def _write_number(sheet: Any, row: int, place: int, value: Any, form: Any) -> None:
    sheet.write_number(row, place, value, form)


def _write_date(sheet: Any, row: int, place: int, value: Any, form: Any) -> None:
    if value < _OLDEST:
        sheet.write_string(row, place, value.isoformat(), form)
    else:
        sheet.write_datetime(row, place, value, form)


_WRITERS: dict[Kind, _Write] = {
    Kind.TEXT: _write_text,
    Kind.WORD: _write_text,
    Kind.MONEY: _write_number,
    Kind.AMOUNT: _write_number,
    Kind.NUMBER: _write_number,
    Kind.DATE: _write_date,
    Kind.RETURN_DATE: _write_date,
}
