"""The database restarts, stands still or is locked: what the application says, and how soon."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from dairy_app.app import create_app
from dairy_app.billing.models import BillingRun
from dairy_app.billing.service import runs
from dairy_app.billing.service.runs import RunRequest
from dairy_app.database import embedded_postgres, migrations
from dairy_app.database.transactions import Database, Limits
from dairy_app.settings import Settings
from tests.billing.test_kills import _DRAFTS, CUSTOMERS, NOW
from tests.command_line import run_command
from tests.conftest import raw_connection, server_dir
from tests.dairy import Client, Dairy, ok, refused
from tests.test_serving import ask, serving

pytestmark = pytest.mark.slow

SHORT = Limits(1, 1, 5)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The data of a server that is this module's own to stop and start."""
    place = Path(server_dir() or "/tmp", f"dairy-away-{os.getpid()}")
    data = place / "pg"  # its lock lies beside it, and goes with it
    try:
        migrations.upgrade(embedded_postgres.start(data, fast_unsafe=True))
        yield data
    finally:
        embedded_postgres.stop(data)
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
    for path in ("/api/health", "/api/health/ready"):
        refused(nobody.get(path), 503, "database_unavailable")
    ok(nobody.get("/api/health/live"))
    refused(nobody.post("/auth/login", UNKNOWN), 503, "database_unavailable")
    embedded_postgres.start(folder, fast_unsafe=True)
    ok(nobody.get("/api/health"))
    embedded_postgres.stop(folder)
    embedded_postgres.start(folder, fast_unsafe=True)
    ok(nobody.get("/api/health"))
    refused(nobody.post("/auth/login", UNKNOWN), 401, "bad_credentials")


def test_a_run_waits_for_a_server_that_restarts(folder: Path, away: Database) -> None:
    """Nobody has to start it again: it goes on where it was, and no number is missing."""
    with raw_connection(str(away.url)) as connection, connection.cursor() as cursor:
        cursor.execute(_DRAFTS)
        connection.commit()
    asked, seen, starts = RunRequest("2026-10", confirm=True), list[int](), list[threading.Timer]()

    def restart(run: BillingRun) -> None:
        seen.append(run.invoices_issued)
        if len(seen) in {3, 7}:
            embedded_postgres.stop(folder)
            starts.append(threading.Timer(0.5, embedded_postgres.start, [folder], {"fast_unsafe": True}))
            starts[-1].start()

    with time_machine.travel(NOW):
        began = away.run(lambda session: runs.start_run(session, asked, None)).run
        run = runs.carry_out(away, began.id, asked, None, progress=restart)
    for each in starts:
        each.join()
    assert (run.status, run.invoices_issued, len(starts)) == ("completed", CUSTOMERS, 2)
    assert seen[:4] == [2, 4, 6, 8]
    with raw_connection(str(away.url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT sequence_no), max(sequence_no) FROM invoices")
        assert cursor.fetchall() == [(CUSTOMERS,) * 3]


@contextmanager
def standing_still(folder: Path) -> Iterator[None]:
    """All processes of the server stopped, not ended: its host answers, it does not.

    At most for a minute: who waits for it inside libpq is not reached by the time limit of a test, and would hang.
    """
    processes = embedded_postgres._Server(folder.resolve(), {}).processes()

    def go_on() -> None:
        for process in processes:
            with suppress(ProcessLookupError):  # one that served a connection which was given up
                os.kill(process, signal.SIGCONT)

    late = threading.Timer(60, go_on)
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        late.start()
        yield
    finally:
        late.cancel()
        go_on()


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


@pytest.mark.skipif(not Path("/proc").exists(), reason="the server's processes are found in /proc")
def test_longer_work_does_not_wait_longer_for_the_first_answer(folder: Path, away: Database) -> None:
    """A run may take minutes for a statement; that the server stands still is seen as soon as by a request."""

    def work(session: Session) -> Any:
        return session.scalar(text("SELECT 1"))

    longer = away.for_longer_work()
    assert longer.run(work) == 1
    with standing_still(folder), pytest.raises(OperationalError):
        longer.run(work)
    assert longer.run(work) == 1


def killer(url: str, condition: str) -> threading.Thread:
    """Ends the first session that meets the condition."""

    def work() -> None:
        with raw_connection(url) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            end = time.monotonic() + 30
            while time.monotonic() < end:
                cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {condition}")
                if cursor.fetchone():
                    return
                time.sleep(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_an_export_that_loses_its_server_says_so_in_one_line(database_url: str, tmp_path: Path) -> None:
    with raw_connection(database_url) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE invoices")
        ending = killer(database_url, "application_name = 'dairy export' AND wait_event_type = 'Lock'")
        target = tmp_path / "register.csv"
        done = run_command("export", "invoice-register", "--period", "2026-10", "-o", target, DATABASE_URL=database_url)
        ending.join()
    said = [line for line in done.stderr.splitlines() if line.startswith("dairy: ")]
    assert (done.returncode, len(said), "Traceback" in done.stderr) == (1, 1, False)
    assert said[0].startswith("dairy: the connection to the database broke: ")
    assert not target.exists()


def test_an_import_that_loses_its_server_says_so_in_one_line(database_url: str, tmp_path: Path) -> None:
    people = [{"_id": str(number), "name": "Ravi " * 100, "role": "admin"} for number in range(20_000)]
    (tmp_path / "users.json").write_text("\n".join(json.dumps(each) for each in people))
    ending = killer(database_url, "application_name = 'dairy import-mongo' AND query LIKE 'COPY%'")
    done = run_command("import-mongo", tmp_path, DATABASE_URL=database_url)
    ending.join()
    said = [line for line in done.stderr.splitlines() if line.startswith("dairy: ")]
    assert (done.returncode, len(said), "Traceback" in done.stderr) == (1, 1, False), done
    assert said[0].startswith("dairy: the connection to the database broke: ")


def test_a_standby_takes_no_traffic_and_of_both_the_one_that_writes_is_found(
    tmp_path: Path, settings: Settings
) -> None:
    """The data of a server, copied and started as its standby: it reads, and what writes is refused by name."""
    place = Path(server_dir() or "/tmp", f"dairy-standby-{os.getpid()}")
    shutil.rmtree(place, ignore_errors=True)
    main, standby = place / "main", place / "standby"
    try:
        url = embedded_postgres.start(main)
        migrations.upgrade(url)
        embedded_postgres.stop(main)
        subprocess.run(["cp", "-a", main, standby], check=True)
        (standby / "standby.signal").touch()
        shutil.chown(standby / "standby.signal", standby.stat().st_uid)
        (standby / "postmaster.pid").unlink(missing_ok=True)
        of_standby = embedded_postgres.start(standby)
        database = Database(of_standby)
        nobody = Client(create_app(settings, database), None)
        for answer in (nobody.get("/api/health"), nobody.post("/auth/login", UNKNOWN)):
            refused(answer, 503, "database_read_only")

        def read() -> Any:
            with database.transaction(read_only=True) as session:
                return session.scalar(text("SELECT pg_backend_pid()"))

        before = read()  # the next transaction has the same connection, the one after a new one: of another server
        refused(nobody.post("/auth/login", UNKNOWN), 503, "database_read_only")
        assert read() != before
        done = run_command("create-admin", "--email", "a@dairy.example", DATABASE_URL=of_standby)
        assert (done.returncode, done.stderr) == (1, "dairy: The database takes no changes [database_read_only]\n")
        database.dispose()
        embedded_postgres.start(main)
        hosts = ",".join(quote(str(each), safe="") for each in (standby, main))
        both = f"postgresql://dairy@{hosts}/dairy?target_session_attrs=read-write"
        done = run_command("create-admin", "--email", "a@dairy.example", DATABASE_URL=both)
        assert (done.returncode, "is invited as admin" in done.stdout) == (0, True)
    finally:
        for each in (standby, main):
            embedded_postgres.stop(each)
        shutil.rmtree(place, ignore_errors=True)


def test_a_locked_table_stops_only_who_needs_it(dairy: Dairy, database_url: str) -> None:
    """More lists than there are threads, and nobody's answer takes longer than a lock may."""
    few = ("--workers", "1", "--threads", "4")
    with serving(database_url, *few, DAIRY_LIMITS_WEB="20,4,60") as (_, port), raw_connection(database_url) as other:
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
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE alembic_version")
        began = time.monotonic()
        status, problem = ask(port)
        assert status == 503 and problem["code"] in {"database_busy", "timed_out"}
        assert time.monotonic() - began < 3
        other.rollback()
