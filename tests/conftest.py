"""A real PostgreSQL for the suite: built by the migrations, emptied for every test that asks.

Tests commit for real: deferred constraints fire, clocks move, two connections race.
``TEST_DATABASE_URL`` names another server (a superuser's maintenance database); without it the suite starts an
embedded one of its own.
"""

import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis
import psycopg2
import pytest
from sqlalchemy import make_url

from dairy_app.accounts.rules import passwords
from dairy_app.app import create_app
from dairy_app.database import embedded_postgres, migrations
from dairy_app.database.addresses import normalise_url
from dairy_app.database.transactions import Database, Limits
from dairy_app.settings import Settings
from dairy_app.web import logs
from dairy_app.web.http import DairyFlask
from tests.dairy import Dairy
from tests.worker_database import WorkerDatabase, psycopg_dsn

# No test fails because the machine was busy.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

#: Races wait for each other on a machine that has other work to do.
PATIENT = Limits(60, 60, 60)
#: Bytes that a file system in memory must have free for each worker's server; half a gigabyte was the most seen.
PLENTY = 2 * 2**30
MakeApp = Callable[[Settings, Database], DairyFlask]
SECRET_KEY = "not a secret: only the test suite signs with it"


def pytest_sessionstart(session: pytest.Session) -> None:
    """In a fresh checkout nothing is compiled, and all workers would compile all: each begins with a part of its own.

    What does not load is told by the collection, which loads it again.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    top = Path(__file__).parent
    if workers > 1 and [Path(each).resolve() for each in session.config.args] == [top]:
        own = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        files = sorted(path for path in top.rglob("test_*.py") if "browser" not in path.parts)
        for path in files[own::workers]:
            with suppress(Exception):
                import_module(".".join(path.relative_to(top.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """What was imported and collected stays: no collection of garbage need look at it, a tenth of all the work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


class Server:
    """A PostgreSQL server on which databases are made and dropped."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._counter = 0

    def _execute(self, *statements: str) -> None:
        connection = psycopg2.connect(psycopg_dsn(self.url))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def create_database(self, template: str | None = None) -> str:
        """A new database, a copy of ``template`` when given; returns its URL."""
        self._counter += 1
        name = f"test_{os.getpid()}_{self._counter}_{uuid.uuid4().hex[:8]}"
        # Copying the files takes the server half the work of the default, which writes every page to its log too.
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}" STRATEGY file_copy')
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The suite's server. One for all workers of a machine would be faster still; one each is simpler."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield Server(normalise_url(given).render_as_string(hide_password=False))
        return
    with tempfile.TemporaryDirectory(prefix="dairy-test-", dir=server_dir(), ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        data_dir = Path(folder) / "pg"
        try:
            yield Server(embedded_postgres.start(data_dir, fast_unsafe=True))
        finally:
            embedded_postgres.stop(data_dir)


def server_dir() -> str | None:
    """Memory, where there is plenty of it: what a server's files cost a file system is a sixth of its work here."""
    memory, servers = Path("/dev/shm"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= PLENTY * servers:
        return str(memory)
    return short_temp_dir()


def short_temp_dir() -> str | None:
    """A temporary directory whose path leaves room for a socket's name."""
    return "/tmp" if Path("/tmp").is_dir() else None


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[str]:
    """The name of a database that the migrations built."""
    url = server.create_database()
    migrations.upgrade(url)
    yield str(make_url(url).database)
    server.drop_database(url)


@pytest.fixture(scope="session")
def worker_database(server: Server, template: str) -> Iterator[WorkerDatabase]:
    database = WorkerDatabase(server, template)
    yield database
    database.drop()


@pytest.fixture
def database_url(worker_database: WorkerDatabase) -> str:
    """An empty, migrated database that is this test's alone while it runs."""
    return worker_database.clean()


class Kept:
    """What each process makes once and every test gets as new: making it takes longer than most tests."""

    def __init__(self) -> None:
        self._databases: dict[str, Database] = {}
        self._apps: dict[tuple[Settings, MakeApp], DairyFlask] = {}
        self._connections: dict[str, Any] = {}

    def database(self, url: str) -> Database:
        """Connections are kept from test to test, as by a server: a new one would first read the whole catalogue."""
        if url not in self._databases:
            for known in self._databases.values():
                known.dispose()
            self._databases = {url: Database(url, limits=PATIENT, pool_size=20)}
        return self._databases[url]

    def connection(self, url: str) -> Any:
        """A connection in autocommit, beside those of the application."""
        if url not in self._connections or self._connections[url].closed:
            for known in self._connections.values():
                known.close()
            self._connections = {url: psycopg2.connect(psycopg_dsn(url))}
            self._connections[url].autocommit = True
        return self._connections[url]

    def app(self, settings: Settings, database: Database, make: MakeApp = create_app) -> DairyFlask:
        """The application of these settings, as ``make`` leaves it and the process."""
        alike = replace(settings, data_dir=Path()), make
        if alike not in self._apps:
            self._apps[alike] = make(settings, database)
        app = self._apps[alike]
        app.database = database
        app.config["DAIRY"] = settings
        logs.configure_logging(settings.log_level, settings.log_format)
        passwords.use_cost(settings.password_cost)
        return app


@pytest.fixture(scope="session")
def process() -> Kept:
    return Kept()


@pytest.fixture
def database(database_url: str, process: Kept) -> Database:
    return process.database(database_url)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, secret_key=SECRET_KEY, log_level="error", password_cost="cheapest")


@pytest.fixture
def app(settings: Settings, database: Database, process: Kept) -> DairyFlask:
    return process.app(settings, database)


@pytest.fixture
def dairy(app: DairyFlask, worker_database: WorkerDatabase) -> Dairy:
    """A dairy with an admin and nothing else; grows by its methods, all over HTTP or as if."""
    return Dairy(app, worker_database)


@pytest.fixture
def sql(database_url: str, process: Kept) -> Iterator[Any]:
    """``sql("SELECT …", …)``: raw SQL round every service, committed at once; rows as tuples."""
    connection = process.connection(database_url)

    def run(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    yield run
    if not connection.closed:  # as new: nothing open, set, locked or prepared
        try:
            run("ROLLBACK")
            run("DISCARD ALL")
        except psycopg2.Error:
            connection.close()


@contextmanager
def raw_connection(url: str) -> Iterator[Any]:
    connection = psycopg2.connect(psycopg_dsn(url))
    try:
        yield connection
    finally:
        connection.close()
