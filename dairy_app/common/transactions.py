"""Transactions: the only module that begins, commits or rolls back.

One request, one command or one chunk of a long job is one transaction. Services get the session and
never commit. What another transaction made impossible (deadlock, serialisation) is tried again as a whole.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from dairy_app.common import audit

#: SQLSTATEs that mean "somebody else was first; the same work may succeed now".
RETRYABLE = {"40001", "40P01"}
ATTEMPTS = 3

#: How often, and after how many seconds, work is done again that was not its turn.
TURNS, BETWEEN_TURNS = 20, 0.05

T = TypeVar("T")


class NotYourTurn(Exception):
    """Somebody else is at the same thing just now. ``refusal`` is raised when they still are after a second."""

    def __init__(self, refusal: Exception) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def normalise_url(url: str) -> URL:
    """The SQLAlchemy URL of a PostgreSQL server, through psycopg2.

    ``postgres://`` and ``postgresql://`` are taken; SQLAlchemy itself would read the bare form as psycopg 3.
    Raises ValueError with one clear line for anything that is not PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter: a port that is no number
        raise ValueError("DATABASE_URL is not a URL; expected postgresql://user@host/database") from None
    if parsed.drivername.split("+")[0] not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL names {parsed.drivername!r}, but dairy_app runs on PostgreSQL 15 or newer only")
    return parsed.set(drivername="postgresql+psycopg2")


def sqlstate(error: DBAPIError) -> str | None:
    """The five-character SQLSTATE of a database error."""
    return getattr(error.orig, "pgcode", None)


def _without_jit(connection: Any, _record: Any) -> None:
    """Compiling our statements takes seconds (seen on a server built with LLVM), running them milliseconds."""
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")
    connection.commit()


class Database:
    """A PostgreSQL server's pool of connections, and the transactions on it."""

    def __init__(self, url: str | URL, *, pool_size: int = 10, application_name: str = "dairy_app") -> None:
        self.url = normalise_url(url) if isinstance(url, str) else url
        self.engine: Engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=10,
            pool_pre_ping=False,  # a broken connection is noticed by use, and the work done again
            hide_parameters=True,  # else phone numbers and hashes would stand in the logged errors
            pool_recycle=1800,
            connect_args={"connect_timeout": 5, "application_name": application_name},
        )
        event.listen(self.engine, "connect", _without_jit)

    @contextmanager
    def transaction(self, *, read_only: bool = False, snapshot: bool = False) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back when anything is raised.

        ``read_only`` refuses writes by the database itself; ``snapshot`` (REPEATABLE READ) lets several
        statements see the same instant. Both travel with BEGIN and cost no round trip.
        """
        options: dict[str, Any] = {}
        if read_only:
            options["postgresql_readonly"] = True
        if snapshot:
            options["isolation_level"] = "REPEATABLE READ"
        with Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options=options)
            if not read_only:
                audit.tell_occasion(session)
            yield session
            session.info["committing"] = True
            session.commit()

    def run(self, work: Callable[[Session], T], *, read_only: bool = False) -> T:
        """Do ``work`` in one transaction; the whole of it again after a deadlock, at most three times.

        Also after a connection broke (the server restarted), unless that was during the commit: whether it
        succeeded is then unknown, and only the caller can ask. What waits for its turn holds no connection.
        """
        for _ in range(TURNS):
            try:
                return self._run(work, read_only)
            except NotYourTurn as error:
                refusal = error.refusal
                time.sleep(BETWEEN_TURNS)
        raise refusal

    def _run(self, work: Callable[[Session], T], read_only: bool) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            session = None
            try:
                with self.transaction(read_only=read_only) as session:
                    return work(session)
            except DBAPIError as error:
                in_doubt = session is not None and "committing" in session.info
                lost = error.connection_invalidated and not in_doubt
                if attempt == ATTEMPTS or not (lost or sqlstate(error) in RETRYABLE):
                    raise
                time.sleep(random.uniform(0.01, 0.05) * attempt)
        raise AssertionError("unreachable")

    def dispose(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()
