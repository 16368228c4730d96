"""What runs in a process of its own, so that its memory and its CPU are those of the work alone.

The processes are forked from one that has only imported this module.
"""

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import make_url, select, text

from benchmarks.databases import BenchDatabase
from benchmarks.processor import tree_seconds
from benchmarks.results import difference
from benchmarks.statements import BEGIN, END
from dairy_app.accounts.models import User
from dairy_app.billing.service.runs import RunRequest, carry_out, start_run
from dairy_app.database.transactions import Database
from dairy_app.deliveries.rules import Confirmation, Confirmer, Scope
from dairy_app.deliveries.service.confirmations import confirm
from dairy_app.subscriptions.service.generation import generate_day

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


@dataclass(frozen=True, slots=True)
class Done:
    """What a piece of work came to and took. CPU seconds; ``postgres`` None where nobody can say."""

    result: Any
    seconds: float
    python: float
    postgres: float | None
    peak_mb: float


def billing(database: Database, period: str) -> Callable[[], object]:
    """A billing run, from the request to the finished row."""
    request = RunRequest(period, confirm=True)

    def run() -> object:
        started = database.run(lambda session: start_run(session, request, None))
        return carry_out(database, started.run.id, request, None).total

    return run


def confirm_sets(database: Database, last: int) -> Callable[[], object]:
    """The first ``last`` orders of the queue in sets of 1,000, one transaction each."""
    with database.transaction(read_only=True) as session:
        admin = session.scalars(select(User).where(User.role == "admin")).one()
        confirmer = Confirmer(admin.id, admin.name, "admin", None, None)
        orders = session.scalars(text("SELECT order_id FROM bench_queue WHERE n <= :last ORDER BY n"), {"last": last})
        wanted = [Confirmation(order, "delivered") for order in orders]

    def run() -> object:
        done = 0
        for begin in range(0, len(wanted), 1000):
            part = wanted[begin : begin + 1000]
            outcomes = database.run(lambda session: confirm(session, confirmer, Scope(), part))  # noqa: B023
            done += sum(outcome.outcome == "confirmed" for outcome in outcomes)
        return done

    return run


def generate(database: Database, day: date) -> Callable[[], object]:
    """All orders of a day."""
    return lambda: database.for_longer_work().run(lambda session: generate_day(session, day)).created


def in_own_process(prepare: Callable[..., Callable[[], object]], url: str, postmaster: int | None, *given: Any) -> Done:
    """Do a piece of work, one of the functions above, in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=_PROCESSES) as process:
        return process.submit(_measured, prepare, url, postmaster, *given).result()


def _measured(prepare: Callable[..., Callable[[], object]], url: str, postmaster: int | None, *given: Any) -> Done:
    database, marks = Database(url), BenchDatabase(make_url(url))
    run = prepare(database, *given)
    with database.transaction(read_only=True):
        pass  # connected, as psql is when it begins to count
    marks.rows(BEGIN)
    server, ours, begin = tree_seconds(postmaster), time.process_time(), time.perf_counter()
    result = run()
    seconds, python = time.perf_counter() - begin, time.process_time() - ours
    postgres = difference(server, tree_seconds(postmaster))
    marks.rows(END)
    database.dispose()
    per_mb = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Done(result, seconds, python, postgres, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb)
