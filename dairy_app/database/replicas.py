"""Read replicas: what may lag is read there, and nobody sees less than they have seen.

A replica says before each transaction how far it has replayed the primary's log. It is read when that is as far as the
caller's own last write, and no more than ``max_lag`` seconds behind the primary; else the next one is asked, and at
last the primary. Both are judged by the primary's log and the primary's clock: a replica that was cut off cannot
take itself for current, and clocks of several machines are never compared.

A position is a place in the log in bytes from its beginning; people and clients see it as PostgreSQL writes it
(``16/B374D848``). A failure of a replica is never an answer: the primary answers.
"""

import copy
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from typing import Any, TypeVar

import psycopg2
from sqlalchemy import Engine, TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from dairy_app.database.counts import Counts
from dairy_app.database.transactions import RETRYABLE, Database, sqlstate
from dairy_app.database.watch import Watch

#: Seconds within which a server must say where it is, and within which a replica must take a connection.
PATIENCE = 2
#: For so many seconds a replica that failed is not asked; one that is too far behind.
REST, REST_BEHIND = 5.0, 1.0
#: Seconds for which it is good enough to know where the primary was.
FRESH = 0.25
#: After every position there is: with it only the primary is asked.
AHEAD = 2**64 - 1

_POSITION = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
#: A statement that took too long, or a transaction that did nothing for too long, does so on the primary, too.
_ALSO_ON_PRIMARY = {"57014", "25P03"}
#: Why a replica was passed over, and for how long it then rests.
RESTS = {
    "away": REST,
    "not_a_replica": REST,
    "refused": 0.0,
    "busy": 0.0,
    "behind": REST_BEHIND,
    "unseen": 0.0,
    "conflict": 0.0,
    "unsure": 0.0,
}
#: Of these the log tells: somebody must do something, unless it ends by itself.
_TOLD = {"away", "not_a_replica", "refused"}

#: How a server fails; the driver's own error where a connection that broke is given back.
_FAILURES = (DBAPIError, PoolTimeout, psycopg2.Error)

T = TypeVar("T")

#: Where the log ends: nothing that was committed before lies behind it. At the beginning of a page the server names the
#: end of the page's header, which no replica reports before there is a record behind it.
_MARK = text("""
SELECT (SELECT system_identifier FROM pg_control_system()) AS system,
    ('x' || left(pg_walfile_name(at), 8))::bit(32)::int AS timeline,
    ((at - '0/0') - CASE WHEN file_offset = 40 THEN 40
        WHEN file_offset % current_setting('wal_block_size')::int = 24 THEN 24 ELSE 0 END)::bigint AS position,
    extract(epoch FROM clock_timestamp())::float8 AS clock
FROM pg_current_wal_insert_lsn() AS at, pg_walfile_name_offset(at)""")

#: Of a new timeline the walreceiver knows first, but tells only who may read all statistics; the control file follows
#: with a checkpoint.
_STANDING = text("""
SELECT pg_is_in_recovery() AS is_replica, (SELECT system_identifier FROM pg_control_system()) AS system,
    greatest((SELECT timeline_id FROM pg_control_checkpoint()), (SELECT received_tli FROM pg_stat_wal_receiver))
        AS timeline,
    coalesce(pg_last_wal_replay_lsn() - '0/0', 0)::bigint AS position,
    extract(epoch FROM pg_last_xact_replay_timestamp())::float8 AS committed""")


def write_position(position: int) -> str:
    """As PostgreSQL writes a place in its log."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def read_position(written: str | None) -> int:
    """0 when nothing was said; ``AHEAD`` when it is no position: the primary is always right."""
    if not written:
        return 0
    found = _POSITION.fullmatch(written)
    return AHEAD if found is None else (int(found[1], 16) << 32) + int(found[2], 16)


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of the primary's log, and the primary's clock there; ``taken`` when it was asked, by our monotonic clock.

    ``history``: which server's log it is, and since which promotion.
    """

    history: tuple[int, int]
    position: int
    clock: float
    taken: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a replica is: the end of what it has replayed, and the primary's clock at the last commit in that."""

    is_replica: bool
    history: tuple[int, int]
    position: int
    committed: float | None

    def follows(self, mark: Mark) -> bool:
        """Whether it replays that primary's log; not when it was promoted, nor when another was without its knowing."""
        return self.is_replica and self.history == mark.history

    def seconds_behind(self, mark: Mark) -> float:
        """At most so old is what it shows; infinite when it cannot be told."""
        since = time.monotonic() - mark.taken
        if self.position >= mark.position:
            return since
        return inf if self.committed is None else since + max(0.0, mark.clock - self.committed)

    def bytes_behind(self, mark: Mark) -> int:
        """So much of the log it has not replayed yet."""
        return max(0, mark.position - self.position)


class PassedOver(Exception):
    """A replica cannot be asked just now; one of ``RESTS`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Rest:
    """The time for which a replica is not asked. When it is over one request tries, and the others wait for that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0

    def lasts(self) -> bool:
        return time.monotonic() < self._until

    def is_over(self) -> bool:
        with self._lock:
            if self.lasts():
                return False
            if self._until:
                self._until = time.monotonic() + REST
            return True

    def begin(self, seconds: float) -> None:
        with self._lock:
            self._until = time.monotonic() + seconds if seconds else 0.0


class Replica(Database):
    """A standby's pool of connections. Its transactions only read, and begin only when it is far enough for the reader.

    ``transaction`` raises PassedOver.
    """

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, connect_timeout=PATIENCE, **options)
        place = self.url.query.get("host") or self.url.host or "localhost"
        port = self.url.query.get("port") or self.url.port
        #: As logs and figures call it.
        self.name = f"{place}:{port}" if port else str(place)
        self.rest = _Rest()
        self._require: Callable[[Standing], None] = lambda _standing: None

    def for_reader(self, require: Callable[[Standing], None]) -> "Replica":
        """The same pool for a reader who ``require``s something of where it is."""
        other = copy.copy(self)
        other._require = require
        return other

    def standing(self) -> Standing:
        """Where it is, in one round trip."""
        row = _ask(self.engine, _STANDING)
        return Standing(row.is_replica, (row.system, row.timeline), row.position, row.committed)

    @contextmanager
    def transaction(self, *, read_only: bool = False, snapshot: bool = False) -> Iterator[Session]:
        """As of any database, but it is judged first. A snapshot of before would not hold what was replayed since."""
        if not read_only:
            raise ValueError("a replica is only read")
        self._require(self.standing())
        with super().transaction(read_only=True, snapshot=snapshot) as session:
            yield session

    def run(self, work: Callable[[Session], T], *, read_only: bool = False) -> T:
        """Once: what fails here is done again elsewhere."""
        with self.transaction(read_only=read_only) as session:
            return work(session)


class Replicas:
    """The replicas of one primary: which of them a request reads, and how often that was one.

    Opens nothing before the first request and has no thread, so that it may be made before a fork.
    """

    def __init__(self, primary: Database, replicas: Sequence[Replica], max_lag: float) -> None:
        self.max_lag = max_lag
        self.replicas = tuple(replicas)
        self._primary = primary
        self._mark: Mark | None = None
        #: Where the log is told of a replica that is away or none: ``tell(event, **what)``.
        self.tell: Callable[..., object] = lambda *_, **__: None
        passed = [f"{each.name} {reason}" for each in replicas for reason in RESTS]
        self._counts = Counts(["primary", *(each.name for each in replicas), *passed])

    def are_resting(self) -> bool:
        """Whether none of them would be asked."""
        return all(each.rest.lasts() for each in self.replicas)

    def mark(self) -> Mark:
        """Where the primary is, or was a moment ago."""
        known = self._mark
        if known is not None and time.monotonic() - known.taken < FRESH:
            return known
        return self._new_mark()

    def position(self) -> int:
        """A position that has all behind it that was committed on the primary; ``AHEAD`` when that is not to be had."""
        try:
            return self._new_mark().position
        except _FAILURES:
            return AHEAD

    def _new_mark(self) -> Mark:
        taken = time.monotonic()
        row = _ask(self._primary.engine, _MARK)
        self._mark = Mark((row.system, row.timeline), row.position, row.clock, taken)
        return self._mark

    def read(self, work: Callable[[Database], T], *, seen: int = 0, turn: int = 0) -> T:
        """Do ``work``, which only reads, on the first database that may be asked; again on the next when that fails.

        ``seen``: the position that must have been replayed. ``turn``: a number of the reader; the same one begins with
        the same replica, so that what he sees does not jump between one that is further and one that is less far.
        """

        def require(standing: Standing) -> None:
            try:
                mark = self.mark()
            except _FAILURES:
                raise PassedOver("unsure") from None
            if not standing.follows(mark):
                raise PassedOver("not_a_replica")
            if standing.seconds_behind(mark) > self.max_lag:
                raise PassedOver("behind")
            if standing.position < seen:
                raise PassedOver("unseen")

        first = turn % len(self.replicas)
        for replica in (*self.replicas[first:], *self.replicas[:first]):
            if not replica.rest.is_over():
                continue
            try:
                answer = work(replica.for_reader(require))
            except (PassedOver, *_FAILURES) as error:
                reason = _reason(error)
                if reason is None:
                    raise
                replica.rest.begin(RESTS[reason])
                self._counts.add(f"{replica.name} {reason}")
                if reason in _TOLD:
                    said = str(getattr(error, "orig", error)).strip().split("\n")[0]
                    self.tell("replica passed over", replica=replica.name, reason=reason, error=said)
            except Exception:  # the request's own: refused, and rightly
                self._served(replica)
                raise
            else:
                self._served(replica)
                return answer
        self.served_by_primary()
        return work(self._primary)

    def _served(self, replica: Replica) -> None:
        replica.rest.begin(0)
        self._counts.add(replica.name)

    def served_by_primary(self) -> None:
        """Count a read that might have been a replica's."""
        self._counts.add("primary")

    def served(self) -> dict[str, int]:
        """How many reads that may lag each server answered, ``primary`` among them."""
        totals = self._counts.totals()
        return {name: totals[name] for name in ("primary", *(each.name for each in self.replicas))}

    def passed_over(self) -> dict[tuple[str, str], int]:
        """How often each replica was passed over, by reason."""
        totals = self._counts.totals()
        names = ((each.name, reason) for each in self.replicas for reason in RESTS)
        return {pair: totals[" ".join(pair)] for pair in names}

    def standings(self) -> tuple[Mark, dict[str, Standing | None]]:
        """Where the primary was just now, and where each replica is; None for one that does not say or is none."""
        mark, found = self._new_mark(), dict[str, Standing | None]()
        for each in self.replicas:
            found[each.name] = None
            with suppress(*_FAILURES):
                standing = each.standing()
                found[each.name] = standing if standing.follows(mark) else None
        return mark, found

    def dispose(self) -> None:
        """Close the pooled connections of the replicas."""
        for each in self.replicas:
            each.dispose()


def _ask(engine: Engine, statement: TextClause) -> Any:
    """The one row of a statement, soon, and in one round trip: the driver is told to begin no transaction.

    SQLAlchemy's own AUTOCOMMIT would set and reset what a transaction is by default, and lets through what fails then.
    """
    with engine.connect() as connection:
        driver: Any = connection.execution_options(**Watch.options(PATIENCE, {})).connection.driver_connection
        driver.isolation_level = None  # after a snapshot it is said with each BEGIN, and would be set here
        driver.autocommit = True
        try:
            return connection.execute(statement).one()
        finally:
            if not driver.closed:
                driver.autocommit = False


def _reason(error: Exception) -> str | None:
    """Why a replica is passed over; None for what the primary would not do better."""
    if isinstance(error, PassedOver):
        return error.reason
    if isinstance(error, PoolTimeout):
        return "busy"
    if not isinstance(error, DBAPIError):  # the driver's own, when a connection that broke is given back
        return "away"
    state = sqlstate(error)
    if state in RETRYABLE:  # what it was reading was removed by what it had to replay
        return "conflict"
    if state in _ALSO_ON_PRIMARY:
        return None
    if error.connection_invalidated or state is None or state.startswith(("08", "53", "57P")):
        return "away"
    return "refused"
