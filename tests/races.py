"""Two requests at the very same moment, over real connections and without sleeping."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from tests.conftest import raw_connection

T = TypeVar("T")


def at_once(url: str, hold: str, *calls: Callable[[], T], one_by_one: bool = False) -> list[T]:
    """What the calls answer when each has come as far as the lock that ``hold`` takes, and then all go on.

    ``hold`` is a LOCK TABLE (or SELECT … FOR UPDATE) that every call runs into, in the database at ``url``. With
    ``one_by_one`` they come to it in their order, and whoever came first goes on first.
    """
    with raw_connection(url) as holder, raw_connection(url) as watcher, ThreadPoolExecutor(len(calls)) as pool:
        watcher.autocommit = True
        with holder.cursor() as cursor:
            cursor.execute(hold)
        running: list[Future[T]] = []
        try:
            for call in calls:
                running.append(pool.submit(call))
                if one_by_one or len(running) == len(calls):
                    _until_all_wait(watcher, running)
        finally:
            holder.rollback()
        return [each.result(timeout=60) for each in running]


def while_orders_are_made(url: str, call: Callable[[], T], *free: str) -> T:
    """What a call answers that waits until the orders of a day are made, and meanwhile has locked nothing of ``free``.

    ``free`` are SELECTs that lock rows and do not wait for them.
    """
    with raw_connection(url) as making, raw_connection(url) as watcher, ThreadPoolExecutor(1) as pool:
        watcher.autocommit = True
        with making.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(122537101324915)")
            running = pool.submit(call)
            try:
                _until_all_wait(watcher, [running])
                for statement in free:
                    cursor.execute(statement)
            finally:
                making.rollback()
        return running.result(timeout=60)


def _until_all_wait(watcher: Any, running: Sequence[Future[Any]]) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with watcher.cursor() as cursor:
        while True:
            cursor.execute(waiting)
            if cursor.fetchone()[0] == len(running):
                return
            ended = wait(running, timeout=0.005).done
            assert not ended, f"a call never came to the lock: {[each.result() for each in ended]}"
