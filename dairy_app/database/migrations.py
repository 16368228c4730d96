"""The revisions of the database schema, run from a checkout or from an installed package.

In a checkout they are the folder ``alembic/``; the wheel carries the same folder as ``dairy_app/migrations``.
Nothing here reads ``alembic.ini``.

Alembic is loaded only when revisions are run (``configuration``, ``_go``): which there are and where a database is, a
server and most commands ask, and neither needs it.
"""

import io
import logging
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

import dairy_app
from dairy_app.database.addresses import connect_options, normalise_url
from dairy_app.database.transactions import sqlstate

if TYPE_CHECKING:
    from alembic.config import Config

#: Revisions report long steps here (``logging.getLogger(LOGGER).info("12,000 of 80,000 orders")``).
LOGGER = "dairy_app.migrations"
#: How long a statement of a revision waits for a table that is in use …
LOCK_TIMEOUT = "5s"
#: … and the seconds between the attempts after it gave up.
PAUSES: Sequence[float] = (1, 2, 4, 8, 15, 30)


class MigrationFailed(RuntimeError):
    """The database or Alembic refused a revision; that revision was rolled back, those before it stay."""


def folder() -> Path:
    """Where ``env.py`` and ``versions/`` are."""
    package = Path(dairy_app.__file__).parent
    installed = package / "migrations"
    return installed if (installed / "env.py").exists() else package.parent / "alembic"


def configuration(url: str | None = None, *, allow_data_loss: bool = False, output: TextIO | None = None) -> "Config":
    """What Alembic needs to run our revisions against ``url`` (default: the database of the settings)."""
    from alembic.config import Config

    options = ["allow_data_loss=true"] if allow_data_loss else []
    config = Config(output_buffer=output, cmd_opts=Namespace(x=options))
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if url:
        config.attributes["url"] = url
    return config


@contextmanager
def connect(url: str, *, autocommit: bool = False) -> Iterator[Connection]:
    """One connection of its own, for work on the database as a whole; closed at the end."""
    address = normalise_url(url)
    engine = create_engine(address, poolclass=NullPool, connect_args=connect_options(address, "dairy db"))
    with engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT") if autocommit else connection


def is_pooled(connection: Connection) -> bool:
    """Whether somebody stands between us and the server who gives its sessions to whoever asks next (PgBouncer).

    Who shares sessions makes up the process that a client may cancel; the server names the one that is at work.
    """
    driver: Any = connection.connection.driver_connection
    return bool(driver.info.backend_pid != connection.scalar(text("SELECT pg_backend_pid()")))


def pool_refusal(what: str) -> str:
    """Why work that leaves something behind in its session is not done through a pool, and what to do."""
    return f"DATABASE_URL leads through a pool that shares sessions: {what} with the address of the server itself"


def numbers() -> list[str]:
    """All revisions, first to last: their files begin with them, and each follows the one before it."""
    return sorted(path.name[:4] for path in (folder() / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def head() -> str | None:
    """The last revision this code knows."""
    return max(numbers(), default=None)


def misfit(at: str | None) -> str | None:
    """Why this code cannot work on a database at that revision, and what to do; None when it can."""
    newest = head()
    if at == newest:
        return None
    if at not in (None, *numbers()):
        return f"the database is at revision {at}, which this version ({newest}) does not know"
    return f"the database is at {f'revision {at}' if at else 'none'} of {newest}: run `dairy db upgrade`"


def next_number() -> str:
    """The number of the revision that would be written next, four digits."""
    return f"{int(head() or 0) + 1:04d}"


_UNREADABLE = text("""
SELECT current_user FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relname = 'alembic_version'
    AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))""")
_HAS_RUN, _REVISION = text("SELECT to_regclass('alembic_version')"), text("SELECT version_num FROM alembic_version")


class MissingRights(RuntimeError):
    """The tables are there, but not for this role: it looks like an empty database, and is none."""


def require_rights(connection: Connection) -> None:
    """Raise MissingRights where the role may not read what the revisions made, as after a restore."""
    role = connection.scalar(_UNREADABLE)
    if role is not None:
        raise MissingRights(f"{role} has no rights on the tables: run `dairy db roles | psql …` as a superuser")


def current(url: str) -> str | None:
    """The revision a database stands at; None when no revision ever ran there. Raises MissingRights."""
    with connect(url) as connection:
        return current_of(connection)


def current_of(connection: Connection) -> str | None:
    """The same over a connection that there is."""
    require_rights(connection)
    if connection.scalar(_HAS_RUN) is None:
        return None
    found: str | None = connection.scalar(_REVISION)
    return found


def _go(config: "Config", revision: str, *, down: bool = False, as_sql: bool = False) -> None:
    """Has Alembic run, or print, the revisions from where the database is to ``revision``."""
    from alembic import command
    from alembic.util import CommandError

    try:
        (command.downgrade if down else command.upgrade)(config, revision, sql=as_sql)
    except CommandError as error:
        raise MigrationFailed(str(error)) from error


def upgrade(url: str, revision: str = "head") -> None:
    """Runs the missing revisions up to ``revision``; waits while another upgrade is at work."""
    with _failures_in_one_line(url):
        _go(configuration(url), revision)


def downgrade(url: str, revision: str, *, allow_data_loss: bool = False) -> None:
    """Undoes revisions down to ``revision`` (``base``: all).

    Refused where data would be lost, unless ``allow_data_loss``. One transaction: a refusal half-way leaves
    everything as it was.
    """
    config = configuration(url, allow_data_loss=allow_data_loss)
    config.attributes["one_transaction"] = True
    with _failures_in_one_line(url):
        _go(config, revision, down=True)


@contextmanager
def _failures_in_one_line(url: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if sqlstate(error) is None:  # no server, or it went away
            raise
        reason = str(error.orig).strip().split("\n")[0]
        if hint := getattr(getattr(error.orig, "diag", None), "message_hint", None):
            reason += f" ({hint})"
        raise MigrationFailed(f"stopped at revision {current(url) or 'base'}: {reason}") from error


def sql(first: str = "base", last: str = "head") -> str:
    """The statements between two revisions, for a DBA to read and run. Needs no database."""
    buffer = io.StringIO()
    _go(configuration(output=buffer), f"{first}:{last}", as_sql=True)
    return buffer.getvalue()


#: A step that is silent for so many seconds is said to be still at work.
STILL_AT_WORK = 15.0


class _Progress(logging.StreamHandler[TextIO]):
    """Shows each step; and while one takes long, that it does: a single statement on a large table says nothing."""

    def __init__(self, every: float) -> None:
        super().__init__(sys.stderr)
        self.every, self.step, self.since, self.ended = every, "", time.monotonic(), threading.Event()
        self.setFormatter(logging.Formatter("%(message)s"))
        self.addFilter(lambda record: not record.getMessage().startswith(("Context impl", "Will assume")))

    def emit(self, record: logging.LogRecord) -> None:
        self.step, self.since = record.getMessage().split(",")[0], time.monotonic()
        super().emit(record)

    def watch(self) -> None:
        while not self.ended.wait(self.every):
            silent = time.monotonic() - self.since
            if self.step and silent >= self.every:
                self.stream.write(f"… {silent:.0f} s: {self.step}\n")
                self.stream.flush()


@contextmanager
def progress(every: float = STILL_AT_WORK) -> Iterator[None]:
    """Shows each step on standard error while the block runs, and every so many seconds that it still does."""
    handler = _Progress(every)
    loggers = [logging.getLogger(LOGGER), logging.getLogger("alembic.runtime.migration")]
    levels = [each.level for each in loggers]
    watching = threading.Thread(target=handler.watch, daemon=True)
    for each in loggers:
        each.addHandler(handler)
        each.setLevel(logging.INFO)
    watching.start()
    try:
        yield
    finally:
        handler.ended.set()
        watching.join()
        for each, level in zip(loggers, levels, strict=True):
            each.removeHandler(handler)
            each.setLevel(level)
