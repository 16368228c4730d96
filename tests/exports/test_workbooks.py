"""Workbooks opened with a spreadsheet library: the cells of the CSV with types of their own, and never a formula."""

import csv
import hashlib
import io
import tracemalloc
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from dairy_app.database.transactions import Database
from dairy_app.exports.files import workbooks
from dairy_app.exports.files.downloads import DOWNLOADS
from dairy_app.exports.files.streams import ExportStream
from dairy_app.exports.files.workbooks import WorkbookSource
from dairy_app.exports.registers.profiles import PROFILES
from dairy_app.exports.rules import span_of
from tests.dairy import ok
from tests.exports.books import KOLKATA, Books
from tests.exports.volume import make_invoices

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
    text = accounts.download(profile, **asked(accounts, profile)).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text, newline="")))
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
    text = accounts.download(profile, **query).decode("utf-8-sig")
    for line in list(csv.reader(io.StringIO(text, newline="")))[1:]:
        assert not [cell for cell in line if is_dangerous(cell) and not is_number(cell)]


def is_dangerous(text: str) -> bool:
    return text.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


def is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()


def test_numbers_below_zero_stay_numbers(accounts: Books) -> None:
    rows = cells_of(workbook(accounts, "invoice-register"))
    names = [cell.value for cell in rows[0]]
    note = dict(zip(names, rows[-1], strict=True))
    assert (note["total_amount"].value, note["total_amount"].number_format) == (-1050, "0.00")
    assert (note["invoice_date"].value.date(), note["invoice_date"].number_format) == (date(2026, 11, 5), "yyyy-mm-dd")
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
    monkeypatch.setattr(workbooks, "SHEET_ROWS", 11)
    book = openpyxl.load_workbook(io.BytesIO(workbook(accounts, "ledger")))
    assert book.sheetnames == ["ledger", "ledger 2", "ledger 3", "ledger 4", "ledger 5"]
    rows = []
    for sheet in book.worksheets:
        read = [[cell.value for cell in row] for row in sheet.iter_rows()]
        assert (read[0], len(read) <= 11) == (whole[0], True)
        rows += read[1:]
    assert rows == whole[1:]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(database: Database, sql: Callable[..., Any]) -> None:
    lines = make_invoices(sql, 1_000)
    source = WorkbookSource(PROFILES["invoice-lines"], span_of("2026-10", None, None))
    list(ExportStream(database, WorkbookSource(PROFILES["gstr1/docs"], source.span)))  # what is loaded once
    tracemalloc.start()
    size = sum(len(chunk) for chunk in ExportStream(database, source))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (lines, size > 100_000) == (5_000, True)
    assert peak < 12_000_000


def test_every_profile_comes_as_csv_and_as_workbook() -> None:
    assert {name for name, form in DOWNLOADS if form == "xlsx"} == set(PROFILES)
    assert {name for name, form in DOWNLOADS if form == "csv"} == set(PROFILES)
