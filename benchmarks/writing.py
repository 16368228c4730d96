"""The cases that write. Each has a bare floor and one with the same guarantees."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

from benchmarks import floors, work
from benchmarks.databases import BenchDatabase
from benchmarks.http_load import Served
from benchmarks.results import BARE, FUNCTION, GUARANTEED, Bench, Result, Side, facts_of, require_same_work
from benchmarks.statements import BEGIN, END, count_statements

CLIENTS = 8
#: Requests of which the statements are counted.
COUNTED = 8

#: The month's invoices: how many, their sum, their lines, the last number, and whether no number is missing.
_BILLED = """
SELECT count(*), sum(total), max(number), (SELECT count(*) FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id
    WHERE i.invoice_date = '{last}'), max(sequence_no) - min(sequence_no) + 1 = count(*)
FROM invoices WHERE status = 'issued' AND invoice_date = '{last}'"""

_MADE = """
SELECT count(DISTINCT o.id), sum(i.quantity), sum(i.unit_price)
FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.delivery_date = %s"""

#: Of the orders in the queue: those delivered on a draft, those with a word about it, and what was delivered.
_CONFIRMED = """
SELECT count(*) FILTER (WHERE o.status = 'DELIVERED' AND d.status = 'draft'), count(s.status = 'delivered'),
    sum((SELECT sum(delivered_quantity) FROM order_items i WHERE i.order_id = o.id))
FROM bench_queue q JOIN orders o ON o.id = q.order_id LEFT JOIN invoices d ON d.id = o.invoice_id
LEFT JOIN delivery_statuses s ON s.order_id = o.id"""


@dataclass(slots=True)
class _Sides:
    """Ours and two floors, and what each came to."""

    ours: Side
    bare: Side
    guaranteed: Side
    done: dict[str, set[Any]] = field(default_factory=lambda: {"ours": set(), BARE: set(), GUARANTEED: set()})

    @classmethod
    def of(cls, units: int) -> "_Sides":
        return cls(Side(units), Side(units), Side(units))

    @property
    def floors(self) -> dict[str, Side]:
        return {BARE: self.bare, GUARANTEED: self.guaranteed}

    def take(self, done: work.Done) -> None:
        self.ours.add(done.seconds, done.python, done.postgres)
        self.ours.peak_mb = max(done.peak_mb, self.ours.peak_mb or 0)


def billing(bench: Bench) -> Result:
    """A run over the sample's month, which is billed once only."""
    sides = _Sides.of(bench.sample.customers)
    if bench.copies:
        _bill_copies(bench, sides)
    else:
        _bill_the_sample(bench, sides)
    require_same_work("billing", sides.done)
    size = f"{bench.sample.customers:,} customers, {bench.sample.orders:,} orders"
    return Result("billing", "billing run", size, "invoice", sides.ours, sides.floors, {BARE: 2.0, GUARANTEED: 1.25})


def _bill_copies(bench: Bench, sides: _Sides) -> None:
    """A fresh copy each round, for ours and for the floors."""
    sample = bench.sample

    def fresh() -> BenchDatabase:
        return bench.server.create(bench.server.clone, sample.database.name)

    def facts(clone: BenchDatabase) -> tuple[str, ...]:
        return facts_of(clone, _BILLED.format(last=sample.last))

    def by_us(turn: int) -> None:
        clone = fresh()
        _counted_once(bench, turn, clone, sides, lambda: bill(bench, clone))
        sides.done["ours"].add(facts(clone))

    def by_sql(name: str, locks: str) -> Callable[[int], None]:
        def run(_: int) -> None:
            clone = fresh()
            script = _billing_floor(bench, clone, locks)
            _floor(bench, name, sides.floors[name], clone, lambda: clone.psql(script))
            sides.done[name].add(facts(clone))

        return run

    bench.in_turns(by_us, by_sql(BARE, ""), by_sql(GUARANTEED, floors.BILLING_LOCKS.format(last=sample.last)))
    bench.server.drop(bench.server.clone)


def _bill_the_sample(bench: Bench, sides: _Sides) -> None:
    """The floors' rounds are rolled back, and what they left behind is cleaned away; ours comes last, and once."""
    sample, database = bench.sample, bench.sample.database
    facts = _BILLED.format(last=sample.last)

    def by_sql(name: str, locks: str) -> Callable[[int], None]:
        def run(_: int) -> None:
            script = _billing_floor(bench, database, locks)

            def undone() -> float:
                seconds, row = database.undone(script, facts)
                sides.done[name].add(row)
                return seconds

            _floor(bench, name, sides.floors[name], database, undone)
            database.psql("VACUUM invoices, invoice_lines, audit_log;")

        return run

    bench.in_turns(by_sql(BARE, ""), by_sql(GUARANTEED, floors.BILLING_LOCKS.format(last=sample.last)))
    _counted_once(bench, 0, database, sides, lambda: bill(bench, database))
    sides.done["ours"].add(database.undone("BEGIN; COMMIT;", facts)[1])


def bill(bench: Bench, database: BenchDatabase) -> work.Done:
    """Issue the sample's month by us."""
    return work.in_own_process(work.billing, database.text, bench.postmaster, bench.sample.period)


def _billing_floor(bench: Bench, clone: BenchDatabase, locks: str) -> str:
    last = bench.sample.last
    year = clone.value("SELECT financial_year(%s, financial_year_start_month) FROM settings", last)
    issued = clone.value("SELECT count(*) FROM invoices WHERE financial_year = %s", year)
    return floors.BILLING.format(last=last, year=year, issued=issued, customers=bench.sample.customers, locks=locks)


def generate(bench: Bench) -> Result:
    """A day's orders from all standing orders; every round makes days that have none."""
    sample, database = bench.sample, bench.sample.database
    sides = _Sides.of(sample.customers)

    def day(turn: int, way: int) -> date:
        return sample.today + timedelta(days=7 + 3 * turn + way)

    def by_us(turn: int) -> None:
        def made() -> work.Done:
            return work.in_own_process(work.generate, database.text, bench.postmaster, day(turn, 0))

        _counted_once(bench, turn, database, sides, made)
        sides.done["ours"].add(facts_of(database, _MADE, day(turn, 0)))

    def by_sql(name: str, way: int, locks: str) -> Callable[[int], None]:
        def run(turn: int) -> None:
            wanted = day(turn, way)
            script = floors.GENERATE.format(day=wanted, locks=locks.format(day=wanted))
            _floor(bench, name, sides.floors[name], database, lambda: database.psql(script))
            sides.done[name].add(facts_of(database, _MADE, wanted))

        return run

    bench.in_turns(by_us, by_sql(BARE, 1, ""), by_sql(GUARANTEED, 2, floors.GENERATE_LOCKS))
    require_same_work("generate", sides.done)
    size = f"{sample.customers:,} standing orders"
    return Result("generate", "generate a day", size, "order", sides.ours, sides.floors, {GUARANTEED: 1.3})


def confirm_sets(bench: Bench) -> Result:
    """Sets of 1,000 by the service; each its own transaction."""
    sample, database = bench.sample, bench.sample.database
    rows = bench.scale.sets * 1000
    sides = _Sides.of(rows)
    admin = _admin(database)

    def by_us(turn: int) -> None:
        sample.open_orders(rows)

        def confirmed() -> work.Done:
            return work.in_own_process(work.confirm_sets, database.text, bench.postmaster, rows)

        _counted_once(bench, turn, database, sides, confirmed)
        sides.done["ours"].add(facts_of(database, _CONFIRMED))

    def script(locks: str) -> str:
        given = ({"today": sample.today, "admin": admin, "first": n, "last": n + 999} for n in range(1, rows, 1000))
        return "".join(floors.CONFIRM_SET.format(**each, locks=locks.format(**each)) for each in given)

    def by_sql(name: str, locks: str) -> Callable[[int], None]:
        def run(_: int) -> None:
            sample.open_orders(rows)
            _floor(bench, name, sides.floors[name], database, lambda: database.psql(script(locks)))
            sides.done[name].add(facts_of(database, _CONFIRMED))

        return run

    bench.in_turns(by_us, by_sql(BARE, ""), by_sql(GUARANTEED, floors.CONFIRM_SET_LOCKS))
    require_same_work("confirm-sets", sides.done)
    case, size, targets = "confirm in sets of 1,000", f"{rows:,} orders", {GUARANTEED: 1.25}
    return Result("confirm-sets", case, size, "delivery", sides.ours, sides.floors, targets, bench.scale.sets)


def confirm_one(bench: Bench, served: Served, threads: int) -> Result:
    """One delivery a request, against an unlocked minimum, the same guarantees, and our own function, by pgbench."""
    sample, database = bench.sample, bench.sample.database
    count = bench.scale.confirmations // CLIENTS * CLIENTS
    sides = _Sides.of(count)
    all_floors = {**sides.floors, FUNCTION: Side(count)}
    given = {"admin": _admin(database), "today": sample.today}
    database.psql(floors.CONFIRM_FUNCTION)

    def requests(wanted: int) -> list[bytes]:
        sample.open_orders(wanted)
        orders = database.rows("SELECT order_id FROM bench_queue ORDER BY n")
        bodies = [{"order_id": str(row[0]), "status": "delivered"} for row in orders]
        return [served.request("POST", "/deliveries/confirmations", body) for body in bodies]

    def by_us(_: int) -> None:
        todo = requests(count)
        bench.measure(sides.ours, lambda: served.load(todo, CLIENTS, sides.ours.latencies), served.pid)
        sides.done["ours"].add(facts_of(database, _CONFIRMED))

    def by_pgbench(name: str, script: str) -> Callable[[int], None]:
        text = script.format(**given)

        def run(_: int) -> None:
            sample.open_orders(count)
            seconds = partial(database.pgbench, text, clients=CLIENTS, transactions=count)
            _floor(bench, name, all_floors[name], database, seconds)
            sides.done.setdefault(name, set()).add(facts_of(database, _CONFIRMED))

        return run

    served.load(requests(64), CLIENTS)  # every thread has its connection, and every statement its plan
    served.forget_peak()
    bench.in_turns(
        by_us,
        by_pgbench(BARE, floors.CONFIRM_MINIMUM),
        by_pgbench(GUARANTEED, floors.CONFIRM_GUARANTEED),
        by_pgbench(FUNCTION, floors.CONFIRM_SAME_FUNCTION),
    )
    require_same_work("confirm-one", sides.done)
    sides.ours.peak_mb = served.peak_memory()
    todo = requests(COUNTED)
    sides.ours.statements = count_statements(bench.server, database, lambda: marked(database, served, todo))
    size = f"{CLIENTS} clients, {bench.scale.workers} workers × {threads} threads"
    targets = {BARE: 1 / 0.3, FUNCTION: 1 / 0.6}
    return Result(f"confirm-one-{threads}", "confirm one", size, "request", sides.ours, all_floors, targets, COUNTED)


def marked(database: BenchDatabase, served: Served, requests: list[bytes]) -> None:
    """Send requests between the two marks of counted work."""
    database.rows(BEGIN)
    served.load(requests, 1)
    database.rows(END)


def _floor(bench: Bench, name: str, side: Side, database: BenchDatabase, work_of_floor: Callable[[], float]) -> None:
    """One round of a floor; only the bare one is run without our triggers."""
    with database.without_triggers() if name == BARE else nullcontext():
        bench.measure(side, work_of_floor)


def _counted_once(
    bench: Bench, turn: int, database: BenchDatabase, sides: _Sides, work_of_ours: Callable[[], work.Done]
) -> None:
    """The first round says how many statements there are. A dozen in the log take no time that could be measured."""
    if turn == 0:
        sides.ours.statements = count_statements(bench.server, database, lambda: sides.take(work_of_ours()))
    else:
        sides.take(work_of_ours())


def _admin(database: BenchDatabase) -> str:
    return str(database.value("SELECT id FROM users WHERE role = 'admin'"))
