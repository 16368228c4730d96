"""Tables that people upload, as CSV or as a workbook: read into rows of text, faults named by line and column.

A schema that takes one says so with ``other_media``; the text arrives in its field ``csv``, whatever was sent.
"""

import codecs
import contextlib
import csv
import io
import re
import traceback
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.web.logs import log
from dairy_app.web.strict_json import token
from dairy_app.web.validate import UNKNOWN_FIELD

#: A file with more faults than this is the wrong file.
MOST_FAULTS = 100
#: What spreadsheets, and our own exports, put before a cell that begins like a formula.
GUARD = "'"
#: How a text begins that a spreadsheet would compute (CWE-1236): the same pattern for Python and for PostgreSQL.
FORMULA = r"^( *[=+@\t\r-])"
#: What parts the cells: a spreadsheet writes ``;`` or a tab where the comma is for decimals.
DELIMITERS = ",;\t"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: What a workbook may unpack to, and how far its sheet is read: a few bytes can claim a million empty cells.
MOST_UNPACKED = 64 * 1024 * 1024
MOST_LINES, MOST_COLUMNS = 20_000, 100
#: Elements of one part, by name: more than ten thousand rows of customers have. Of others a workbook has thousands.
MOST_ELEMENTS = {
    "row": MOST_LINES,
    "c": 250_000,
    "v": 250_000,
    "f": 250_000,
    "is": 250_000,
    "si": 250_000,
    "t": 250_000,
    "r": 250_000,
}
MOST_OTHERS = 50_000
#: Tags that are looked at at all: closing ones count too.
MOST_TAGS = 4_000_000
#: Headings are looked for in so many lines: what is above them are titles.
MOST_TITLES = 30
#: How a workbook of Excel 97 to 2003 begins.
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
#: What a spreadsheet leaves of letters that its file has no place for.
_LOST = re.compile(r"(?<!\w)\?{3}|^[?\s]*\?[?\s]*$|\ufffd")
#: In the place of a formula without what it comes to: a program wrote it, and no spreadsheet has computed it yet.
_UNSAVED = "#NOT_COMPUTED!"
#: What a cell may hold instead of what a formula comes to.
_ERRORS = frozenset({_UNSAVED, "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"})
COMPUTE = "The formula has come to nothing yet, or to an error: open the file, save it once in the spreadsheet program."
SAVE_ANEW = "Letters were lost when the file was saved: save it as XLSX or as CSV UTF-8."
#: A long number as a narrow column of a spreadsheet shows and saves it: 9.81235E+09.
_SHORTENED = re.compile(r"[0-9.]+E[+]?[0-9]+", re.I)
SEND_WORKBOOK = (
    "The spreadsheet saved only the first digits. Send the workbook itself (XLSX), or widen the column first."
)

if TYPE_CHECKING:  # what is pure may read rows without knowing of requests
    from flask import Request


def media_of_import(*options: str) -> "dict[str, Callable[[Request], dict[str, Any]]]":
    """How a table is read that comes as the body, or as an upload named ``file`` with ``options`` as fields beside it.

    Of a workbook the sheet that the option ``sheet`` names, in the form or in the query string.
    """

    def of_body(request: "Request") -> dict[str, Any]:
        return {"csv": _text_of_table(request.get_data(), request.args.get("sheet"))}

    def of_upload(request: "Request") -> dict[str, Any]:
        if list(request.files) != ["file"] or len(request.files.getlist("file")) != 1:
            raise invalid("/file", "Send one file, in a field named file.")
        for name, values in request.form.lists():
            if name not in options:
                raise invalid(f"/{name}"[:200], "Unknown field.", UNKNOWN_FIELD)
            if len(values) > 1:
                raise invalid(f"/{name}", "Given more than once.")
        given = {name: value for name, value in request.form.items() if value}
        sheet = given.pop("sheet", None) or request.args.get("sheet")
        return given | {"csv": _text_of_table(request.files["file"].read(), sheet)}

    return {"multipart/form-data": of_upload, "text/csv": of_body, XLSX: of_body}


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it stands in a file: the line of its headings, these, and the rows below that are not blank."""

    line: int
    headings: Sequence[str]
    rows: Iterator[tuple[int, list[str]]]


def table_in(text: str, known: Callable[[Sequence[str]], int]) -> Table:
    """The table of a CSV, wherever it begins; ``known`` counts how many of a row's cells are headings.

    The first row with the most of them has the headings, and so it is told what parts the cells. Rows are as wide as
    the headings, wider where a cell has none. Raises ``validation_failed`` when no row has any.
    """
    text = text.removeprefix("\ufeff")
    found = [
        (known(cells), -line, -place)
        for place, delimiter in enumerate(DELIMITERS)
        for line, cells in _first_records(text, delimiter)
    ]
    most, line, place = max(found, default=(0, 0, 0))
    if not most:
        raise invalid("/file", f"None of the first {MOST_TITLES} lines names columns that are known.", "columns")
    records = _records(text, DELIMITERS[-place])
    headings = next(cells for at, cells in records if at == -line)
    rows = ((at, cells + [""] * (len(headings) - len(cells))) for at, cells in records if any(cells))
    return Table(-line, headings, rows)


def _first_records(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The first rows, as far as this is a CSV with this delimiter."""
    first: list[tuple[int, list[str]]] = []
    with contextlib.suppress(Problem):
        for record, _ in zip(_records(text, delimiter), range(MOST_TITLES), strict=False):
            first.append(record)
    return first


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row, without empty cells at its end. Raises ``validation_failed`` for what is no CSV."""
    line = 0
    try:
        for line, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            yield line, _without_empty_end(cells)
    except csv.Error as error:
        raise invalid("/csv", f"Line {max(line, 1)} or the one after it is not CSV: {error}.") from None


def plain_heading(heading: str) -> str:
    """A heading, or a word of a cell, as it is compared: ``Phone No.`` is ``phone_no``."""
    return "_".join(re.split(r"[-\s_./:()*₹#]+", unicodedata.normalize("NFC", heading).lower())).strip("_")


def guarded(text: str) -> str:
    """A text as it is written in a CSV: one that a spreadsheet would compute gets an apostrophe."""
    return re.sub(FORMULA, rf"{GUARD}\1", text)


def has_lost_letters(cell: str) -> bool:
    """Whether a cell holds what a spreadsheet leaves of letters that its file has no place for."""
    return _LOST.search(cell) is not None


def is_not_computed(cell: str) -> bool:
    """Whether a cell says that its formula came to nothing: an error of the spreadsheet, or never computed at all."""
    return cell in _ERRORS


def is_shortened(cell: str) -> bool:
    """Whether a cell is a long number of which only the first digits were saved: ``9.19E+11``."""
    return _SHORTENED.fullmatch(cell) is not None


def fault(line: int, column: str, code: str, detail: str) -> FieldError:
    """What is wrong with one cell of a file."""
    return FieldError(f"/rows/{line}/{token(column)}", code, f"Line {line}: {detail}")


def refuse_file(faults: Sequence[FieldError]) -> Problem:
    """All or nothing: one refusal that names every fault, the first ``MOST_FAULTS`` of them."""
    shown = sorted(faults, key=lambda each: (int(each.pointer.split("/")[2]), each.pointer))[:MOST_FAULTS]
    counted = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
    return Problem("validation_failed", f"Nothing was imported: {counted}.", list(shown))


def _without_empty_end(cells: Sequence[str]) -> list[str]:
    plain = [_plain(cell) for cell in cells]
    while plain and not plain[-1]:
        plain.pop()
    return plain


def _plain(cell: str) -> str:
    return cell.strip().removeprefix(GUARD).strip()


def _text_of_csv(raw: bytes) -> str:
    is_wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # Excel's "Unicode text"
    try:
        text = raw.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise invalid("/csv", "The file is not text in UTF-8; save it as CSV UTF-8.") from None
    if "\x00" in text:
        raise invalid("/csv", "Must not contain NUL characters.")
    return text


def _text_of_table(raw: bytes, sheet: str | None = None) -> str:
    """A CSV as it is; of a workbook one sheet, by name or number, row by row: the first when none is named."""
    if raw.startswith(_OLD_WORKBOOK):
        raise invalid("/file", "This is a workbook of Excel 97 to 2003; save it as XLSX.")
    if not raw.startswith(b"PK"):
        if sheet not in (None, "1"):
            raise invalid("/sheet", "A CSV has no sheets.", "sheet_not_found")
        return _text_of_csv(raw)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            parts = packed.infolist()
            if sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise invalid("/file", "The workbook is too large.")
            formulas_in = [_check_part(part.filename, packed.read(part)) for part in parts]
        return "".join(_lines_of_workbook(raw, sheet, has_formulas=any(formulas_in)))
    except Problem:
        raise
    except Exception as error:
        # Whatever a damaged file makes the libraries raise, or a fault of ours: the log says where.
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.warning(
            "workbook not read", fault=type(error).__name__, place=f"{Path(place.filename).name}:{place.lineno}"
        )
        raise invalid("/file", "The file is not a readable workbook; save it as CSV UTF-8.") from None


def _check_part(name: str, content: bytes) -> bool:
    """Refuse XML that is none, brings definitions of its own, or has more elements than can be read in seconds.

    Else whether there are formulas in it.
    """
    if content.count(b"<") > MOST_TAGS:
        raise invalid("/file", "The workbook is too large.")
    counts: Counter[str] = Counter()

    def count(tag: str, _attributes: Any) -> None:
        element = tag.rpartition(" ")[2]
        if element not in MOST_ELEMENTS:
            element = "others"
        counts[element] += 1
        if counts[element] > MOST_ELEMENTS.get(element, MOST_OTHERS):
            raise invalid("/file", "The workbook is too large.")

    def define(*_: Any) -> None:
        raise ValueError("a workbook has no DOCTYPE")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = count, define
    try:
        parser.Parse(content, True)
    except expat.ExpatError:
        if name.lower().endswith((".xml", ".rels")):  # others hold pictures and the like; openpyxl reads none
            raise
    return counts["f"] > 0


def _lines_of_workbook(raw: bytes, named: str | None, *, has_formulas: bool) -> Iterator[str]:
    formulas = _rows_of_workbook(raw, named, data_only=False) if has_formulas else repeat(())
    for row, as_written in zip(_rows_of_workbook(raw, named, data_only=True), formulas, strict=False):
        cells = [_written(cell.value) for cell in row]
        for place, (cell, written) in enumerate(zip(row, as_written, strict=False)):
            # A text of no letters is a result; its cell says "str".
            if written.data_type == "f" and cell.value is None and cell.data_type != "str":
                cells[place] = _UNSAVED
        while cells and not cells[-1]:  # rows are as wide as the widest
            cells.pop()
        line = io.StringIO()
        csv.writer(line).writerow(cells)
        yield line.getvalue()


def _rows_of_workbook(raw: bytes, named: str | None, *, data_only: bool) -> Iterator[tuple[Any, ...]]:
    """The cells of a sheet row by row: with what formulas came to (``data_only``), or with the formulas."""
    from openpyxl import load_workbook  # takes a quarter of a second to load, and few ask

    sheets = load_workbook(io.BytesIO(raw), read_only=True, data_only=data_only).worksheets
    sheet = sheets[_place_of_sheet([each.title for each in sheets], named)]
    sheet.reset_dimensions()  # what a workbook says of its size need not be so
    yield from sheet.iter_rows(max_row=MOST_LINES, max_col=MOST_COLUMNS)


def _place_of_sheet(titles: Sequence[str], named: str | None) -> int:
    """Which sheet is meant: by name in whatever capitals, by number from 1, or the first."""
    wanted = (named or "1").strip().lower()
    by_name = [place for place, title in enumerate(titles) if title.strip().lower() == wanted]
    if named and by_name:
        return by_name[0]
    if not wanted.isascii() or not wanted.isdigit() or not 1 <= int(wanted[:9]) <= len(titles):
        there = ", ".join(f"{number} {title}" for number, title in enumerate(titles, 1))
        raise invalid("/sheet", f"There is no such sheet; there are: {there}."[:500], "sheet_not_found")
    return int(wanted) - 1


def _written(value: Any) -> str:
    """A cell as one would type it: numbers without a needless fraction, days as YYYY-MM-DD."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return str(int(value)) if value.is_integer() else f"{value:.15g}"  # as many digits as a spreadsheet has
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat()
        case date():
            return value.isoformat()
        case _:
            return str(value)
