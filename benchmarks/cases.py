"""The cases: each does the same work by us and by its floor, in turns, and gives one line of the table."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from benchmarks import floors
from benchmarks.databases import BenchDatabase, BenchServer
from benchmarks.http_load import Served, serve
from benchmarks.sample import Sample

CLIENTS = 8
CLONE = "dairy_bench_clone"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything is done in one round."""

    confirmations: int
    sets: int
    reads: int
    #: Per worker of the server; each is measured.
    threads: tuple[int, ...]
    #: Fewer would not be a median.
    rounds: int = 3
    #: Processes of the server.
    workers: int = 2


STANDARD = Scale(confirmations=800, sets=2, reads=100, threads=(2, 4, 8))


@dataclass(frozen=True, slots=True)
class Result:
    """One line: seconds for ``rows`` rows, ours and the floor's, of each round."""

    case: str
    size: str
    rows: int
    ours: list[float]
    floor: list[float]
    #: The most that ours may take, as a multiple of the floor.
    target: float | None = None
    peak_mb: float | None = None
    notes: dict[str, float] = field(default_factory=dict)

    @property
    def ours_median(self) -> float:
        return statistics.median(self.ours)

    @property
    def floor_median(self) -> float:
        return statistics.median(self.floor)

    @property
    def ratio(self) -> float:
        return self.ours_median / self.floor_median

    @property
    def per_second(self) -> float:
        return self.rows / self.ours_median


def run_all(server: BenchServer, sample: Sample, scale: Scale) -> Iterator[Result]:
    """Every case, on the sample or on copies of it; what writes comes last."""
    yield from billing_and_csv(server, sample, scale)
    with serve(sample.database, workers=scale.workers, threads=8) as served:
        yield preview(sample, served, scale)
        yield order_list(sample, served, scale)
    yield generate_day(sample, scale)
    yield confirm_sets(sample, scale)
    for threads in scale.threads:
        with serve(sample.database, workers=scale.workers, threads=threads) as served:
            yield from confirm_one(sample, served, scale, threads)


def in_turns(ours: Callable[[int], Any], floor: Callable[[int], Any], rounds: int) -> None:
    """Ours and floor alternately; who begins changes too."""
    for turn in range(rounds):
        for each in (ours, floor) if turn % 2 == 0 else (floor, ours):
            each(turn)


def billing_and_csv(server: BenchServer, sample: Sample, scale: Scale) -> Iterator[Result]:
    """A run on a fresh copy each round; the last copy is exported."""
    ours: list[dict[str, Any]] = []
    floor: list[float] = []
    totals: set[Decimal] = set()

    def by_us(_: int) -> None:
        clone = server.create(CLONE, sample.database.name)
        ours.append(_in_own_process("billing", clone.text, sample.period))
        totals.add(Decimal(ours[-1]["result"]))

    def by_sql(_: int) -> None:
        clone = server.create(CLONE, sample.database.name)
        with clone.without_triggers():
            floor.append(clone.psql(_billing_floor(clone, sample)))
        totals.add(clone.value("SELECT sum(total) FROM invoices WHERE invoice_date = %s", sample.last))

    in_turns(by_us, by_sql, scale.rounds)
    if len(totals) != 1:
        raise AssertionError(f"ours and the floor did not do the same work: {totals}")
    size = f"{sample.customers:,} customers, {sample.orders:,} orders"
    seconds, peak = [each["seconds"] for each in ours], max(each["peak_mb"] for each in ours)
    yield Result("billing run", size, sample.customers, seconds, floor, 1.25, peak)
    clone = server.create(CLONE, sample.database.name)
    _in_own_process("billing", clone.text, sample.period)
    clone.psql("VACUUM ANALYZE;")
    yield csv_of_lines(clone, sample, scale)
    server.drop(CLONE)


def _billing_floor(clone: BenchDatabase, sample: Sample) -> str:
    year = clone.value("SELECT financial_year(%s, financial_year_start_month) FROM settings", sample.last)
    issued = clone.value("SELECT count(*) FROM invoices WHERE financial_year = %s", year)
    return floors.BILLING.format(last=sample.last, year=year, issued=issued, customers=sample.customers)


def csv_of_lines(billed: BenchDatabase, sample: Sample, scale: Scale) -> Result:
    rows = billed.value(
        "SELECT count(*) FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id WHERE i.invoice_date = %s",
        sample.last,
    )
    ours: list[float] = []
    first: list[float] = []
    floor: list[float] = []
    copy = floors.CSV_LINES.format(first=sample.first, last=sample.last)
    with serve(billed, workers=scale.workers, threads=8) as served:

        def by_us(_: int) -> None:
            seconds, first_byte, lines = served.download(f"/exports/invoice-lines.csv?period={sample.period}")
            if lines != rows + 1:
                raise AssertionError(f"{lines} lines came for {rows} rows")
            ours.append(seconds)
            first.append(first_byte)

        served.load([served.request("GET", "/products")] * 8, 4)  # workers make their first connection
        in_turns(by_us, lambda _: floor.append(billed.psql(copy)), scale.rounds)
        notes = {"first byte ms": statistics.median(first) * 1000}
        return Result("CSV of invoice lines", f"{rows:,} lines", rows, ours, floor, 2.0, served.peak_memory(), notes)


def preview(sample: Sample, served: Served, scale: Scale) -> Result:
    """One area's month: sums and the first page."""
    area = sample.database.value("SELECT area_id FROM customers ORDER BY code LIMIT 1")
    customers = sample.database.value("SELECT count(*) FROM customers WHERE area_id = %s", area)
    path = f"/billing/preview?period={sample.period}&area_id={area}"
    floor = floors.PREVIEW.format(area=area, first=sample.first, last=sample.last)
    size = f"area of {customers:,} customers"
    return _read("preview over HTTP", size, sample, served, path, floor, max(3, scale.reads // 10), scale.rounds)


def order_list(sample: Sample, served: Served, scale: Scale) -> Result:
    path = f"/orders?delivery_date[lte]={sample.last}&limit=50"
    floor = floors.ORDER_LIST.format(last=sample.last)
    return _read(
        "order list over HTTP", f"50 of {sample.orders:,}", sample, served, path, floor, scale.reads, scale.rounds
    )


def _read(
    case: str, size: str, sample: Sample, served: Served, path: str, script: str, count: int, rounds: int
) -> Result:
    ours: list[float] = []
    each: list[float] = []
    floor: list[float] = []
    request = served.request("GET", path)
    served.load([request] * 8, 4)

    def by_us(_: int) -> None:
        _, durations = served.load([request] * count, 1)
        ours.append(statistics.mean(durations))
        each.extend(durations)

    def by_sql(_: int) -> None:
        floor.append(sample.database.pgbench(script, clients=1, transactions=count).milliseconds / 1000)

    in_turns(by_us, by_sql, rounds)
    return Result(case, size, 1, ours, floor, None, served.peak_memory(), {"p95 ms": _p95(each) * 1000})


def generate_day(sample: Sample, scale: Scale) -> Result:
    """A day's orders from all standing orders; every round makes days that have none."""
    ours: list[dict[str, Any]] = []
    floor: list[float] = []
    days = [sample.today + timedelta(days=7 + n) for n in range(2 * scale.rounds)]

    def by_us(turn: int) -> None:
        ours.append(_in_own_process("generate", sample.database.text, str(days[2 * turn])))

    def by_sql(turn: int) -> None:
        floor.append(sample.database.psql(floors.GENERATE.format(day=days[2 * turn + 1])))

    in_turns(by_us, by_sql, scale.rounds)
    made = sample.database.value("SELECT count(*) FROM orders WHERE delivery_date = %s", days[1])
    if {each["result"] for each in ours} != {str(made)}:
        raise AssertionError(f"ours made {ours}, the floor {made}")
    seconds, peak = [each["seconds"] for each in ours], max(each["peak_mb"] for each in ours)
    return Result("generate a day", f"{made:,} standing orders", made, seconds, floor, 1.3, peak)


def confirm_one(sample: Sample, served: Served, scale: Scale, threads: int) -> Iterator[Result]:
    """One delivery a request, against the same function and against an unlocked minimum by pgbench."""
    count = scale.confirmations // CLIENTS * CLIENTS
    database = sample.database
    admin = database.value("SELECT id FROM users WHERE role = 'admin'")
    ours: list[float] = []
    each: list[float] = []
    function: list[float] = []
    minimum: list[float] = []

    def by_us(_: int) -> None:
        sample.open_orders(count)
        orders = database.rows("SELECT order_id FROM bench_queue ORDER BY n")
        path = "/deliveries/confirmations"
        requests = [served.request("POST", path, {"order_id": str(row[0]), "status": "delivered"}) for row in orders]
        seconds, durations = served.load(requests, CLIENTS)
        ours.append(seconds)
        each.extend(durations)

    def by_function(_: int) -> None:
        sample.open_orders(count)
        script = floors.CONFIRM_SAME_FUNCTION.format(admin=admin)
        function.append(count / database.pgbench(script, clients=CLIENTS, transactions=count).per_second)

    def by_minimum(_: int) -> None:
        sample.open_orders(count)
        script = floors.CONFIRM_MINIMUM.format(admin=admin, today=sample.today)
        with database.without_triggers():
            minimum.append(count / database.pgbench(script, clients=CLIENTS, transactions=count).per_second)

    def floor(turn: int) -> None:
        by_function(turn)
        by_minimum(turn)

    sample.open_orders(64)
    rows = database.rows("SELECT order_id FROM bench_queue")
    warm = [{"order_id": str(row[0]), "status": "delivered"} for row in rows]
    served.load([served.request("POST", "/deliveries/confirmations", body) for body in warm], CLIENTS)
    in_turns(by_us, floor, scale.rounds)
    _assert_confirmed(database)
    size = f"{CLIENTS} clients, 2 workers × {threads} threads"
    notes = {"p95 ms": _p95(each) * 1000}
    peak = served.peak_memory()
    yield Result("confirm one, same function", size, count, ours, function, 1 / 0.6, peak, notes)
    yield Result("confirm one, unlocked minimum", size, count, ours, minimum, 1 / 0.3, peak, notes)


def confirm_sets(sample: Sample, scale: Scale) -> Result:
    """Sets of 1,000 by the service; each its own transaction."""
    sets = scale.sets
    ours: list[dict[str, Any]] = []
    floor: list[float] = []
    database = sample.database
    admin = database.value("SELECT id FROM users WHERE role = 'admin'")
    rows = sets * 1000

    def by_us(_: int) -> None:
        sample.open_orders(rows)
        ours.append(_in_own_process("confirm_set", database.text, "1", str(rows)))

    def by_sql(_: int) -> None:
        sample.open_orders(rows)
        script = [
            floors.CONFIRM_SET.format(today=sample.today, admin=admin, first=first, last=first + 999)
            for first in range(1, rows, 1000)
        ]
        with database.without_triggers():
            floor.append(database.psql("".join(script)))

    in_turns(by_us, by_sql, scale.rounds)
    _assert_confirmed(database)
    seconds, peak = [each["seconds"] for each in ours], max(each["peak_mb"] for each in ours)
    return Result("confirm in sets of 1,000", f"{rows:,} orders", rows, seconds, floor, 2.0, peak)


def _assert_confirmed(database: BenchDatabase) -> None:
    left = database.value(
        "SELECT count(*) FROM bench_queue q JOIN orders o ON o.id = q.order_id WHERE o.status <> 'DELIVERED'"
    )
    if left:
        raise AssertionError(f"{left} orders of the last round were not confirmed")


def _p95(durations: list[float]) -> float:
    return statistics.quantiles(durations, n=20, method="inclusive")[-1]


def _in_own_process(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.work", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
