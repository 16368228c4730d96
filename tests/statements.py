"""What a piece of work asks of the database: how many statements, and which."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from dairy_app.database.transactions import Database

#: What a small table is read by though an index is there.
BY_INDEX = ("seqscan", "bitmapscan", "sort", "incremental_sort")


class Statements(list[tuple[str, Any]]):
    """The statements sent, each with its parameters, in order; BEGIN and COMMIT are not among them."""

    def plan(self, database: Database, containing: str, *, off: Sequence[str] = ()) -> str:
        """PostgreSQL's plan of the last statement that contains a text; ``off``: what it shall do without.

        Without ``BY_INDEX`` a plan for a few rows is the one for many.
        """
        statement, parameters = [each for each in self if containing in each[0]][-1]
        with database.transaction(read_only=True) as session:
            for other in off:
                session.execute(text(f"SET LOCAL enable_{other} = off"))
            rows = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
            return "\n".join(row[0] for row in rows)


@contextmanager
def count_statements(database: Database) -> Iterator[Statements]:
    """``with count_statements(app.database) as sent: …; len(sent)``."""
    sent = Statements()

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
