"""The server of the benchmark, databases on it, and the programs that measure floors: psql and pgbench."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import URL, make_url

from dairy_app.database import embedded_postgres
from dairy_app.database.addresses import normalise_url

#: Tables whose own triggers a floor does without.
GUARDED = ("orders", "order_items", "invoices", "invoice_lines", "delivery_statuses")


class FloorFailed(RuntimeError):
    """psql or pgbench refused the SQL of a floor."""


@dataclass(frozen=True, slots=True)
class BenchDatabase:
    """One database of the benchmark's own; nobody's data is ever in it."""

    url: URL

    @property
    def name(self) -> str:
        return str(self.url.database)

    @property
    def text(self) -> str:
        return self.url.render_as_string(hide_password=False)

    @property
    def dsn(self) -> str:
        """The URL as libpq reads it."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """A cursor of a connection of its own, in autocommit mode."""
        connection = psycopg2.connect(self.dsn)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement in autocommit mode."""
        with self.connected() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *parameters: Any) -> Any:
        return self.rows(statement, *parameters)[0][0]

    def psql(self, script: str) -> float:
        """Run a script by psql; the seconds that its statements took, without psql's own start."""
        return self._timed(script)[0]

    def undone(self, script: str, question: str) -> tuple[float, str]:
        """As ``psql``, but in place of its COMMIT the question is asked, and all is rolled back.

        Returns the seconds and the row that the question found, as psql writes it. The question is not timed.
        """
        seconds, said = self._timed(script.rpartition("COMMIT;")[0] + f"\\timing off\n{question};\nROLLBACK;\n")
        return seconds, said.rstrip().rpartition("\n")[2]

    def _timed(self, script: str) -> tuple[float, str]:
        said = _run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.dsn, input="\\timing on\n" + script)
        times = re.findall(r"^Time: ([0-9.]+) ms", said, re.M)
        return sum(float(each) for each in times) / 1000, said

    def pgbench(self, script: str, *, clients: int, transactions: int) -> float:
        """Run a script so many times in all, by so many clients, prepared; the seconds without connecting."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            each = str(max(1, transactions // clients))
            done = _run("pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-t", each,
                        "-f", file.name, self.dsn)  # fmt: skip
        found = re.search(r"^tps = ([0-9.]+)", done, re.M)
        if found is None or "number of failed transactions: 0 " not in done:
            raise FloorFailed(done)
        return transactions / float(found[1])

    @contextmanager
    def without_triggers(self) -> Iterator[None]:
        """Our triggers off for a bare floor; foreign keys and CHECKs stay."""
        self.rows(";".join(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in GUARDED))
        try:
            yield
        finally:
            self.rows(";".join(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in GUARDED))


@dataclass(frozen=True, slots=True)
class BenchServer:
    """A server on which databases are made and dropped; ``url`` names one that we only pass through."""

    url: URL
    #: An embedded one: its settings are ours to change, and its log is ``server.log`` in its data folder.
    is_own: bool
    #: The name of the sample's database; others begin with it.
    base: str = "dairy_bench"

    @property
    def clone(self) -> str:
        """The name of the copy that cases may spoil."""
        return f"{self.base}_clone"

    def create(self, name: str, template: str | None = None) -> BenchDatabase:
        """A new database, replacing one that an earlier run left; a copy of ``template`` when given."""
        self.drop(name)
        copied = f'TEMPLATE "{template}" STRATEGY FILE_COPY' if template else "TEMPLATE template0"
        self.run(f'CREATE DATABASE "{name}" {copied}')
        return BenchDatabase(self.url.set(database=name))

    def drop(self, name: str) -> None:
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run(self, statement: str) -> None:
        BenchDatabase(self.url).rows(statement)

    def value(self, statement: str, *parameters: Any) -> Any:
        return BenchDatabase(self.url).value(statement, *parameters)

    def has_room_for_a_copy(self) -> bool:
        """Whether the disk holds the sample twice, and what is written meanwhile; of a server elsewhere we hope so."""
        folder = self.value("SHOW data_directory")
        if not self.is_own or not Path(folder).is_dir():
            return True
        return shutil.disk_usage(folder).free > 1.5 * int(self.value("SELECT pg_database_size(%s)", self.base))

    def version(self) -> str:
        return str(self.value("SHOW server_version"))


@contextmanager
def running_server(data_dir: Path) -> Iterator[BenchServer]:
    """``DATABASE_URL``'s server, else an embedded one with ordinary (safe) settings, stopped at the end."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield BenchServer(normalise_url(given), is_own=False)
        return
    try:
        yield BenchServer(make_url(embedded_postgres.start(data_dir)), is_own=True)
    finally:
        embedded_postgres.stop(data_dir)


def _run(program: str, *arguments: str, input: str | None = None) -> str:
    command = [str(embedded_postgres.bin_dir() / program), *arguments]
    done = subprocess.run(command, input=input, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise FloorFailed(f"{program}: {done.stderr.strip()[-2000:]}")
    return done.stdout
