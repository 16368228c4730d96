"""The dialect byte by byte, and what happens when a stream does not end as it should."""

import csv
import http.client
import io
import os
import re
import socket
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from dairy_app.app import create_app
from dairy_app.cli import explain_failure
from dairy_app.database.transactions import Database
from dairy_app.exports.books.tally import VouchersSource
from dairy_app.exports.files.downloads import download_of
from dairy_app.exports.files.streams import (
    BOM,
    CHUNK_BYTES,
    CHUNKS_AHEAD,
    CsvSource,
    ExportStream,
    Progress,
    Take,
    read_rows,
)
from dairy_app.exports.registers.columns import Column, Kind
from dairy_app.exports.registers.profiles import PROFILES, csv_of
from dairy_app.exports.rules import span_of
from dairy_app.settings import Settings
from dairy_app.web.failures import problem_of_database
from tests.conftest import SECRET_KEY, Server, raw_connection
from tests.dairy import Dairy
from tests.exports.books import Books
from tests.exports.volume import make_invoices
from tests.statements import count_statements

TOP = Path(__file__).resolve().parents[2]


def source(select: str, **parameters: Any) -> CsvSource:
    return CsvSource(["a", "b"], select, parameters, bom=True)


def body_of(database: Database, select: str, **parameters: Any) -> bytes:
    return b"".join(ExportStream(database, source(select, **parameters)))


def test_rows_end_in_crlf_and_cells_keep_their_own_line_breaks(database: Database) -> None:
    cells = ["plain", 'with "quotes"', "a,b", "line\nbreak", "line\r\nbreak", "\n", "", "श्रीमती", "\\.", " x "]
    select = "SELECT cell, 1 FROM unnest(%(cells)s) WITH ORDINALITY AS t (cell, n) ORDER BY n"
    body = body_of(database, select, cells=cells)
    assert body.startswith(BOM + b"a,b\r\n")
    assert body.endswith(b"\r\n")
    read = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), dialect="excel", strict=True))
    assert [row[0] for row in read[1:]] == cells
    # Outside quotes no bare LF is left: every record ends in CRLF.
    outside = re.sub(rb'"(?:[^"]|"")*"', b"", body)
    assert outside.count(b"\n") == outside.count(b"\r\n") == len(cells) + 1


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("=1+1", "'=1+1"),
        ("+919812345678", "'+919812345678"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("   =1+1", "'   =1+1"),
        ("a=1", "a=1"),
        ("a\n=1", "a\n=1"),
        ("'=1", "'=1"),
        ("", ""),
        ("   ", "   "),
        ("5-10 Main Road", "5-10 Main Road"),
        ("श्रीमती", "श्रीमती"),
        ("?", "?"),
        ("A", "A"),
    ],
)
def test_only_texts_that_look_like_formulas_are_guarded(database: Database, written: str, read: str) -> None:
    of_column, of_expression = (Column("a", sql, Kind.TEXT).cell() for sql in ("t.written", "(t.written)"))
    assert of_column != of_expression
    select = f"SELECT {of_column}, {of_expression} FROM (VALUES (%(written)s::text)) t (written)"
    body = body_of(database, select, written=written)
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    assert rows[1] == [read, read]


def test_numbers_are_never_guarded(database: Database) -> None:
    cell = Column("a", "%(written)s::numeric(12,2)", Kind.MONEY).cell()
    assert body_of(database, f"SELECT {cell}, 1", written="-1240.5").endswith(b"\r\n-1240.50,1\r\n")


def test_the_servers_own_settings_change_nothing(database: Database, sql: Callable[..., Any]) -> None:
    select = "SELECT date '2026-10-31', timestamptz '2026-10-31 20:00Z'"
    before = body_of(database, select)
    sql("DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET DateStyle = ''SQL, DMY''', current_database()); END$$")
    sql("DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET TimeZone = ''America/Lima''', current_database()); END$$")
    database.dispose()
    assert body_of(database, select) == before
    assert b"2026-10-31,2026-11-01 01:30:00+05:30" in before


def test_a_fault_before_the_first_byte_is_raised_at_once(database_url: str) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Exception, match="refused"):
        ExportStream(nowhere, source("SELECT 1, 2"))


def test_a_fault_in_mid_stream_breaks_the_body_off(database: Database) -> None:
    stream = ExportStream(database, source("SELECT n, 1 / (60000 - n) FROM generate_series(1, 90000) n"))
    taken = []
    with pytest.raises(Exception, match="division by zero"):
        taken.extend(stream)
    assert sum(len(chunk) for chunk in taken) > CHUNK_BYTES
    stream.close()
    assert in_use(database) == 0
    assert body_of(database, "SELECT 1, 2").endswith(b"1,2\r\n")


def in_use(database: Database) -> int:
    return int(database.engine.pool.checkedout())  # type: ignore[attr-defined]


# In the SELECT list, where a series streams; in FROM it would be written to disk first.
ENDLESS = "SELECT generate_series(1, 1000000000), repeat('x', 100)"


def test_a_copy_that_loses_its_server_is_no_fault_of_ours(database: Database) -> None:
    with pytest.raises(OperationalError) as lost:
        ExportStream(database, source("SELECT n, pg_terminate_backend(pg_backend_pid()) FROM generate_series(1, 9) n"))
    assert problem_of_database(lost.value).code == "database_unavailable"
    assert str(explain_failure(lost.value)).startswith("the connection to the database broke: ")
    assert body_of(database, "SELECT 1, 2").endswith(b"1,2\r\n")


def test_a_reader_that_goes_away_frees_the_connection(database: Database) -> None:
    stream = ExportStream(database, source(ENDLESS))
    assert [len(next(stream)) > 0 for _ in range(3)] == [True, True, True]
    stream.close()
    assert in_use(database) == 0
    with database.transaction() as session:  # the same connection, and the cancel does not hit it
        busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'"
        assert session.scalars(text(busy)).one() == 0
    stream.close()  # twice does no harm


class Numbers:
    """A file made of a cursor's rows, as Tally's is: between two fetches no statement runs that could be cancelled."""

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        count = 0
        for count, row in enumerate(read_rows(session, ENDLESS, {}, take), 1):  # noqa: B007
            take(row[1].encode() * 100)
        return count


def test_a_cursor_stops_when_its_reader_goes_away(database: Database) -> None:
    stream = ExportStream(database, Numbers())
    assert [len(next(stream)) for _ in range(3)] == [10_000] * 3
    stream.close()
    assert (in_use(database), stream._worker.is_alive()) == (0, False)
    assert body_of(database, "SELECT 1, 2").endswith(b"1,2\r\n")


def test_a_stream_that_nobody_begins_to_read_is_freed_too(database: Database) -> None:
    ExportStream(database, source(ENDLESS)).close()
    assert in_use(database) == 0


def test_a_reader_that_stands_still_loses_the_snapshot(database: Database) -> None:
    stream = ExportStream(database, source(ENDLESS), patience=0.05)
    stream._worker.join()
    assert in_use(database) == 0
    with pytest.raises(TimeoutError):
        list(stream)


def test_all_rows_come_from_one_snapshot(database: Database, sql: Callable[..., Any]) -> None:
    sql("CREATE TABLE ledger AS SELECT n, 'before' AS word FROM generate_series(1, 100000) n")
    stream = ExportStream(database, source("SELECT n, word FROM ledger ORDER BY n"))
    first = next(stream)
    sql("UPDATE ledger SET word = 'after'")
    body = first + b"".join(stream)
    assert (body.count(b"before"), body.count(b"after")) == (100_000, 0)


@dataclass(frozen=True)
class Volume:
    """Fifty thousand lines in a database of their own, and a dairy that asks for them."""

    url: str
    database: Database
    dairy: Dairy
    sql: Callable[..., Any]
    lines: int


@pytest.fixture(scope="module")
def volume(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:
    """For tests that only read: it takes five seconds to make."""
    url = server.create_database(template)
    database = Database(url)
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("volume"), secret_key=SECRET_KEY, log_level="error", password_cost="cheapest"
    )
    with raw_connection(url) as connection:
        connection.autocommit = True

        def sql(statement: str) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

        yield Volume(url, database, Dairy(create_app(settings, database)), sql, make_invoices(sql, 10_000))
    database.dispose()
    server.drop_database(url)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(volume: Volume) -> None:
    database, lines = volume.database, volume.lines
    assert lines == 50_000
    profile, span = PROFILES["invoice-lines"], span_of("2026-10", None, None)
    list(ExportStream(database, source("SELECT 1, 2")))  # what is loaded once
    rows = size = 0
    tracemalloc.start()
    for chunk in ExportStream(database, csv_of(profile, span)):
        rows += chunk.count(b"\r\n")
        size += len(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == lines + 1
    assert size > 8_000_000
    assert peak < 3 * (CHUNKS_AHEAD + 2) * CHUNK_BYTES


@pytest.mark.slow
def test_a_large_workbook_holds_the_lines_of_the_csv(volume: Volume) -> None:
    span = span_of("2026-10", None, None)
    text, book = (
        b"".join(ExportStream(volume.database, download_of("invoice-lines", form).source(span, True)))
        for form in ("csv", "xlsx")
    )
    lines = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True))
    sheet = openpyxl.load_workbook(io.BytesIO(book), read_only=True).active
    rows = [[str(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    places = [lines[0].index(name) for name in ("number", "line_no", "customer_name", "description", "hsn")]
    assert len(rows) == len(lines) == volume.lines + 1
    assert [[row[place] for place in places] for row in rows] == [[line[place] for place in places] for line in lines]
    totals = [sum(Decimal(row[lines[0].index("line_total")]) for row in table[1:]) for table in (rows, lines)]
    assert totals == [Decimal("94500000"), Decimal("94500000")]


@pytest.mark.slow
def test_lines_are_sorted_with_their_documents_only(volume: Volume) -> None:
    """The first line is there when the documents are sorted; what is above the join would wait for the last line."""
    span = span_of("2026-10", None, None)
    select = csv_of(PROFILES["invoice-lines"], span).select
    with volume.database.transaction(read_only=True) as session:
        (plan,) = session.connection().exec_driver_sql(f"EXPLAIN (FORMAT json) {select}", span.parameters).one()
    assert plan[0]["Plan"]["Node Type"] == "Nested Loop"


@pytest.mark.slow
def test_vouchers_are_made_in_constant_memory(database: Database, sql: Callable[..., Any]) -> None:
    make_invoices(sql, 5_000)
    source = VouchersSource(span_of("2026-10", None, None))
    list(ExportStream(database, VouchersSource(span_of("2026-01", None, None))))  # what is loaded once
    tracemalloc.start()
    size = sum(len(chunk) for chunk in ExportStream(database, source))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 5_000_000
    assert peak < size / 2


@pytest.mark.parametrize("profile", ["invoice-register", "invoice-lines"])
def test_the_number_of_statements_is_constant(books: Books, database: Database, profile: str) -> None:
    """Identify, limit, settle; the COPY itself goes past the counter. The same for one row and for all."""
    counts = []
    for period in ("2026-09", "2026-10"):
        with count_statements(database) as sent:
            books.download(profile, period=period)
        counts.append(len(sent))
    assert counts == [3, 3]


@contextmanager
def served(database_url: str, tmp_path: Path) -> Iterator[int]:
    """`dairy serve` on a free port."""
    command = [sys.executable, "-m", "dairy_app.cli", "serve", "--port", "0", "--workers", "1", "--threads", "4"]
    environment = {**os.environ, "DATABASE_URL": database_url, "DAIRY_SECRET_KEY": SECRET_KEY}
    environment |= {"DAIRY_LOG_LEVEL": "error", "DAIRY_DATA_DIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline().rpartition(b":")[2])
        finally:
            server.terminate()


@contextmanager
def asked(port: int, dairy: Dairy, form: str) -> Iterator[http.client.HTTPResponse]:
    """An answer whose first byte was read; the buffers on the way hold far less than the rest."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with closing(connection):
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
        path = f"/api/v1/exports/invoice-lines.{form}?period=2026-10"
        connection.request("GET", path, headers=dairy.admin._headers)
        with connection.getresponse() as answer:
            assert answer.status == 200
            assert answer.read(1) == {"csv": BOM, "xlsx": b"PK"}[form][:1]
            yield answer


def lines_of(form: str, body: bytes) -> int:
    """How many lines a download holds, the first byte of which was read."""
    if form == "xlsx":
        with zipfile.ZipFile(io.BytesIO(b"P" + body)) as book:
            body = book.read("xl/worksheets/sheet1.xml")
    return body.count({"csv": b"\r\n", "xlsx": b"<row "}[form]) - 1


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_over_the_wire_a_broken_stream_never_looks_whole(volume: Volume, tmp_path: Path, form: str) -> None:
    dairy, sql, lines = volume.dairy, volume.sql, volume.lines
    of_export = "FROM pg_stat_activity WHERE query LIKE 'COPY%' AND datname = current_database()"
    with served(volume.url, tmp_path) as port:
        with asked(port, dairy, form) as whole:
            assert lines_of(form, whole.read()) == lines
        with asked(port, dairy, form) as broken:
            assert len(sql(f"SELECT pg_terminate_backend(pid) {of_export}")) == 1
            with pytest.raises(http.client.IncompleteRead) as rest:
                broken.read()
            assert form == "csv" or not zipfile.is_zipfile(io.BytesIO(b"P" + rest.value.partial))
        with asked(port, dairy, form):
            assert len(sql(f"SELECT pid {of_export} AND state = 'active'")) == 1
        # The client is gone. Waits, at most ten seconds, until the export has let go of the table.
        sql("SET lock_timeout = '10s'")
        sql("BEGIN; LOCK TABLE invoice_lines IN ACCESS EXCLUSIVE MODE; COMMIT")
