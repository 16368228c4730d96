"""Transactions: the only module that begins, commits or rolls back.

One request, one command or one chunk of a long job is one transaction. Services get the session and
never commit. What another transaction made impossible (deadlock, serialisation) is tried again as a whole.
No transaction waits for ever: not for a lock, not for a server that does not answer.
"""

import copy
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import orjson
import psycopg2
from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.database import audit
from dairy_app.database.addresses import connect_options, normalise_url
from dairy_app.database.values import read_uuids
from dairy_app.database.watch import Watch

#: SQLSTATEs that mean "somebody else was first; the same work may succeed now".
RETRYABLE = {"40001", "40P01"}
ATTEMPTS = 3
#: Work that took longer than this is not tried again: who asked has waited enough.
RETRY_SECONDS = 5.0
#: The database only reads: a standby, or one that was told so.
READ_ONLY = "25006"
#: How long the server itself may take to say that a limit has passed.
GRACE_SECONDS = 1.0

#: For so many seconds work that has the time waits for a server that takes changes, and looks again so often: a
#: failover takes half a minute where nobody is told of it, seconds where somebody is.
FAILOVER_SECONDS, BETWEEN_LOOKS = 90.0, 1.0

#: How often, and after how many seconds, work is done again that was not its turn.
TURNS, BETWEEN_TURNS = 20, 0.05

#: Where a session keeps what is done once it is committed.
_AFTER_COMMIT = "after commit"

T = TypeVar("T")


class NotYourTurn(Exception):
    """Somebody else is at the same thing just now. ``refusal`` is raised when they still are after a second."""

    def __init__(self, refusal: Exception) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, 0 for none: of one statement, of waiting for one lock, of doing nothing within a transaction."""

    statement: float
    lock: float
    idle: float

    def settings(self) -> dict[str, str]:
        """As parameters of PostgreSQL, in milliseconds."""
        values = {"statement": self.statement, "lock": self.lock, "idle_in_transaction_session": self.idle}
        return {f"{name}_timeout": str(round(1000 * seconds)) for name, seconds in values.items()}

    @property
    def patience(self) -> float | None:
        """After so many seconds without an answer to a statement the connection is given up."""
        return self.statement + GRACE_SECONDS if self.statement else None


#: A request; a run, an export or another command; an import; a question for the health of the server.
WEB, RUN, IMPORT, PROBE = Limits(20, 5, 60), Limits(600, 60, 600), Limits(7200, 60, 3600), Limits(1, 1, 5)
PROBE_CONNECTIONS = 2


def sqlstate(error: DBAPIError) -> str | None:
    """The five-character SQLSTATE of a database error."""
    return getattr(error.orig, "pgcode", None)


def is_away(error: DBAPIError) -> bool:
    """Whether nobody answered. No SQLSTATE: the server could not be asked; class 08: the line broke; 57P: it stops or
    starts."""
    if not isinstance(error, OperationalError):
        return error.connection_invalidated
    state = sqlstate(error)
    return error.connection_invalidated or state is None or state.startswith(("08", "57P"))


_LIMIT = text("SELECT set_config(:a, :b, true), set_config(:c, :d, true), set_config(:e, :f, true)")


class Database:
    """A PostgreSQL server's pool of connections, and the transactions on it.

    ``limits`` hold for every session; ``longer`` for the transactions of ``for_longer_work``, which say so
    themselves, because behind a pool that shares sessions the next transaction may be a request's.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        limits: Limits = WEB,
        longer: Limits = RUN,
        pool_size: int = 10,
        application_name: str = "dairy_app",
        **options: Any,
    ) -> None:
        self.url = normalise_url(url) if isinstance(url, str) else url
        self.limits, self._longer = limits, longer
        self._own_limits: Limits | None = None
        self.engine: Engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,  # nobody waits longer for a connection than for a lock
            pool_pre_ping=False,  # a broken connection is noticed by use, and the work done again
            json_deserializer=orjson.loads,  # a round has hundreds of short lists
            hide_parameters=True,  # else phone numbers and hashes would be in the logged errors
            pool_recycle=1800,
            connect_args=connect_options(self.url, application_name, **options),
        )
        self._watch = Watch(self.engine)
        event.listen(self.engine, "connect", self._settle)
        event.listen(self.engine, "checkin", _forget_read_only)

    @property
    def _applied(self) -> Limits:
        """The limits of a transaction that is begun now."""
        return self._own_limits or self.limits

    @property
    def _first_patience(self) -> float | None:
        """How long the first answer is waited for: it takes no time, however long the work may."""
        both = (self.limits.patience, self._applied.patience)
        return min((each for each in both if each is not None), default=None)

    def _settle(self, connection: Any, _record: Any) -> None:
        """What holds for a session. jit: compiling our statements takes seconds, running them milliseconds."""
        read_uuids(connection)
        said = "; ".join(f"SET {name} = {value}" for name, value in self.limits.settings().items())
        with self._watch.over(connection, self._first_patience), connection.cursor() as cursor:
            cursor.execute(f"SET jit = off; {said}")
            connection.commit()

    def for_longer_work(self) -> "Database":
        """The same pool for runs, exports and commands."""
        other = copy.copy(self)
        other._own_limits = self._longer
        return other

    def lengthen(self, session: Session) -> None:
        """Give the rest of a request's transaction the limits of longer work."""
        limit(session, self._longer)

    @cached_property
    def probe(self) -> "Database":
        """Connections apart from all others, for who asks whether the server answers, and wants to know soon.

        Its transactions say so themselves: the session, which a pool may share, keeps the limits of requests.
        """
        probe = Database(
            self.url,
            limits=self.limits,
            pool_size=PROBE_CONNECTIONS,
            application_name="dairy health",
            connect_timeout=2,
        )
        probe._own_limits = PROBE
        return probe

    @contextmanager
    def transaction(self, *, read_only: bool = False, snapshot: bool = False) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back when anything is raised.

        ``read_only`` refuses writes by the database itself; ``snapshot`` (REPEATABLE READ) lets several
        statements see the same instant. Both travel with BEGIN and cost no round trip.
        Raises the problem ``database_read_only`` when the server takes no writes.
        """
        options: dict[str, Any] = {}
        if read_only:
            options["postgresql_readonly"] = True
        if snapshot:
            options["isolation_level"] = "REPEATABLE READ"
        with Session(self.engine, expire_on_commit=False) as session:
            try:
                session.connection(execution_options=Watch.options(self._first_patience, options))
                if self._own_limits is not None:
                    limit(session, self._own_limits)
                if not read_only:
                    audit.tell_occasion(session)
                yield session
                session.info["committing"] = True
                session.commit()
                for do in session.info.get(_AFTER_COMMIT, ()):
                    do()
            except DBAPIError as error:
                if read_only or sqlstate(error) != READ_ONLY:
                    raise
                session.invalidate()  # of several servers the next connection finds the one that writes
                raise Problem("database_read_only") from error
            except Problem as problem:
                if problem.code == "database_read_only":  # found out by reading
                    session.invalidate()
                raise

    def run(self, work: Callable[[Session], T], *, read_only: bool = False) -> T:
        """Do ``work`` in one transaction; the whole of it again after a deadlock, at most three times.

        Also after a connection broke (the server restarted), unless that was during the commit: whether it
        succeeded is then unknown, and only the caller can ask. Not after it took long already. What
        waits for its turn holds no connection.
        """
        for _ in range(TURNS):
            try:
                return self._run(work, read_only)
            except NotYourTurn as error:
                refusal = error.refusal
                time.sleep(BETWEEN_TURNS)
        raise refusal

    def run_patiently(self, work: Callable[[Session], T]) -> T:
        """The same for work that has the time, and may be done again even when its commit is in doubt.

        While no server takes changes it is waited for, for ``FAILOVER_SECONDS`` since that was seen.
        """
        ends = None
        while True:
            try:
                return self.run(work)
            except (DBAPIError, Problem) as error:
                away = is_away(error) if isinstance(error, DBAPIError) else error.code == "database_read_only"
                ends = ends or time.monotonic() + FAILOVER_SECONDS
                if not away or time.monotonic() > ends:
                    raise
            time.sleep(BETWEEN_LOOKS)

    def _run(self, work: Callable[[Session], T], read_only: bool) -> T:
        began = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            session = None
            try:
                with self.transaction(read_only=read_only) as session:
                    return work(session)
            except DBAPIError as error:
                in_doubt = session is not None and "committing" in session.info
                lost = error.connection_invalidated and not in_doubt
                late = time.monotonic() - began > min(RETRY_SECONDS, self._applied.statement or RETRY_SECONDS)
                if late or attempt == ATTEMPTS or not (lost or sqlstate(error) in RETRYABLE):
                    raise
                time.sleep(random.uniform(0.01, 0.05) * attempt)
        raise AssertionError("unreachable")

    def dispose(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()
        if "probe" in self.__dict__:
            self.probe.dispose()


def _forget_read_only(connection: Any, _record: Any) -> None:
    """After READ ONLY SQLAlchemy leaves READ WRITE behind, which a standby refuses as unknown to it, and which
    overrules a server that was told only to read: the next transaction says neither."""
    if connection is not None and not connection.closed and connection.readonly is False:
        connection.readonly = None


@contextmanager
def driver_cursor(session: Session, statement: str = "COPY", **options: Any) -> Iterator[Any]:
    """A cursor of psycopg2, for what SQLAlchemy does not do: COPY, rows that come in pieces, statements kept ready.

    What fails is raised as SQLAlchemy raises it, with ``statement`` as what was asked.
    """
    connection = session.connection()
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor(**options) as cursor:
            yield cursor
    except psycopg2.Error as error:
        lost = bool(driver.closed)
        if lost:
            connection.invalidate(error)
            connection.engine.dispose()  # the others went the same way
        raise DBAPIError.instance(
            statement, None, error, psycopg2.Error, hide_parameters=True, connection_invalidated=lost,
            dialect=connection.dialect,
        ) from error  # fmt: skip


def limit(session: Session, limits: Limits) -> None:
    """Give the rest of this transaction other limits than its session has."""
    pairs = list(limits.settings().items())
    session.execute(_LIMIT, dict(zip("abcdef", [word for pair in pairs for word in pair], strict=True)))
    session.connection().execution_options(**Watch.options(limits.patience, {}))


def after_commit(session: Session, do: Callable[[], object]) -> None:
    """Have something done once this transaction is committed, that no database undoes: a file deleted.

    Not when the transaction, or the part of it in which this was asked, is undone. ``do`` raises nothing: what it is
    about has happened.
    """
    session.info.setdefault(_AFTER_COMMIT, []).append(do)


@contextmanager
def undone_if_refused(session: Session) -> Iterator[None]:
    """A part of a transaction that is undone when something is raised in it; the rest goes on.

    What else is judged at the commit is judged at its end.
    """
    to_do: list[Callable[[], object]] = session.info.setdefault(_AFTER_COMMIT, [])
    asked_before = len(to_do)
    try:
        with session.begin_nested():
            yield
            session.flush()
            session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    except BaseException:
        del to_do[asked_before:]
        raise
