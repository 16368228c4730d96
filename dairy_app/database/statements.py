"""Statements of the paths that every request takes: put together once, then run by the driver itself.

SQLAlchemy finds the text of a statement anew each time it is run, and makes a result of it that can do more than is
wanted: for a lookup by a key that takes several times as long as sending and reading it.
"""

from collections import namedtuple
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Select, TextClause, text
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.orm import Session

from dairy_app.database.transactions import driver_cursor

_DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call]


class Found(SimpleNamespace):
    """A row; its columns are attributes."""


_ROOM_TO_SUM = text("SELECT set_config('work_mem', '64MB', true)")


def room_to_sum(session: Session) -> None:
    """Let the rest of the transaction sum a hundred thousand customers in memory: with the usual 4 MB it is on disk."""
    session.execute(_ROOM_TO_SUM)


@cache
def _tuple_of(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names)


def named_rows(session: Session, select: Select[Any]) -> list[Any]:
    """The rows of a SELECT as named tuples, for who asks each of them many things: a Row takes five times as long."""
    result = session.execute(select)
    return [*map(_tuple_of(tuple(result.keys()))._make, result)]


class Statement:
    """A SELECT, or a call of a function, that is run again and again.

    Values go and come as psycopg2 knows them. For all else it is as any other statement: what the session has to
    write is written first, listeners of the engine hear of it, and what fails is raised in the same way.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]] | TextClause) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.text = str(compiled)
        self._known = {name: value for name, value in compiled.params.items() if value is not None}
        self._wanted = frozenset(compiled.params) - frozenset(self._known)

    def execute(self, session: Session, parameters: Mapping[str, Any]) -> list[Found]:
        """All rows, with the columns as attributes. ``parameters``: all that have no value in the statement."""
        names, rows = self._run(session, parameters)
        return [Found(**dict(zip(names, values, strict=True))) for values in rows]

    def named_rows(self, session: Session, parameters: Mapping[str, Any]) -> list[Any]:
        """The same as named tuples: many rows are read sooner. Flask would take one for body, status and headers."""
        names, rows = self._run(session, parameters)
        return [*map(_tuple_of(names)._make, rows)]

    def _run(self, session: Session, parameters: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        assert self._wanted <= parameters.keys(), f"missing: {self._wanted - parameters.keys()}"
        session.flush()
        connection = session.connection()
        given = {**self._known, **parameters}
        with driver_cursor(session, self.text) as cursor:
            connection.dispatch.before_cursor_execute(connection, cursor, self.text, given, None, False)
            try:
                cursor.execute(self.text, given)
            finally:
                connection.dispatch.after_cursor_execute(connection, cursor, self.text, given, None, False)
            return tuple(column.name for column in cursor.description), cursor.fetchall()
