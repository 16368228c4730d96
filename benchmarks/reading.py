"""The cases that read, over HTTP. Each has one floor: nothing is guarded where nothing is written."""

import io
import re
import statistics
import zipfile
from collections.abc import Callable
from datetime import date

from benchmarks import floors
from benchmarks.databases import BenchDatabase
from benchmarks.http_load import Served
from benchmarks.results import BARE, Bench, Result, Side
from benchmarks.statements import BEGIN, END, count_statements
from benchmarks.writing import CLIENTS, COUNTED, marked

COUNT = "SELECT count(*) FROM customers"
#: A round of slow questions is over after so many seconds, more or less; three are asked whatever they take.
ROUND_SECONDS = 20


def auth(bench: Bench, database: BenchDatabase, served: Served) -> Result:
    """Who is logged in: what a request costs that does next to nothing."""
    floor = floors.LOGIN.format(admin=database.value("SELECT id FROM users WHERE role = 'admin'"))
    return _read(bench, database, served, "auth", "who is logged in", "1 user", "/auth/me", floor)


def ledger(bench: Bench, database: BenchDatabase, served: Served) -> Result:
    """The first page of one customer's ledger."""
    customer = database.value("SELECT id FROM customers ORDER BY code LIMIT 1")
    entries = database.value("SELECT count(*) FROM customer_ledger WHERE customer_id = %s", customer)
    floor = floors.LEDGER.format(customer=customer)
    path = f"/customers/{customer}/ledger"
    return _read(bench, database, served, "ledger", "customer's ledger", f"entries: {entries:,}", path, floor)


def round_of_helper(bench: Bench, database: BenchDatabase, served: Served) -> Result:
    """A day's round of the helper who has the most stops."""
    day = bench.sample.first
    boy, stops = database.rows(
        "SELECT c.delivery_boy_id, count(*) FROM orders o JOIN customers c ON c.id = o.customer_id"
        " WHERE o.delivery_date = %s GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1",
        day,
    )[0]
    floor = floors.ROUND.format(day=day, boy=boy)
    path = f"/deliveries/round?delivery_date={day}&delivery_boy_id={boy}"
    return _read(bench, database, served, "round", "round of a helper", f"{stops:,} stops", path, floor, fewer=4)


def orders(bench: Bench, database: BenchDatabase, served: Served) -> Result:
    """The latest orders."""
    path = f"/orders?delivery_date[lte]={bench.sample.last}&limit=50"
    floor = floors.ORDER_LIST.format(last=bench.sample.last)
    return _read(
        bench, database, served, "orders", "order list", f"50 of {bench.sample.orders:,}", path, floor, fewer=2
    )


def ageing(bench: Bench, database: BenchDatabase, served: Served) -> Result:
    """The first page of what everybody owes, with the totals of all."""
    today: date = bench.sample.today
    owing = database.value("SELECT count(DISTINCT customer_id) FROM open_items(NULL, %s) WHERE open <> 0", today)
    size, floor = f"50 of {owing:,} customers", floors.AGEING.format(today=today)
    return _read(bench, database, served, "ageing", "ageing report", size, "/reports/ageing", floor, fewer=10)


def page_today(bench: Bench, database: BenchDatabase, served: Served) -> Result:
    """The first page of the console; its floor is the round of one helper, of which it shows the progress of all."""
    day = bench.sample.first
    boy = database.value("SELECT delivery_boy_id FROM customers ORDER BY code LIMIT 1")
    size, floor = f"{database.value(COUNT):,} customers", floors.ROUND.format(day=day, boy=boy)
    return _read(bench, database, served, "page-today", "page: Today", size, served.page("/"), floor, fewer=10)


def page_customer(bench: Bench, database: BenchDatabase, served: Served) -> Result:
    """The page of a customer, with its calendar and money; its floor is the ledger, a part of it."""
    customer = database.value("SELECT id FROM customers ORDER BY code LIMIT 1")
    request, floor = served.page(f"/customers/{customer}"), floors.LEDGER.format(customer=customer)
    return _read(bench, database, served, "page-customer", "page: a customer", "1 customer", request, floor, fewer=10)


def page_who_owes(bench: Bench, database: BenchDatabase, served: Served) -> Result:
    """The first page of who owes; its floor is that of the ageing report, which it shows."""
    request, floor = served.page("/who-owes"), floors.AGEING.format(today=bench.sample.today)
    size = f"50 of {database.value(COUNT):,} customers"
    return _read(bench, database, served, "page-who-owes", "page: who owes", size, request, floor, fewer=10)


def preview(bench: Bench, served: Served) -> Result:
    """One area's month: sums and the first page."""
    sample, database = bench.sample, bench.sample.database
    area = database.value("SELECT area_id FROM customers ORDER BY code LIMIT 1")
    customers = database.value("SELECT count(*) FROM customers WHERE area_id = %s", area)
    path = f"/billing/preview?period={sample.period}&area_id={area}"
    floor = floors.PREVIEW.format(area=area, first=sample.first, last=sample.last)
    size = f"area of {customers:,} customers"
    return _read(bench, database, served, "preview", "preview of billing", size, path, floor, fewer=10)


def csv(bench: Bench, database: BenchDatabase, served: Served) -> Result:
    """The month's invoice lines as they come from the server."""
    return _download(bench, database, served, "csv", "CSV of invoice lines", _lines_of_csv, {BARE: 1.5})


def xlsx(bench: Bench, database: BenchDatabase, served: Served) -> Result:
    """The same lines as a workbook; its floor is that of the CSV."""
    return _download(bench, database, served, "xlsx", "workbook of invoice lines", _rows_of_workbook, {})


def _read(
    bench: Bench,
    database: BenchDatabase,
    served: Served,
    key: str,
    case: str,
    size: str,
    path: str | bytes,
    script: str,
    fewer: int = 1,
) -> Result:
    """One client that asks again and again for a path, or with a request as it goes over the wire.

    ``fewer``: the case is so many times slower than a small one.
    """
    request = path if isinstance(path, bytes) else served.request("GET", path)
    served.load([request] * CLIENTS, 4)  # every worker has its connection
    served.forget_peak()
    reads = bench.scale.reads // fewer
    count = _as_many(reads, served.load([request], 1))
    # The CPU is counted in hundredths of a second: the floor of a small request needs more of them.
    of_floor = _as_many(reads * 10 // fewer, database.pgbench(script, clients=1, transactions=1))
    ours, bare = Side(count), Side(of_floor)
    bench.in_turns(
        lambda _: bench.measure(ours, lambda: served.load([request] * count, 1, ours.latencies), served.pid),
        lambda _: bench.measure(bare, lambda: database.pgbench(script, clients=1, transactions=of_floor)),
    )
    ours.peak_mb = served.peak_memory()
    todo = [request] * COUNTED
    ours.statements = count_statements(bench.server, database, lambda: marked(database, served, todo))
    return Result(key, case, size, "request", ours, {BARE: bare}, counted=COUNTED)


def _as_many(wanted: int, seconds_each: float) -> int:
    return max(3, min(wanted, int(ROUND_SECONDS / seconds_each)))


def _download(
    bench: Bench,
    database: BenchDatabase,
    served: Served,
    key: str,
    case: str,
    rows_of: Callable[[list[bytes]], int],
    targets: dict[str, float],
) -> Result:
    sample = bench.sample
    rows = database.value(
        "SELECT count(*) FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id WHERE i.invoice_date = %s",
        sample.last,
    )
    ours, bare, first_bytes = Side(rows), Side(rows), list[float]()
    path = f"/exports/invoice-lines.{key}?period={sample.period}"
    copy = floors.CSV_LINES.format(first=sample.first, last=sample.last)
    served.load([served.request("GET", "/products")] * CLIENTS, 4)  # every worker has its connection
    served.forget_peak()

    def download() -> float:
        done = served.download(path)
        first_bytes.append(done.first_byte)
        if rows_of(done.chunks) != rows:
            raise AssertionError(f"{key}: {rows_of(done.chunks)} rows came of {rows}")
        return done.seconds

    def counted() -> None:
        database.rows(BEGIN)
        served.download(path)
        database.rows(END)

    bench.in_turns(
        lambda _: bench.measure(ours, download, served.pid),
        lambda _: bench.measure(bare, lambda: database.psql(copy)),
    )
    ours.peak_mb = served.peak_memory()
    ours.notes["first byte ms"] = statistics.median(first_bytes) * 1000
    ours.statements = count_statements(bench.server, database, counted)
    return Result(key, case, f"{rows:,} lines", "line", ours, {BARE: bare}, targets)


def _lines_of_csv(chunks: list[bytes]) -> int:
    return sum(chunk.count(b"\n") for chunk in chunks) - 1


def _rows_of_workbook(chunks: list[bytes]) -> int:
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as book:
        sheets = [book.read(name) for name in book.namelist() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name)]
    return sum(sheet.count(b"<row ") - 1 for sheet in sheets)
