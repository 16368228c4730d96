"""What a piece of work asks of the database: how many statements, and which."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from dairy_app.database.transactions import Database

#: What a small table is read by though an index is there.
BY_INDEX = ("seqscan", "bitmapscan", "sort", "incremental_sort")


#: The tables of the indexes of a test as nobody has analyzed them: many rows, and nothing known about their columns.
#: Else autovacuum, which may have passed or not, would tell the planner of a table of no rows that all ways are equal.
_AS_NEW = (
    text("""
UPDATE pg_class SET relpages = 0, reltuples = -1
WHERE oid IN (SELECT n.indrelid FROM pg_index n WHERE n.indexrelid::regclass::text = ANY (:among))"""),
    text("""
DELETE FROM pg_statistic
WHERE starelid IN (SELECT n.indrelid FROM pg_index n WHERE n.indexrelid::regclass::text = ANY (:among))"""),
)

_OTHERS = text("""
SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid IN (SELECT n.indrelid FROM pg_index n WHERE n.indexrelid::regclass::text = ANY (:among))
    AND c.relname <> ALL (:among) AND NOT i.indisunique
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)""")


class Statements(list[tuple[str, Any]]):
    """The statements sent, each with its parameters, in order; BEGIN and COMMIT are not among them."""

    def plan(
        self, database: Database, containing: str, *, off: Sequence[str] = (), among: Sequence[str] | None = None
    ) -> str:
        """PostgreSQL's plan of the last statement that contains a text; ``off``: what it shall do without.

        Without ``BY_INDEX`` a plan for a few rows is the one for many. ``among``: of the tables of these indexes no
        other is there for a moment, but those of keys, and no statistics: for a few rows all would do, and chance
        would choose.
        """
        statement, parameters = [each for each in self if containing in each[0]][-1]
        with database.transaction() as session:
            for other in off:
                session.execute(text(f"SET LOCAL enable_{other} = off"))
            if among is not None:
                for forget in _AS_NEW:
                    session.execute(forget, {"among": list(among)})
                for other in session.scalars(_OTHERS, {"among": list(among)}).all():
                    session.execute(text(f"DROP INDEX {other}"))
            rows = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
            plan = "\n".join(row[0] for row in rows)
            session.rollback()
        return plan


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
