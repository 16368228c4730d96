"""Archiving months, bringing them back, and proving what is there."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dairy_app.archiving import bulk, queries
from dairy_app.archiving.queries import ARCHIVE, AT_WORK, Place, Sums
from dairy_app.business.queries import business_settings, today
from dairy_app.common.errors import Problem
from dairy_app.database.transactions import Database, sqlstate

#: Somebody else holds a table that is to be moved from: a long report, a billing run. How often it is tried, and after
#: how many seconds.
BUSY = "55P03"
TRIES, BETWEEN_TRIES = 60, 2.0

ONE_DAY = timedelta(days=1)
#: For so long orders of days that are over are still made (``dairy orders generate``), and confirmed.
STILL_AT_WORK = timedelta(days=31)

T = TypeVar("T")


class Differs(Exception):
    """A copy was not what it was copied from: nothing was moved."""


@dataclass(slots=True)
class Moved:
    """What became of the orders of one planned day."""

    day: date
    orders: int = 0
    items: int = 0
    statuses: int = 0
    #: Rupees of what was delivered.
    amount: Decimal = Decimal(0)
    #: How many stay where they are, by reason.
    kept: Counter[str] = field(default_factory=Counter)

    def count(self, sums: Sequence[Sums]) -> None:
        """Add what some orders come to."""
        for each in sums:
            self.orders += each.orders
            self.items += each.items
            self.statuses += each.statuses
            self.amount += each.amount

    def add(self, other: "Moved") -> None:
        """Add what became of others of the same day."""
        self.orders += other.orders
        self.items += other.items
        self.statuses += other.statuses
        self.amount += other.amount
        self.kept += other.kept


def archive(database: Database, before: date, told: Callable[[Moved], None] = lambda _: None) -> list[Moved]:
    """Archive the orders that were planned before a first of a month; ``told`` hears of each day.

    The books must be closed through the day before, which is a month ago. What waits, stands on a draft, or has a
    photo, containers, a change request or an imported bill pointing to it, stays. Cut short, it is run again, and goes
    on. Raises ``Differs`` when a copy is not what was copied.
    """
    _in_turn(database, partial(_close, before=before))
    with database.transaction(read_only=True) as session:
        days = queries.days_of(session, AT_WORK, None, before)
    return [_day_moved(database, day, partial(_archive_batch, before=before), told) for day in days]


def preview(database: Database, before: date) -> list[Moved]:
    """What ``archive`` would do, day by day."""
    found = []
    with database.transaction(read_only=True) as session:
        for day in queries.days_of(session, AT_WORK, None, before):
            moved, after = Moved(day), None
            while ids := queries.window(session, AT_WORK, day, after):
                after = ids[-1]
                judged = queries.judge(session, ids, before)
                moved.count(queries.sums_of(session, AT_WORK, [row.id for row in judged if row.kept is None]))
                moved.kept += Counter(row.kept for row in judged if row.kept is not None)
            found.append(moved)
    return found


def bring_back(database: Database, first: date, told: Callable[[Moved], None] = lambda _: None) -> list[Moved]:
    """Bring back what was planned from a first of a month on. Cut short, it is run again, and goes on.

    Orders may be added to these months again, and their books opened, when all is back.
    """
    with database.transaction(read_only=True) as session:
        days = queries.days_of(session, ARCHIVE, first, None)
    moved = [_day_moved(database, day, _restore_batch, told) for day in days]
    _in_turn(database, partial(_reopen, first=first))
    return moved


def verify(database: Database, told: Callable[[date], None] = lambda _: None) -> list[date]:
    """The days that are not what was archived of them; ``told`` hears of each day that was looked at."""
    with database.transaction(read_only=True) as session:
        days = sorted({*queries.written_days(session), *queries.days_of(session, ARCHIVE, None, None)})
    wrong = []
    for day in days:
        with database.transaction(read_only=True, snapshot=True) as session:
            if queries.held_of(session, day) != queries.written_of(session, day):
                wrong.append(day)
        told(day)
    return wrong


# ------------------------------------------------------------------------------------------- the boundary


def _close(session: Session, before: date) -> None:
    """No order is added any more before a day."""
    settings, last = business_settings(session), before - ONE_DAY
    if before > today(session) - STILL_AT_WORK:
        raise Problem("archived", f"Orders of {last} can still be made and confirmed: archive them a month later.")
    if settings.books_closed_through is None or settings.books_closed_through < last:
        raise Problem("archived", f"Close the books through {last} first: what is archived does not change any more.")
    if settings.archived_before is None or settings.archived_before < before:
        settings.archived_before = before


def _reopen(session: Session, first: date) -> None:
    settings = business_settings(session)
    if settings.archived_before is not None and settings.archived_before > first:
        settings.archived_before = first if queries.days_of(session, ARCHIVE, None, first) else None


# ------------------------------------------------------------------------------------------------- a day


def _day_moved(
    database: Database,
    day: date,
    batch: Callable[..., tuple[UUID | None, Moved]],
    told: Callable[[Moved], None],
) -> Moved:
    moved, after = Moved(day), None
    while True:
        after, part = _in_turn(database, partial(batch, day=day, after=after))
        moved.add(part)
        if after is None:
            break
    told(moved)
    return moved


def _in_turn(database: Database, work: Callable[[Session], T]) -> T:
    """One move: again while somebody else holds a table, who is never kept waiting for more than two seconds."""

    def move(session: Session) -> T:
        bulk.begin(session)
        done = work(session)
        bulk.end(session)
        return done

    for _ in range(TRIES):
        try:
            return database.run_patiently(move)
        except DBAPIError as error:
            if sqlstate(error) != BUSY:
                raise
            refusal = error
        time.sleep(BETWEEN_TRIES)
    raise refusal


def _archive_batch(session: Session, day: date, after: UUID | None, before: date) -> tuple[UUID | None, Moved]:
    """Archive the next orders of a day; where to go on, None at its end."""
    moved = Moved(day)
    ids = queries.window(session, AT_WORK, day, after)
    if not ids:
        return None, moved
    judged = queries.judge(session, ids, before)
    moved.kept += Counter(row.kept for row in judged if row.kept is not None)
    going = [row.id for row in judged if row.kept is None]
    if going:
        bulk.write_more(session, _copied(session, AT_WORK, ARCHIVE, going, moved))
        bulk.keep_events(session, going)
        bulk.delete(session, AT_WORK, going)
    return ids[-1], moved


def _restore_batch(session: Session, day: date, after: UUID | None) -> tuple[UUID | None, Moved]:
    moved = Moved(day)
    ids = queries.window(session, ARCHIVE, day, after)
    if not ids:
        return None, moved
    going = queries.with_extras(session, ids)
    bulk.write_less(session, _copied(session, ARCHIVE, AT_WORK, going, moved))
    bulk.restore_events(session, going)
    bulk.delete(session, ARCHIVE, going)
    return ids[-1], moved


def _copied(session: Session, origin: Place, target: Place, ids: list[UUID], moved: Moved) -> Sequence[Sums]:
    """Copy orders and compare; by planned day what was copied."""
    sums = queries.sums_of(session, origin, ids)
    bulk.copy(session, origin, target, ids)
    if queries.sums_of(session, target, ids) != sums:
        raise Differs("a copy is not what it was copied from; nothing of this step was kept")
    moved.count(sums)
    return sums
