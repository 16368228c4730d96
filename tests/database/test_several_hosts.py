"""A URL of several servers: every command finds the one that takes changes, and a program leaves one that does not."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from sqlalchemy import make_url

from dairy_app.app import create_app
from dairy_app.database import embedded_postgres, migrations
from dairy_app.database.transactions import Database
from dairy_app.settings import Settings
from tests.command_line import run_command
from tests.conftest import SECRET_KEY, psycopg_dsn, raw_connection, server_dir
from tests.dairy import Client, ok, refused
from tests.test_serving import ask, serving

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[2]
UNKNOWN = {"email": "nobody@dairy.example", "password": "wrong password"}


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def several(database_url: str) -> str:
    """The test's database behind a host that is gone."""
    url = make_url(psycopg_dsn(database_url))
    host = str(url.query.get("host", url.host))
    port = url.port or url.query.get("port", 5432)
    who = url.username if url.password is None else f"{url.username}:{quote(str(url.password), safe='')}"
    hosts = f"127.0.0.1:1,{quote(host, safe='')}:{port}"
    return f"postgresql://{who}@{hosts}/{url.database}?target_session_attrs=read-write"


def test_every_command_takes_several_hosts(several: str, tmp_path: Path) -> None:
    file = tmp_path / "a.dump"
    for command in (
        ["db", "current"],
        ["db", "upgrade"],
        ["db", "psql", "--", "-c", "TABLE alembic_version"],
        ["db", "backup", file],
        ["db", "restore", file, "--replace"],
        ["db", "check"],
        ["check-data"],
        ["create-admin", "--email", "a@dairy.example"],
        ["bill", "--period", "2026-10", "--dry-run"],
        ["export", "customers", "-o", tmp_path / "customers.csv"],
        ["purge"],
    ):
        done = run_command(*command, DATABASE_URL=several, DAIRY_SECRET_KEY=SECRET_KEY)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), (command, done.stdout, done.stderr)
    flown = run_command("preflight", "--json", DATABASE_URL=several, DAIRY_SECRET_KEY=SECRET_KEY).stdout
    assert f'"detail": "{migrations.head()}"' in flown
    assert str(migrations.current(several)) == migrations.head()


def test_a_host_that_is_silent_is_given_up(several: str, silent: str) -> None:
    """After five seconds, or ``connect_timeout`` of the URL, for each host."""
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": several.replace("127.0.0.1:1,", f"{silent},")}
    command = [sys.executable, "-m", "dairy_app.cli", "db", "current"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_alembics_own_program_takes_several_hosts(several: str) -> None:
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": several}
    command = [sys.executable, "-m", "alembic", "current"]
    done = subprocess.run(command, env=environment, cwd=TOP, capture_output=True, text=True, check=False)
    assert (done.returncode, f"{migrations.head()} (head)" in done.stdout) == (0, True), done.stderr


def test_the_server_takes_several_hosts(several: str) -> None:
    with serving(several, "--workers", "1") as (_, port):
        assert ask(port)[0] == 200
        status, problem = ask(port, "/api/v1/auth/login", UNKNOWN)
        assert (status, problem["code"]) == (401, "bad_credentials")


@pytest.fixture
def two() -> Iterator[tuple[Path, Path]]:
    """The data of two servers with the same database; both take changes."""
    place = Path(server_dir() or "/tmp", f"dairy-two-{os.getpid()}")
    shutil.rmtree(place, ignore_errors=True)
    first, second = place / "first", place / "second"
    try:
        migrations.upgrade(embedded_postgres.start(first))
        embedded_postgres.stop(first)
        subprocess.run(["cp", "-a", first, second], check=True)
        yield first, second
    finally:
        for each in (first, second):
            embedded_postgres.stop(each)
        shutil.rmtree(place, ignore_errors=True)


def test_a_server_that_takes_changes_no_longer_is_left_for_the_one_that_does(
    two: tuple[Path, Path], settings: Settings
) -> None:
    """Its connections are alive, and read; each is closed when it is found so, that of health among them."""
    first, second = (make_url(embedded_postgres.start(each)).query["host"] for each in two)
    both = ",".join(quote(str(each), safe="") for each in (first, second))
    database = Database(f"postgresql://dairy@{both}/dairy?target_session_attrs=read-write")
    nobody = Client(create_app(settings, database), None)
    try:
        ok(nobody.get("/api/health"))
        refused(nobody.post("/auth/login", UNKNOWN), 401, "bad_credentials")
        with raw_connection(f"postgresql://dairy@/dairy?host={quote(str(first))}") as other, other.cursor() as cursor:
            other.autocommit = True
            cursor.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            cursor.execute("SELECT pg_reload_conf()")
        wait_until_it_only_reads(str(first))
        for answer in (nobody.get("/api/health"), nobody.post("/auth/login", UNKNOWN)):
            refused(answer, 503, "database_read_only")
            assert answer.headers["Retry-After"] == "5"
        ok(nobody.get("/api/health"))
        refused(nobody.post("/auth/login", UNKNOWN), 401, "bad_credentials")
    finally:
        database.dispose()


def wait_until_it_only_reads(host: str) -> None:
    """A setting that is told anew reaches sessions between two statements: a new one has it, and those that ask."""
    while True:
        with raw_connection(f"postgresql://dairy@/dairy?host={quote(host)}") as other, other.cursor() as cursor:
            cursor.execute("SHOW default_transaction_read_only")
            found: Any = cursor.fetchone()
            if found == ("on",):
                return


def test_no_server_that_takes_changes_is_503(two: tuple[Path, Path], settings: Settings) -> None:
    host = make_url(embedded_postgres.start(two[0])).query["host"]
    hosts = ",".join(["127.0.0.1:1", quote(str(host), safe="")])
    (two[0] / "postgresql.auto.conf").write_text("default_transaction_read_only = on\n")
    embedded_postgres.stop(two[0])
    embedded_postgres.start(two[0])
    database = Database(f"postgresql://dairy@{hosts}/dairy?target_session_attrs=read-write")
    nobody = Client(create_app(settings, database), None)
    for answer in (nobody.get("/api/health"), nobody.post("/auth/login", UNKNOWN)):
        refused(answer, 503, "database_unavailable")
        assert answer.headers["Retry-After"] == "5"
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(f"postgresql://dairy@{hosts}/dairy?target_session_attrs=read-write")
