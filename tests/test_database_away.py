"""The database restarts, stands still or is locked: what the application says, and how soon."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dairy_app import embedded_postgres
from dairy_app.app import create_app
from dairy_app.common import migrations
from dairy_app.common.transactions import Database, Limits
from dairy_app.settings import Settings
from tests.conftest import raw_connection
from tests.dairy import Client, Dairy, ok, refused
from tests.test_serving import ask, serving

SHORT = Limits(1, 1, 5)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The data of a server that is this module's own to stop and start."""
    place = Path(f"/tmp/dairy-away-{os.getpid()}")
    try:
        migrations.upgrade(embedded_postgres.start(place, fast_unsafe=True))
        yield place
    finally:
        embedded_postgres.stop(place)
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def away(folder: Path) -> Iterator[Database]:
    database = Database(embedded_postgres.start(folder, fast_unsafe=True), limits=SHORT)
    yield database
    database.dispose()


@pytest.fixture
def nobody(settings: Settings, away: Database) -> Client:
    return Client(create_app(settings, away), None)


UNKNOWN = {"email": "nobody@dairy.example", "password": "wrong password"}


def test_the_server_restarts_between_two_requests(nobody: Client, folder: Path) -> None:
    """The pooled connection is dead, and no request notices; while the server is away, 503."""
    ok(nobody.get("/api/health"))
    refused(nobody.post("/auth/login", UNKNOWN), 401, "bad_credentials")
    embedded_postgres.stop(folder)
    refused(nobody.get("/api/health"), 503, "database_unavailable")
    refused(nobody.post("/auth/login", UNKNOWN), 503, "database_unavailable")
    embedded_postgres.start(folder, fast_unsafe=True)
    ok(nobody.get("/api/health"))
    embedded_postgres.stop(folder)
    embedded_postgres.start(folder, fast_unsafe=True)
    ok(nobody.get("/api/health"))
    refused(nobody.post("/auth/login", UNKNOWN), 401, "bad_credentials")


@contextmanager
def standing_still(folder: Path) -> Iterator[None]:
    """All processes of the server stopped, not ended: its host answers, it does not."""
    processes = embedded_postgres._Server(folder.resolve(), {}).processes()
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.mark.skipif(not Path("/proc").exists(), reason="the server's processes are found in /proc")
def test_a_server_that_stands_still_is_given_up(nobody: Client, folder: Path) -> None:
    ok(nobody.get("/api/health"))
    refused(nobody.post("/auth/login", UNKNOWN), 401, "bad_credentials")
    with standing_still(folder):
        for ask_again in (lambda: nobody.get("/api/health"), lambda: nobody.post("/auth/login", UNKNOWN)):
            for _ in range(2):  # over a connection that is there, and over a new one
                began = time.monotonic()
                refused(ask_again(), 503, "database_unavailable")
                assert time.monotonic() - began < 10
    ok(nobody.get("/api/health"))
    refused(nobody.post("/auth/login", UNKNOWN), 401, "bad_credentials")


def test_a_locked_table_stops_only_who_needs_it(dairy: Dairy, database_url: str) -> None:
    """More lists than there are threads, and nobody's answer takes longer than a lock may."""
    few = ("--workers", "1", "--threads", "4")
    with serving(database_url, *few, DAIRY_LIMITS_WEB="20,2,60") as (_, port), raw_connection(database_url) as other:
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE customers")

        def list_customers() -> tuple[int, Any]:
            return ask(port, "/api/v1/customers", headers=dairy.admin._headers)

        with ThreadPoolExecutor(6) as pool:
            lists = [pool.submit(list_customers) for _ in range(6)]
            time.sleep(0.5)
            assert not any(each.done() for each in lists)
            began = time.monotonic()
            assert ask(port)[0] == 200
            assert time.monotonic() - began < 1.5
            answers = [each.result(timeout=30) for each in lists]
        assert {(status, problem["code"]) for status, problem in answers} == {(503, "database_busy")}
        other.rollback()
        assert list_customers()[0] == 200
