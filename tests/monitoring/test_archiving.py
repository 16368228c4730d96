"""WAL that does not reach its archive: preflight says so, and the figures do, of a server that really archives."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2
import pytest
import time_machine

from dairy_app.app import create_app
from dairy_app.database import embedded_postgres, migrations
from dairy_app.database.transactions import Database
from dairy_app.monitoring.service import preflight
from dairy_app.settings import Settings
from tests.command_line import run_command
from tests.conftest import SECRET_KEY, psycopg_dsn, server_dir

pytestmark = pytest.mark.slow

TOKEN = "a token of the test suite"
#: Archives nothing until the file ``go`` is there: as a share that hangs.
HANGS = "while test ! -e {go}; do sleep 0.05; done"


class ArchivingServer:
    """A server of these tests' own, in whose settings the archive is."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.url = embedded_postgres.start(data_dir)
        migrations.upgrade(self.url)

    def sql(self, statement: str) -> Any:
        connection = psycopg2.connect(psycopg_dsn(self.url))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone() if cursor.description else None
        finally:
            connection.close()

    def archive_by(self, command: str) -> None:
        """Archive from now on by this command."""
        self.sql(f"ALTER SYSTEM SET archive_command = '{command}'")
        self.sql("SELECT pg_reload_conf()")

    def write(self) -> str:
        """Complete a segment, which then waits to be archived; its name."""
        (name,) = self.sql("SELECT pg_walfile_name(pg_logical_emit_message(false, 'test', ''))")
        self.sql("SELECT pg_switch_wal()")
        return str(name)

    def until(self, condition: str) -> None:
        """Wait until the archiver's statistics say so."""
        end = time.monotonic() + 60
        while not self.sql(f"SELECT {condition} FROM pg_stat_archiver")[0]:
            assert time.monotonic() < end, condition
            time.sleep(0.05)


@pytest.fixture(scope="module")
def server() -> Iterator[ArchivingServer]:
    with TemporaryDirectory(prefix="dairy-archive-", dir=server_dir(), ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        data_dir = Path(folder) / "pg"
        try:
            made = ArchivingServer(data_dir)
            made.sql("ALTER SYSTEM SET archive_mode = on")
            embedded_postgres.stop(data_dir)
            embedded_postgres.start(data_dir)
            yield made
        finally:
            embedded_postgres.stop(data_dir)


@pytest.fixture
def archive(server: ArchivingServer) -> Iterator[ArchivingServer]:
    """The server with an archive that works: everything was archived, and no failure is remembered."""
    server.archive_by("true")
    server.sql("SELECT pg_stat_reset_shared('archiver')")
    server.until(f"last_archived_wal >= '{server.write()}'")
    yield server
    server.archive_by("true")


@pytest.fixture
def checked(archive: ArchivingServer, tmp_path: Path) -> Callable[[], tuple[int, str, str]]:
    """What preflight ends with, and says of archiving."""

    def run() -> tuple[int, str, str]:
        given = {"DATABASE_URL": psycopg_dsn(archive.url), "DAIRY_SECRET_KEY": SECRET_KEY, "DAIRY_BACKUP_DIR": ""}
        done = run_command("preflight", "--json", DAIRY_DATA_DIR=str(tmp_path), **given)
        (found,) = [each for each in json.loads(done.stdout)["checks"] if each["name"] == "archiving"]
        return done.returncode, found["state"], found["detail"]

    return run


def metrics_of(archive: ArchivingServer, tmp_path: Path) -> list[str]:
    settings = Settings(data_dir=tmp_path, secret_key=SECRET_KEY, log_level="error", metrics_token=TOKEN)
    database = Database(archive.url)
    try:
        answer = (
            create_app(settings, database).test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        )
        assert answer.status_code == 200
        return answer.get_data(as_text=True).splitlines()
    finally:
        database.dispose()


def test_an_archive_that_works_is_in_order(
    archive: ArchivingServer, checked: Callable[[], tuple[int, str, str]], tmp_path: Path
) -> None:
    assert checked() == (0, "ok", "the last segment 0 minutes ago")
    lines = metrics_of(archive, tmp_path)
    assert {"dairy_archiving_fails 0", "dairy_wal_segments_waiting 0"} <= set(lines)


def test_an_archive_that_refuses_is_a_failure_until_it_takes_again(
    archive: ArchivingServer, checked: Callable[[], tuple[int, str, str]], tmp_path: Path
) -> None:
    archive.archive_by("false")
    archive.write()
    archive.until("failed_count > 0")
    code, state, said = checked()
    assert (code, state) == (1, "failed")
    assert "cannot be archived, the last segment 0 minutes ago, 1 wait: WAL fills the server's disk" in said
    lines = metrics_of(archive, tmp_path)
    assert {"dairy_archiving_fails 1", "dairy_wal_segments_waiting 1"} <= set(lines)
    archive.archive_by("true")
    archive.until("last_archived_time > last_failed_time")
    assert checked()[:2] == (0, "ok")


def test_an_archive_that_never_took_anything_is_a_failure(
    archive: ArchivingServer, checked: Callable[[], tuple[int, str, str]]
) -> None:
    archive.archive_by("false")
    archive.sql("SELECT pg_stat_reset_shared('archiver')")
    archive.write()
    archive.until("failed_count > 0")
    code, state, said = checked()
    assert (code, state, "nothing was archived yet" in said) == (1, "failed", True)


def test_archiving_without_a_command_is_a_failure_that_the_server_does_not_count(
    archive: ArchivingServer, checked: Callable[[], tuple[int, str, str]], tmp_path: Path
) -> None:
    archive.archive_by("")
    archive.write()
    code, state, said = checked()
    assert (code, state) == (1, "failed")
    assert said.startswith("archive_mode is on, but archive_command is empty: WAL fills")
    assert archive.sql("SELECT failed_count FROM pg_stat_archiver") == (0,)
    assert "dairy_archiving_fails 1" in metrics_of(archive, tmp_path)


def test_an_archive_that_hangs_is_a_failure_that_the_server_does_not_count(
    archive: ArchivingServer, checked: Callable[[], tuple[int, str, str]], tmp_path: Path
) -> None:
    go = archive.data_dir / "go-on"
    try:
        archive.archive_by(HANGS.format(go=go))
        archive.write()
        assert checked() == (0, "ok", "the last segment 0 minutes ago, 1 wait")
        later = timedelta(minutes=preflight.ARCHIVING_MINUTES + 1)
        with time_machine.travel(datetime.now(UTC) + later):
            code, state, said = checked()
        assert (code, state) == (1, "failed")
        assert said.startswith("the last segment 11 minutes ago, 1 wait: archive_command hangs; WAL fills")
        assert archive.sql("SELECT failed_count FROM pg_stat_archiver") == (0,)
    finally:
        go.touch()


def test_an_archive_that_is_too_slow_is_a_warning(
    archive: ArchivingServer, checked: Callable[[], tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    go = archive.data_dir / "be-quick"
    monkeypatch.setattr(preflight, "MANY_SEGMENTS", 3)
    try:
        archive.archive_by(HANGS.format(go=go))
        for _ in range(3):
            archive.write()
        code, state, said = checked()
        assert (code, state) == (0, "warning")
        assert said == "the last segment 0 minutes ago, 3 wait: the archive is too slow for what is written"
    finally:
        go.touch()


def test_the_role_that_serves_sees_it(archive: ArchivingServer, checked: Callable[[], tuple[int, str, str]]) -> None:
    """No right of a monitor is needed."""
    archive.archive_by("false")
    archive.write()
    archive.until("failed_count > 0")
    archive.sql("DROP ROLE IF EXISTS nobody_special; CREATE ROLE nobody_special LOGIN")
    url, archive.url = archive.url, archive.url.replace("dairy@", "nobody_special@")
    try:
        _, state, said = checked()
    finally:
        archive.url = url
    assert (state, "cannot be archived" in said) == ("failed", True)


def test_nothing_is_said_of_an_embedded_server_without_an_archive() -> None:
    """Who has a small dairy has `dairy db backup`, and is not frightened by a word that means nothing to it."""
    with TemporaryDirectory(prefix="dairy-small-", dir=server_dir(), ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        try:
            done = run_command("preflight", "--json", DAIRY_SECRET_KEY=SECRET_KEY, DAIRY_DATA_DIR=folder)
        finally:
            embedded_postgres.stop(Path(folder) / "postgres")
    named = {each["name"] for each in json.loads(done.stdout)["checks"]}
    assert ("rights" in named, "archiving" in named) == (True, False)
