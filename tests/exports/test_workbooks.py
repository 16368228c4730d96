"""Workbooks opened with a spreadsheet library: the cells of the CSV with types of their own, and never a formula."""

import csv
import datetime as dt
import hashlib
import io
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from dairy_app.database.transactions import Database
from dairy_app.exports.files import spreadsheets
from dairy_app.exports.files.downloads import DOWNLOADS
from dairy_app.exports.files.streams import CHUNK_BYTES, ExportStream
from dairy_app.exports.files.workbooks import WorkbookSource
from dairy_app.exports.registers.columns import Column, Profile, date, number, return_date, text, word
from dairy_app.exports.registers.profiles import PROFILES
from dairy_app.exports.rules import span_of
from tests.dairy import ok
from tests.exports.books import KOLKATA, Books

BOTH = {"from": "2026-10-01", "to": "2026-11-30"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def asked(books: Books, profile: str, **query: str) -> dict[str, str]:
    """The parameters of a download; some profiles are about one customer."""
    extra = {"customer_id": books.customers["neighbour"]["id"]} if PROFILES[profile].of_customer else {}
    return {**(query or BOTH), **extra}


def workbook(books: Books, profile: str, **query: str) -> bytes:
    answer = books.dairy.admin.get(f"/exports/{profile}.xlsx", **asked(books, profile, **query))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, XLSX)
    return answer.get_data()


def cells_of(body: bytes) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(body))
    return [row for sheet in book.worksheets for row in sheet.iter_rows()]


def same(cell: Any, written: str) -> bool:
    """Whether a cell of a workbook says what the CSV does."""
    if isinstance(cell.value, datetime):
        return cell.value.strftime("%d-%b-%y" if cell.number_format == "dd-mmm-yy" else "%Y-%m-%d") == written
    if isinstance(cell.value, int | float):
        return Decimal(str(cell.value)) == Decimal(written)
    return (cell.value or "") == (written[1:] if written[:1] == "'" else written)


@pytest.mark.parametrize("profile", list(PROFILES))
def test_the_cells_are_those_of_the_csv(accounts: Books, profile: str) -> None:
    download = accounts.download(profile, **asked(accounts, profile)).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(download, newline="")))
    rows = cells_of(workbook(accounts, profile))
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines, strict=True):
        assert [cell.value for cell, written in zip(row, line, strict=True) if not same(cell, written)] == []


@pytest.mark.parametrize("profile", list(PROFILES))
def test_no_cell_is_a_formula(accounts: Books, profile: str, sql: Callable[..., Any]) -> None:
    """Names that begin with = + - @, a TAB, a line break before them; every text of the dairy that can be chosen."""
    sql("SET session_replication_role = replica")
    sql("UPDATE customers SET name = E'\\t=1+1\\n=2+2', code = '=' || code")
    sql("UPDATE users SET name = '@SUM(1)'")
    sql("UPDATE delivery_statuses SET confirmed_by_name = E'\\r=cmd'")
    sql("UPDATE products SET sku = '+' || sku")
    sql("UPDATE invoice_lines SET description = '  =1+1', hsn_code = '=0401'")
    sql("UPDATE invoices SET number = '-' || substr(number, 2), snapshot = jsonb_set(snapshot, '{buyer}',"
        " (snapshot -> 'buyer') || '{\"address\": \"=1\", \"area\": \"@1\", \"code\": \"=1\", \"name\": \"=1+1\"}')"
        " WHERE number IS NOT NULL")  # fmt: skip
    query = asked(accounts, profile)
    rows = cells_of(workbook(accounts, profile))
    kinds = {cell.data_type for row in rows for cell in row}
    assert kinds <= {"s", "n", "d"}
    # Text in a workbook is text, so it is as it was written; a CSV says nothing of kinds, and is guarded.
    download = accounts.download(profile, **query).decode("utf-8-sig")
    for line in list(csv.reader(io.StringIO(download, newline="")))[1:]:
        assert not [cell for cell in line if is_dangerous(cell) and not is_number(cell)]


def is_dangerous(cell: str) -> bool:
    return cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


def is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdigit()


def test_numbers_below_zero_stay_numbers(accounts: Books) -> None:
    rows = cells_of(workbook(accounts, "invoice-register"))
    names = [cell.value for cell in rows[0]]
    note = dict(zip(names, rows[-1], strict=True))
    assert (note["total_amount"].value, note["total_amount"].number_format) == (-1050, "0.00")
    assert (note["invoice_date"].value.date(), note["invoice_date"].number_format) == (
        dt.date(2026, 11, 5),
        "yyyy-mm-dd",
    )
    assert note["customer_name"].value == "-5 Star"
    assert "'-1" not in accounts.download("invoice-register", **BOTH).decode()


def test_codes_keep_their_zeros(accounts: Books, sql: Callable[..., Any]) -> None:
    sql("SET session_replication_role = replica")
    sql("UPDATE invoices SET snapshot = jsonb_set(snapshot, '{buyer,pincode}', '\"011038\"') WHERE number IS NOT NULL")
    for profile, column, value in [
        ("invoice-lines", "hsn", "0405"),
        ("gstr1/hsn-b2c", "HSN", "0401"),
        ("zoho-invoices", "HSN/SAC", "0405"),
        ("invoice-register", "pincode", "011038"),
        ("receipts", "reference", "000123"),
    ]:
        rows = cells_of(workbook(accounts, profile))
        place = [cell.value for cell in rows[0]].index(column)
        found = {(row[place].value, row[place].data_type, row[place].number_format) for row in rows[1:]}
        assert (value, "s", "@") in found


@pytest.mark.parametrize("profile", ["invoice-register", "ledger", "gstr1/b2b"])
def test_equal_parameters_give_equal_bytes(accounts: Books, profile: str) -> None:
    first = workbook(accounts, profile)
    accounts.travel(datetime(2027, 3, 1, 9, 0, tzinfo=KOLKATA))
    assert workbook(accounts, profile) == first
    path = f"/exports/{profile}.manifest.json"
    manifest = ok(accounts.dairy.admin.get(path, format="xlsx", **BOTH))
    assert (manifest["sha256"], manifest["bytes"]) == (hashlib.sha256(first).hexdigest(), len(first))
    assert manifest["rows"] == len(cells_of(first)) - 1
    assert manifest["sums"] == ok(accounts.dairy.admin.get(path, **BOTH))["sums"]
    assert manifest["file_name"].endswith(".xlsx")


def test_what_does_not_fit_on_a_sheet_goes_on_in_the_next(accounts: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [[cell.value for cell in row] for row in cells_of(workbook(accounts, "ledger"))]
    monkeypatch.setattr(spreadsheets, "SHEET_ROWS", 11)
    book = openpyxl.load_workbook(io.BytesIO(workbook(accounts, "ledger")))
    assert book.sheetnames == ["ledger", "ledger 2", "ledger 3", "ledger 4", "ledger 5"]
    rows = []
    for sheet in book.worksheets:
        read = [[cell.value for cell in row] for row in sheet.iter_rows()]
        assert (read[0], len(read) <= 11) == (whole[0], True)
        rows += read[1:]
    assert rows == whole[1:]


def test_a_sheet_that_grows_too_long_goes_on_in_the_next(accounts: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [[cell.value for cell in row] for row in cells_of(workbook(accounts, "ledger"))]
    monkeypatch.setattr(spreadsheets, "SHEET_BYTES", 5000)
    book = openpyxl.load_workbook(io.BytesIO(workbook(accounts, "ledger")))
    assert len(book.sheetnames) > 2
    rows = [[cell.value for cell in row] for sheet in book.worksheets for row in list(sheet.iter_rows())[1:]]
    assert rows == whole[1:]


def workbook_of(database: Database, columns: Sequence[Column], rows: str = "") -> bytes:
    return b"".join(ExportStream(database, source_of(columns, rows)))


def source_of(columns: Sequence[Column], rows: str = "") -> WorkbookSource:
    """A profile that is not the dairy's."""
    profile = Profile("tried", 1, "Tried.", tuple(columns), rows, order="NULL::text")
    return WorkbookSource(profile, span_of("2026-10", None, None))


@pytest.mark.parametrize(
    "written",
    [
        "0405",
        "=1+1",
        " x",
        "x ",
        "a\tb\nc\rd\fe\vf\bg",
        "".join(map(chr, range(1, 32))),
        "\ufffe\uffff\x7f",
        "_x0041_ _x005F_ _xyz",
        "<b>&amp;\"'</b> ]]>",
        "\\ \\N \\. \\t \\\\",
        "श्रीमती 😀 ₹",
        "&" * 32_767,
    ],
)
def test_texts_arrive_as_they_were_written(database: Database, written: str) -> None:
    literal = "'" + written.replace("'", "''") + "'"
    columns = [
        text("before", "'x'"),
        text("a", literal),
        word("b", literal),
        number("c", "-1.50"),
        date("d", "DATE '2026-10-31'"),
    ]
    _, row = cells_of(workbook_of(database, columns))
    assert [unescape(cell.value) for cell in row[:3]] == ["x", written, written]
    assert [cell.data_type for cell in row] == ["s", "s", "s", "n", "d"]
    assert (row[3].value, row[4].value) == (-1.5, datetime(2026, 10, 31))  # noqa: DTZ001


def test_spaces_around_a_text_are_said_to_be_its_own(database: Database) -> None:
    """Excel leaves them out otherwise; the library of these tests does not."""
    for written in (" x", "x ", "  "):
        with zipfile.ZipFile(io.BytesIO(workbook_of(database, [text("a", f"'{written}'"), number("b", "1")]))) as book:
            assert f'<t xml:space="preserve">{written}</t>'.encode() in book.read("xl/worksheets/sheet1.xml")


def test_what_is_longer_than_a_cell_is_cut_off(database: Database) -> None:
    _, row = cells_of(workbook_of(database, [text("a", "repeat('😀', 20000)"), text("b", "repeat('x', 40000)")]))
    assert [cell.value for cell in row] == ["😀" * 16_383, "x" * 32_767]


def test_days_that_a_workbook_does_not_know_are_text(database: Database) -> None:
    days = ["1900-02-28", "1900-03-01", "2026-10-31", "9999-12-31"]
    columns = [date("a", f"DATE '{day}'") for day in days] + [
        return_date("b", "DATE '0900-01-01'"),
        date("c", "NULL::date"),
    ]
    _, row = cells_of(workbook_of(database, columns))
    assert [cell.value for cell in row[4:]] == ["0900-01-01", None]
    assert (row[0].value, row[0].data_type) == ("1900-02-28", "s")
    assert [cell.value.date().isoformat() for cell in row[1:4]] == days[1:]


#: In the list of columns, where a series streams.
_ENDLESS = number("n", "generate_series(1, 1000000000)")


def test_the_first_rows_are_sent_before_the_last_is_read_and_the_server_waits_for_the_reader(
    database: Database, sql: Callable[..., Any]
) -> None:
    stream = ExportStream(database, source_of([_ENDLESS, text("x", "repeat(md5('x'), 10)")]))
    try:
        begin = b"".join(next(stream) for _ in range(3))
        assert begin.startswith(b"PK")
        assert b"xl/worksheets/sheet1.xml" in begin
        waits = "SELECT wait_event FROM pg_stat_activity WHERE query LIKE 'COPY%%' AND datname = current_database()"
        # Until eight chunks are made, and what the connection holds is full, it waits now and then: so for a while.
        waiting = 0
        for _ in range(2000):
            is_waiting = sql(f"{waits} AND pg_sleep(0.01) IS NOT NULL") == [("ClientWrite",)]
            waiting = waiting + 1 if is_waiting else 0
            if waiting == 20:
                break
        assert waiting == 20
    finally:
        stream.close()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(database: Database) -> None:
    columns = [number("n", "n"), text("t", "md5(n::text)"), word("w", "'<' || n")]
    list(ExportStream(database, source_of(columns, " FROM generate_series(1, 10) n")))  # what is loaded once
    peaks = []
    for rows in (5_000, 20_000):
        stream = ExportStream(database, source_of(columns, f" FROM generate_series(1, {rows}) n"))
        tracemalloc.start()
        size = sum(len(chunk) for chunk in stream)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert size > 40 * rows
    assert max(peaks) < 2_000_000


def test_a_fault_in_mid_stream_leaves_no_workbook(database: Database) -> None:
    columns = [number("n", "n"), number("x", "1 / (30000 - n)"), text("t", "md5(n::text)")]
    stream = ExportStream(database, source_of(columns, " FROM generate_series(1, 40000) n"))
    taken = []
    with pytest.raises(Exception, match="division by zero"):
        taken.extend(stream)
    stream.close()
    assert sum(len(chunk) for chunk in taken) > CHUNK_BYTES
    assert not zipfile.is_zipfile(io.BytesIO(b"".join(taken)))


def test_what_fails_at_once_is_refused_before_the_first_byte(database: Database) -> None:
    with pytest.raises(Exception, match="division by zero"):
        ExportStream(database, source_of([number("x", "1 / 0")]))


def test_no_part_of_it_makes_excel_offer_a_repair(accounts: Books) -> None:
    """Sizes of 64 bits do, parts that are stored and whose size is behind them do elsewhere."""
    with zipfile.ZipFile(io.BytesIO(workbook(accounts, "ledger"))) as book:
        parts = book.infolist()
        assert book.testzip() is None
        assert {(part.extract_version, part.compress_type, part.extra) for part in parts} == {
            (20, zipfile.ZIP_DEFLATED, b"")
        }
        assert all(ElementTree.fromstring(book.read(part)).tag for part in parts)
        assert {part.filename for part in parts} == {
            "_rels/.rels", "docProps/core.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml", "xl/workbook.xml",
            "xl/_rels/workbook.xml.rels", "[Content_Types].xml",
        }  # fmt: skip
    sheet = openpyxl.load_workbook(io.BytesIO(workbook(accounts, "ledger"))).active
    assert (sheet.freeze_panes, sheet["A1"].font.b, sheet["A2"].font.b) == ("A2", True, False)
    assert [sheet.column_dimensions[column].width for column in "ABD"] == [10.7109375, 12.7109375, 20.7109375]


def test_columns_beyond_z_have_two_letters(accounts: Books) -> None:
    places = [0, 25, 26, 51, 52, 701, 702]
    assert [spreadsheets.letters(place) for place in places] == [b"A", b"Z", b"AA", b"AZ", b"BA", b"ZZ", b"AAA"]


def test_every_profile_comes_as_csv_and_as_workbook() -> None:
    assert {name for name, form in DOWNLOADS if form == "xlsx"} == set(PROFILES)
    assert {name for name, form in DOWNLOADS if form == "csv"} == set(PROFILES)
