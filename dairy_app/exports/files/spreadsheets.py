"""An XLSX file that is sent while it is written: parts of XML in a zip, of which no more is held than a few rows.

Texts are in their cells, not in a table of their own, so that a row can be written without knowing those to come; the
sheets come first, and what lists them last. Equal rows give equal bytes: every date that the format itself carries is
fixed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from io import BytesIO
from typing import IO, Final
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from dairy_app.exports.files.streams import CHUNK_BYTES, Take

#: Rows of a sheet, with its header; what is more goes on in the next sheet.
SHEET_ROWS = 1_048_576
#: So does what is longer than this: the zip would need sizes of 64 bits, of which Excel says that it must be repaired.
SHEET_BYTES = 2_000_000_000
#: Of a cell, in units of UTF-16; the rest of a longer text is left out.
CELL_UNITS: Final = 32_767
#: Of compression: as small as with zlib's own choice, in two thirds of the time.
_LEVEL = 5


class Style(IntEnum):
    """How a cell is shown: its place in ``cellXfs``."""

    GENERAL = 0
    BOLD = 1
    TEXT = 2
    MONEY = 3
    DAY = 4
    RETURN_DAY = 5
    QUANTITY = 6


_FORMATS = {
    Style.TEXT: "@",
    Style.MONEY: "0.00",
    Style.DAY: "yyyy-mm-dd",
    Style.RETURN_DAY: "dd-mmm-yy",
    Style.QUANTITY: "0.###",
}
_FIRST_FORMAT = 164  # below are those that Excel knows by itself

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_ML = "application/vnd.openxmlformats-officedocument.spreadsheetml"

_ROOT = f"""{_XML}<Relationships xmlns="{_PACKAGE}/relationships">\
<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>\
<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/>\
</Relationships>"""

_CORE = f"""{_XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" \
xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>{{title}}</dc:title>\
<dcterms:created xsi:type="dcterms:W3CDTF">2000-01-01T00:00:00Z</dcterms:created></cp:coreProperties>"""

_FONT = '<sz val="11"/><name val="Calibri"/><family val="2"/>'
_STYLES = f"""{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="{len(_FORMATS)}">\
{"".join(f'<numFmt numFmtId="{_FIRST_FORMAT + style}" formatCode="{form}"/>' for style, form in _FORMATS.items())}\
</numFmts><fonts count="2"><font>{_FONT}</font><font><b/>{_FONT}</font></fonts>\
<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>\
</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>\
<cellXfs count="{len(Style)}"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>\
<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>\
{
    "".join(
        f'<xf numFmtId="{_FIRST_FORMAT + style}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        for style in _FORMATS
    )
}</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"""

_END = "</sheetData></worksheet>"

#: What XML 1.0 has no way to write, and what would be read as the way in which Excel writes it.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def around(style: Style) -> tuple[bytes, bytes]:
    """What stands before and after the value of a cell. A text between them must be written like ``text_cell`` does."""
    if style in (Style.TEXT, Style.BOLD):
        return b'" s="%d" t="inlineStr"><is><t>' % style, b"</t></is></c>"
    return b'" s="%d"><v>' % style, b"</v></c>"


def text_cell(text: str, style: Style = Style.TEXT) -> bytes:
    """A cell with a text, whatever is in it; never a formula. Control characters are written as Excel writes them."""
    if len(text) > CELL_UNITS // 2:
        text = text.encode("utf-16-le")[: 2 * CELL_UNITS].decode("utf-16-le", "ignore")
    before, after = around(style)
    if text != text.strip():
        before = before.replace(b"<t>", b'<t xml:space="preserve">')
    return before + escape(_UNWRITABLE.sub(_as_excel_writes, text)).encode() + after


def number_cell(number: object, style: Style = Style.GENERAL) -> bytes:
    """A cell with a number, its digits as they are."""
    before, after = around(style)
    return before + str(number).encode() + after


def _as_excel_writes(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


@contextmanager
def spreadsheet(take: Take, title: str) -> Iterator["Spreadsheet"]:
    """A workbook whose bytes go to ``take`` while its rows are added.

    After a fault the end of the zip, which lists its parts, is not sent: a file that is cut short never looks whole.
    """
    out = _Out(take)
    with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        book = Spreadsheet(archive, out, title)
        try:
            yield book
            book.finish()
        except BaseException:
            out.close()
            book.abandon()
            raise
    out.flush()


class _Out:
    """The file that the zip is written to. It cannot be sought in, so sizes stand behind the parts."""

    def __init__(self, take: Take) -> None:
        self._take: Take | None = take
        self._buffer = bytearray()

    def write(self, written: bytes) -> int:
        self._buffer += written
        return len(written)

    def flush(self) -> None:
        written, self._buffer = bytes(self._buffer), bytearray()
        if written and self._take:
            self._take(written)

    def close(self) -> None:
        """What is written from now on goes nowhere."""
        self._take = None


class Spreadsheet:
    """A workbook while it is written: sheet by sheet, row by row."""

    def __init__(self, archive: ZipFile, out: _Out, title: str) -> None:
        self._archive, self._out = archive, out
        self._names: list[str] = []
        self._sheet: IO[bytes] = BytesIO()  # until the first begins
        self._write_part("_rels/.rels", _ROOT)
        self._write_part("docProps/core.xml", _CORE.format(title=escape(title)))
        self._write_part("xl/styles.xml", _STYLES)

    def begin(self, name: str, headings: Sequence[str], widths: Sequence[int], frozen: int = 0) -> None:
        """The only sheet, or the first of those that its rows need. The header and ``frozen`` columns stay in sight."""
        self._name, self._headings, self._frozen = name, headings, frozen
        self._places = [b'<c r="' + letters(place) for place in range(len(headings))]
        self._columns = "".join(_column(place, width) for place, width in enumerate(widths))
        self._begin()

    def _begin(self) -> None:
        number = len(self._names)
        self._names.append(f"{self._name} {number + 1}" if number else self._name)
        self._sheet = self._archive.open(f"xl/worksheets/sheet{number + 1}.xml", "w")
        selected = "" if number else ' tabSelected="1"'
        head = (
            f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView{selected} workbookViewId="0">'
            f'{_pane(self._frozen)}</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/>'
            f"<cols>{self._columns}</cols><sheetData>"
        )
        self._rows, self._row, self._size, self._written = [head.encode()], 0, len(head), 0
        self.add([text_cell(heading, Style.BOLD) for heading in self._headings])

    def add(self, cells: Iterable[bytes]) -> bool:
        """The next row, made of ``text_cell`` and its like; b"" is an empty cell. True when rows were handed on."""
        if self._row == SHEET_ROWS or self._written + self._size > SHEET_BYTES:
            self._end()
            self._begin()
        self._row += 1
        number = b"%d" % self._row
        written = b"".join([place + number + cell for place, cell in zip(self._places, cells, strict=True) if cell])
        row = b'<row r="%b">%b</row>' % (number, written)
        self._rows.append(row)
        self._size += len(row)
        if self._size < CHUNK_BYTES:
            return False
        self._hand_on()
        return True

    def _hand_on(self) -> None:
        self._sheet.write(b"".join(self._rows))
        self._written += self._size
        self._rows, self._size = [], 0
        self._out.flush()

    def _end(self) -> None:
        self._rows.append(_END.encode())
        self._hand_on()
        self._sheet.close()

    def finish(self) -> None:
        """Write what lists the sheets; then the file is whole."""
        self._end()
        numbers = range(1, len(self._names) + 1)
        sheets = "".join(
            f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
            for number, name in zip(numbers, self._names, strict=True)
        )
        self._write_part(
            "xl/workbook.xml",
            f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView/></bookViews>'
            f"<sheets>{sheets}</sheets></workbook>",
        )
        related = [(number, "worksheet", f"worksheets/sheet{number}.xml") for number in numbers]
        related.append((len(related) + 1, "styles", "styles.xml"))
        listed = "".join(
            f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
            for number, kind, target in related
        )
        self._write_part(
            "xl/_rels/workbook.xml.rels",
            f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>',
        )
        types = {
            "docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml",
            "xl/styles.xml": f"{_SHEET_ML}.styles+xml",
            "xl/workbook.xml": f"{_SHEET_ML}.sheet.main+xml",
            **{f"xl/worksheets/sheet{number}.xml": f"{_SHEET_ML}.worksheet+xml" for number in numbers},
        }
        overrides = "".join(f'<Override PartName="/{part}" ContentType="{kind}"/>' for part, kind in types.items())
        self._write_part(
            "[Content_Types].xml",
            f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
        )

    def abandon(self) -> None:
        """Close the sheet that is being written: its zip cannot be closed before."""
        self._sheet.close()

    def _write_part(self, name: str, text: str) -> None:
        with self._archive.open(name, "w") as part:
            part.write(text.encode())


def letters(place: int) -> bytes:
    """The name of a column: A, B, … Z, AA."""
    name = b""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        name = bytes([65 + letter]) + name
    return name


def _column(place: int, width: int) -> str:
    """Of so many characters; the format counts five pixels of margin, each character being seven wide."""
    return f'<col min="{place + 1}" max="{place + 1}" width="{width + 0.7109375}" customWidth="1"/>'


def _pane(columns: int) -> str:
    if not columns:
        return (
            '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft"/>'
        )
    corner = letters(columns).decode()
    return (
        f'<pane xSplit="{columns}" ySplit="1" topLeftCell="{corner}2" activePane="bottomRight" state="frozen"/>'
        f'<selection pane="topRight" activeCell="{corner}1" sqref="{corner}1"/>'
        '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/><selection pane="bottomRight"/>'
    )
