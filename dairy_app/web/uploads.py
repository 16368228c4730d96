"""Tables that people upload, as CSV or as a workbook: read into rows of text, faults named by line and column.

A schema that takes one says so with ``other_media``; the text arrives in its field ``csv``, whatever was sent.
"""

import csv
import io
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.web.logs import log

#: A file with more faults than this is the wrong file.
MOST_FAULTS = 100
#: What spreadsheets, and our own exports, put before a cell that begins like a formula.
GUARD = "'"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: What a workbook may unpack to, and how far its sheet is read: a few bytes can claim a million empty cells.
MOST_UNPACKED = 64 * 1024 * 1024
MOST_LINES, MOST_COLUMNS = 20_000, 100
#: Elements of one part, by name: more than ten thousand rows of customers have. Of others a workbook has thousands.
MOST_ELEMENTS = {
    "row": MOST_LINES,
    "c": 250_000,
    "v": 250_000,
    "is": 250_000,
    "si": 250_000,
    "t": 250_000,
    "r": 250_000,
}
MOST_OTHERS = 50_000
#: Tags that are looked at at all: closing ones count too.
MOST_TAGS = 4_000_000

if TYPE_CHECKING:  # what is pure may read rows without knowing of requests
    from flask import Request


def other_media(*, workbooks: bool = False) -> "dict[str, Callable[[Request], dict[str, Any]]]":
    """How a table is read that comes as the body or as an upload named ``file``."""
    read = _text_of_table if workbooks else _text_of_csv

    def of_body(request: "Request") -> dict[str, Any]:
        return {"csv": read(request.get_data())}

    def of_upload(request: "Request") -> dict[str, Any]:
        if list(request.files) != ["file"] or request.form or len(request.files.getlist("file")) != 1:
            raise invalid("/file", "Send one file, in a field named file.")
        return {"csv": read(request.files["file"].read())}

    return {"text/csv": of_body, "multipart/form-data": of_upload} | ({XLSX: of_body} if workbooks else {})


def rows_of(
    text: str, check_header: Callable[[Sequence[str]], None], column_of: Callable[[str], str] = str.lower
) -> Iterator[tuple[int, list[str], Sequence[str]]]:
    """Line (as a spreadsheet counts), cells and column names of each row of a CSV that is not blank.

    A guarding apostrophe, surrounding blanks and empty cells at the end are taken off. ``column_of`` says which column
    a heading means; ``check_header`` is given the columns, and raises when they are not those of the file. Raises
    ``validation_failed`` for what is no CSV.
    """
    text = text.removeprefix("\ufeff")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = 1
    try:
        header = [column_of(cell) for cell in _without_empty_end(next(lines, []))]
        check_header(header)
        for line, cells in enumerate(lines, 2):
            plain = _without_empty_end(cells)
            plain += [""] * (len(header) - len(plain))
            if any(plain):
                yield line, plain, header
    except csv.Error as error:
        raise invalid("/csv", f"Line {line} or the one after it is not CSV: {error}.") from None


def fault(line: int, column: str, code: str, detail: str) -> FieldError:
    """What is wrong with one cell of a file."""
    return FieldError(f"/rows/{line}/{column}", code, f"Line {line}: {detail}")


def refuse_file(faults: Sequence[FieldError]) -> Problem:
    """All or nothing: one refusal that names every fault, the first ``MOST_FAULTS`` of them."""
    shown = sorted(faults, key=lambda each: (int(each.pointer.split("/")[2]), each.pointer))[:MOST_FAULTS]
    counted = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
    return Problem("validation_failed", f"Nothing was imported: {counted}.", list(shown))


def _delimiter(text: str) -> str:
    """What parts the cells: a spreadsheet writes ``;`` or a tab where the comma is for decimals."""
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _without_empty_end(cells: Sequence[str]) -> list[str]:
    plain = [_plain(cell) for cell in cells]
    while plain and not plain[-1]:
        plain.pop()
    return plain


def _plain(cell: str) -> str:
    return cell.strip().removeprefix(GUARD).strip()


def _text_of_csv(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise invalid("/csv", "The file is not text in UTF-8; save it as CSV UTF-8.") from None
    if "\x00" in text:
        raise invalid("/csv", "Must not contain NUL characters.")
    return text


def _text_of_table(raw: bytes) -> str:
    """A CSV as it is; of a workbook the first sheet, row by row."""
    if not raw.startswith(b"PK"):
        return _text_of_csv(raw)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            parts = packed.infolist()
            if sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise invalid("/file", "The workbook is too large.")
            for part in parts:
                _check_part(part.filename, packed.read(part))
        return "".join(_lines_of_workbook(raw))
    except Problem:
        raise
    except Exception as error:
        # Whatever a damaged file makes the libraries raise, or a fault of ours: the log says where.
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.warning(
            "workbook not read", fault=type(error).__name__, place=f"{Path(place.filename).name}:{place.lineno}"
        )
        raise invalid("/file", "The file is not a readable workbook; save it as CSV UTF-8.") from None


def _check_part(name: str, content: bytes) -> None:
    """Refuse XML that is none, brings definitions of its own, or has more elements than can be read in seconds."""
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


def _lines_of_workbook(raw: bytes) -> Iterator[str]:
    from openpyxl import load_workbook  # takes a quarter of a second to load, and few ask

    book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what a workbook says of its size need not be so
    for row in sheet.iter_rows(max_row=MOST_LINES, max_col=MOST_COLUMNS, values_only=True):
        cells = [_written(value) for value in row]
        while cells and not cells[-1]:  # rows are as wide as the widest
            cells.pop()
        line = io.StringIO()
        csv.writer(line).writerow(cells)
        yield line.getvalue()


def _written(value: Any) -> str:
    """A cell as one would type it: numbers without a needless fraction, days as YYYY-MM-DD."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat()
        case date():
            return value.isoformat()
        case _:
            return str(value)
