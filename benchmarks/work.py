"""What runs in a process of its own, so that its peak memory is that of the work alone.

``python -m benchmarks.work billing URL 2026-10``, ``… confirm_set URL FIRST LAST`` or
``… generate URL DATE``; prints JSON.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import select, text

from dairy_app.accounts.models import User
from dairy_app.billing.service.runs import RunRequest, carry_out, start_run
from dairy_app.database.transactions import Database
from dairy_app.deliveries.rules import Confirmation, Confirmer, Scope
from dairy_app.deliveries.service.confirmations import confirm
from dairy_app.subscriptions.service.generation import generate_day


def billing(database: Database, period: str) -> Callable[[], str]:
    """A billing run, from the request to the finished row."""
    request = RunRequest(period, confirm=True)

    def run() -> str:
        started = database.run(lambda session: start_run(session, request, None))
        return str(carry_out(database, started.run.id, request, None).total)

    return run


def confirm_set(database: Database, first: str, last: str) -> Callable[[], str]:
    """The orders of the queue in sets of 1,000, one transaction each."""
    with database.transaction(read_only=True) as session:
        admin = session.scalars(select(User).where(User.role == "admin")).one()
        confirmer = Confirmer(admin.id, admin.name, "admin", None, None)
        queue = text("SELECT order_id FROM bench_queue WHERE n BETWEEN :first AND :last ORDER BY n")
        orders = session.scalars(queue, {"first": int(first), "last": int(last)}).all()
    wanted = [Confirmation(order, "delivered") for order in orders]

    def run() -> str:
        done = 0
        for begin in range(0, len(wanted), 1000):
            part = wanted[begin : begin + 1000]
            outcomes = database.run(lambda session: confirm(session, confirmer, Scope(), part))  # noqa: B023
            done += sum(outcome.outcome == "confirmed" for outcome in outcomes)
        return str(done)

    return run


def generate(database: Database, day: str) -> Callable[[], str]:
    """All orders of a day."""
    return lambda: str(database.run(lambda session: generate_day(session, date.fromisoformat(day))).created)


WORK: dict[str, Callable[..., Callable[[], str]]] = {
    "billing": billing,
    "confirm_set": confirm_set,
    "generate": generate,
}


def main(name: str, url: str, *arguments: str) -> dict[str, Any]:
    database = Database(url)
    run = WORK[name](database, *arguments)
    begin = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - begin
    database.dispose()
    per_mb = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return {
        "seconds": seconds,
        "result": result,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb,
    }


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
