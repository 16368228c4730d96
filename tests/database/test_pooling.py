"""Sessions that a pool lends for one transaction: nothing stays in them, and what would is refused."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url, text

from dairy_app.database.transactions import PROBE, WEB, Database
from tests.command_line import run_command
from tests.conftest import psycopg_dsn

TOP = Path(__file__).parents[2]
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
#: The revisions take a lock of their session, and refuse a pool.
OF_SESSIONS = {"alembic/env.py"}
ASKED = text("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")


def test_advisory_locks_end_with_their_transaction() -> None:
    """One of a session would stay with the server's, and whoever got that next would hold it unknowingly."""
    of_sessions = re.compile(r"pg_(?:try_)?advisory_(?:lock|unlock)")
    files = [*(TOP / "dairy_app").rglob("*.py"), *(TOP / "dairy_app").rglob("*.sql"), *(TOP / "alembic").rglob("*.py")]
    found = {str(each.relative_to(TOP)) for each in files if of_sessions.search(each.read_text(encoding="utf-8"))}
    assert len(files) > 500
    assert found == OF_SESSIONS


@pytest.mark.parametrize(
    "forbidden",
    [
        r"\bWITH HOLD\b",
        r"\bPREPARE \w+ (?:AS|\()",
        r"\bLISTEN \w+\b(?!.*--)",
        r"set_config\([^)]*, *false\)",
        r"CREATE TEMP(?:ORARY)? TABLE (?:(?!ON COMMIT DROP).)*;",
    ],
)
def test_no_statement_leaves_something_in_its_session(forbidden: str) -> None:
    found = [
        each.name
        for each in (*(TOP / "dairy_app").rglob("*.py"), *(TOP / "dairy_app").rglob("*.sql"))
        for _ in re.finditer(forbidden, each.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_a_question_for_health_leaves_the_session_as_it_was(database_url: str) -> None:
    """Its own short limits hold for its transactions, not for the session."""
    database = Database(database_url, pool_size=1)
    try:
        with database.probe.transaction(read_only=True) as session:
            assert tuple(session.execute(ASKED).one()) == ("1s", "1s")
            connection: Any = session.connection().connection.driver_connection
        with connection.cursor() as cursor:
            cursor.execute(str(ASKED))
            assert cursor.fetchone() == ("20s", "5s")
        assert (PROBE.statement, WEB.statement) == (1, 20)
    finally:
        database.dispose()


@pytest.fixture
def pool(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The test's database through PgBouncer, which has one session of the server for everybody."""
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed")
    address = make_url(psycopg_dsn(database_url))
    place = str(address.query.get("host", address.host))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = f"""
[databases]
{address.database} = host={place} port={address.port or address.query.get("port", 5432)} user={address.username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
query_wait_timeout = 3
"""
    account: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses to be root; the server's account reaches its socket
        owner = Path(place).stat() if Path(place).exists() else Path("/").stat()
        account = {"user": owner.st_uid or 65534, "group": owner.st_gid or 65534, "extra_groups": []}
    url = f"postgresql://somebody@127.0.0.1:{port}/{address.database}"
    with (tmp_path / "log").open("w") as log, tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(said)
        file.flush()
        Path(file.name).chmod(0o644)
        with subprocess.Popen([PGBOUNCER, file.name], stdout=log, stderr=log, **account) as process:
            try:
                while not answers(url):
                    assert process.poll() is None, (tmp_path / "log").read_text()
                    time.sleep(0.05)
                yield url
            finally:
                process.terminate()


def answers(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


@pytest.mark.slow
def test_health_shortens_nobodys_statements(pool: str) -> None:
    """A second is enough for health. Who gets its session next has the limits of requests, as before."""
    database = Database(pool)
    try:
        for one in (database, database.probe, database):
            with one.transaction(read_only=True) as session:
                found = tuple(session.execute(ASKED).one())
        assert found == ("20s", "5s")
    finally:
        database.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("command", ["upgrade", "backup", "restore"])
def test_what_needs_a_session_of_its_own_is_refused(pool: str, command: str, tmp_path: Path, sql: Any) -> None:
    file = tmp_path / "a.dump"
    if command == "restore":
        file.write_bytes(b"PGDMP")
    done = run_command("db", command, *([] if command == "upgrade" else [file]), DATABASE_URL=pool)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("dairy: DATABASE_URL leads through a pool that shares sessions: ")
    assert file.exists() == (command == "restore")
    database = Database(pool)
    try:  # the session that it had has no lock, and still finds its tables
        with database.transaction(read_only=True) as session:
            assert session.scalar(text("SELECT count(*) FROM settings")) == 1
        assert sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]
    finally:
        database.dispose()


@pytest.mark.slow
def test_through_a_pool_the_program_works(pool: str) -> None:
    assert run_command("db", "current", DATABASE_URL=pool).returncode == 0
    assert run_command("check-data", DATABASE_URL=pool).returncode == 0
    assert run_command("create-admin", "--email", "a@dairy.example", DATABASE_URL=pool).returncode == 0
    assert "to a pool: its max_client_conn must be more" in run_command("preflight", "--json", DATABASE_URL=pool).stdout
