"""Orders moved between the tables of the daily work and the archive, in sets.

A move holds all tables concerned: nobody else writes to either side until it is committed. Triggers are off meanwhile,
which only the owner of the tables may do: nothing is placed, delivered or changed by a move, so nobody is told of it,
and nothing is counted again. Foreign keys stay on.
"""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.archiving.models import ArchivedDay, ArchivedLinkEvent
from dairy_app.archiving.queries import ARCHIVE, AT_WORK, Place, Sums
from dairy_app.database.models import Base

#: Only one at a time moves orders ("archive" in ASCII).
_MOVING = 0x61726368697665

#: As everybody else who needs both locks them: first what is at work.
_TABLES = [
    *(AT_WORK.orders, AT_WORK.items, AT_WORK.statuses, ARCHIVE.orders, ARCHIVE.items, ARCHIVE.statuses),
    *(ArchivedLinkEvent.__tablename__, ArchivedDay.__tablename__),
]


def _columns(table: str) -> str:
    """The columns that are stored as they are given."""
    return ", ".join(each.name for each in Base.metadata.tables[table].columns if each.computed is None)


# ------------------------------------------------------------------------------------------------ the tables


def begin(session: Session) -> None:
    """Begin a move: wait for the tables, for two seconds at most, and turn their triggers off until ``end``."""
    session.execute(text("SET LOCAL lock_timeout = '2s'"))
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MOVING})
    session.execute(text(f"LOCK TABLE {', '.join(_TABLES)} IN SHARE ROW EXCLUSIVE MODE"))
    session.execute(text("; ".join(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in _TABLES)))


def end(session: Session) -> None:
    """End a move."""
    session.execute(text("; ".join(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in _TABLES)))


# ----------------------------------------------------------------------------------------------- the move


def copy(session: Session, origin: Place, target: Place, ids: Sequence[UUID]) -> None:
    """Write orders with all that belongs to them to the other place, column by column."""
    pairs = (
        (origin.orders, target.orders, "id"),
        (origin.items, target.items, "order_id"),
        (origin.statuses, target.statuses, "order_id"),
    )
    for source, into, key in pairs:
        columns = _columns(source)
        copied = text(f"INSERT INTO {into} ({columns}) SELECT {columns} FROM {source} WHERE {key} = ANY (:ids)")
        session.execute(copied, {"ids": list(ids)})


def delete(session: Session, place: Place, ids: Sequence[UUID]) -> None:
    """Take them away where they were."""
    for table, key in ((place.statuses, "order_id"), (place.items, "order_id"), (place.orders, "id")):
        session.execute(text(f"DELETE FROM {table} WHERE {key} = ANY (:ids)"), {"ids": list(ids)})


def keep_events(session: Session, ids: Sequence[UUID]) -> None:
    """Note which events of links were about orders: with the order goes what the event says of it."""
    noted = """INSERT INTO archived_link_events (event_id, order_id)
        SELECT e.id, e.order_id FROM shared_link_events e WHERE e.order_id = ANY (:ids)"""
    session.execute(text(noted), {"ids": list(ids)})


def restore_events(session: Session, ids: Sequence[UUID]) -> None:
    """Let them say it again."""
    said = """WITH noted AS (DELETE FROM archived_link_events WHERE order_id = ANY (:ids) RETURNING event_id, order_id)
        UPDATE shared_link_events e SET order_id = n.order_id FROM noted n WHERE e.id = n.event_id"""
    session.execute(text(said), {"ids": list(ids)})


# ----------------------------------------------------------------------------------------------- the proof

#: An order more or less is one XOR: what was archived before is not read again, and no change of it is hidden.
_MORE = """
INSERT INTO archived_days AS d (day, orders, items, statuses, amount, digest)
VALUES (:day, :orders, :items, :statuses, :amount, CAST(:digest AS bit(256)))
ON CONFLICT (day) DO UPDATE SET orders = d.orders + EXCLUDED.orders, items = d.items + EXCLUDED.items,
    statuses = d.statuses + EXCLUDED.statuses, amount = d.amount + EXCLUDED.amount,
    digest = d.digest # EXCLUDED.digest, archived_at = now()"""
_LESS = """
UPDATE archived_days SET orders = orders - :orders, items = items - :items, statuses = statuses - :statuses,
    amount = amount - :amount, digest = digest # CAST(:digest AS bit(256)) WHERE day = :day"""


def write_more(session: Session, sums: Sequence[Sums]) -> None:
    """Write down, by day, what came into the archive."""
    session.execute(text(_MORE), [asdict(each) for each in sums])


def write_less(session: Session, sums: Sequence[Sums]) -> None:
    """Write down what left it. Of a day that has all left, nothing is kept unless something is wrong with it."""
    session.execute(text(_LESS), [asdict(each) for each in sums])
    session.execute(
        text(
            "DELETE FROM archived_days WHERE day = ANY (:days) AND orders = 0 AND digest = repeat('0', 256)::bit(256)"
        ),
        {"days": [each.day for each in sums]},
    )
