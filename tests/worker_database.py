"""The database of a test process: emptied between tests, and given back what set-ups left in it before.

Most of a test's time would be set-up: the same admin, the same customer, the same order, over HTTP, again and
again. The rows that a set-up leaves depend only on the rows before it, on what is asked and on the clock; so
they are kept, and the next test that asks for the same set-up from the same start gets the same rows.

Nothing is given back unless the database is known to hold exactly what it held then: every transaction that
writes takes a number of the server's, and when one was taken since, set-ups are done for real until the
database is emptied. So a kept set-up never hides what a test did by itself.
"""

import copy
import io
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg2
from sqlalchemy import make_url

from dairy_app.database.addresses import normalise_url

if TYPE_CHECKING:
    from tests.conftest import Server

#: What a test could change besides rows: when it differs from the template's, the database is cloned anew.
STRUCTURE = """
SELECT count(*), sum(hashtextextended(thing, 0)) FROM (
    SELECT concat_ws(' ', 'relation', relname, relkind, reloptions) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid, tgname, tgenabled) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', 'function', oid, xmin) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'constraint', oid, xmin) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'column', attrelid, attname, attnotnull, atttypid) FROM pg_attribute
        WHERE attrelid >= 16384 AND attnum > 0
    UNION ALL SELECT concat_ws(' ', 'default', oid, xmin) FROM pg_attrdef
    UNION ALL SELECT concat_ws(' ', 'type', oid, xmin) FROM pg_type WHERE typnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'extension', extname) FROM pg_extension
    UNION ALL SELECT concat_ws(' ', 'statistics', stxname) FROM pg_statistic_ext
    UNION ALL SELECT concat_ws(' ', 'policy', polname) FROM pg_policy
    UNION ALL SELECT concat_ws(' ', 'setting', setconfig) FROM pg_db_role_setting
) AS things (thing)"""

#: Of each of these catalogues how many rows there are and how new the newest is: no row comes, goes or changes without
#: one of them. Half the work of the question above, which is asked only where the answer to this one is new.
MARKS = " UNION ALL ".join(
    f"SELECT {number}, count(*), min(age({catalogue}.xmin) - age('3'::xid)) FROM {catalogue} {where}"
    for number, (catalogue, where) in enumerate(
        {
            "pg_class": "WHERE relnamespace = 'public'::regnamespace",
            "pg_trigger": "",
            "pg_proc": "WHERE pronamespace = 'public'::regnamespace",
            "pg_constraint": "WHERE connamespace = 'public'::regnamespace",
            "pg_attribute": "WHERE attrelid >= 16384 AND attnum > 0",
            "pg_attrdef": "",
            "pg_type": "WHERE typnamespace = 'public'::regnamespace",
            "pg_extension": "",
            "pg_statistic_ext": "",
            "pg_policy": "",
            "pg_db_role_setting": "",
        }.items()
    )
)

#: Ends whoever works in the database.
END_THE_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IS DISTINCT FROM 'idle'"""

#: Changes with every transaction that writes, on the whole server; lists those that are at it.
WRITERS = "SELECT pg_current_snapshot()::text"

#: How long a chain of set-ups may become: reading all rows after each of a hundred would cost more than it saves.
LONGEST = 30

Sequences = dict[str, tuple[int, bool]]


@dataclass
class State:
    """What the database holds after a chain of set-ups, and what was made on top of it."""

    rows: dict[str, bytes]
    sequences: Sequences
    depth: int = 0
    #: What the last set-up answered, as ``copy.deepcopy`` leaves it.
    answer: Any = None
    made: "dict[Hashable, State]" = field(default_factory=dict)


def psycopg_dsn(url: str) -> str:
    """The same URL as psycopg2 itself reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class WorkerDatabase:
    """One database of a test process; on slow disks a clone for each test costs ten times as much.

    Rows go by DELETE with triggers off; what the migrations seeded, or a set-up left, comes back by COPY.
    """

    def __init__(self, server: "Server", template: str) -> None:
        self.server, self.template = server, template
        self.url = normalise_url(server.create_database(template)).render_as_string(hide_password=False)
        #: Kept: a new session would first have to read about every table it empties, for most of the time it takes.
        self.session = psycopg2.connect(psycopg_dsn(self.url))
        self.session.autocommit = True
        self.cursor = self.session.cursor()
        self._ask("SET session_replication_role = replica")
        relations = "FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind"
        self.tables = [name for (name,) in self._ask(f"SELECT relname {relations} = 'r' ORDER BY 1")]
        self.sequences = [name for (name,) in self._ask(f"SELECT relname {relations} = 'S' ORDER BY 1")]
        filled = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM {quoted(name)})" for name in self.tables)
        stands = (f"SELECT '{name}', last_value, is_called FROM {quoted(name)}" for name in self.sequences)
        self._ask("PREPARE filled AS " + " UNION ALL ".join(filled))
        self._ask("PREPARE stands AS " + " UNION ALL ".join(stands))
        self._ask("PREPARE structure AS " + STRUCTURE)
        self._ask("PREPARE marks AS " + MARKS)
        self._ask("PREPARE end_the_others AS " + END_THE_OTHERS)
        self._marks, self.structure = self._ask("EXECUTE marks"), self._ask("EXECUTE structure")
        #: What the database holds now; None when nobody knows.
        self.here: State | None = None
        self._writers = ""
        self.seeds = self._read(0)

    def clean(self) -> str:
        """The URL of the database as the migrations left it."""
        try:
            if self._is_as_kept() or self._is_sound():
                self._become(self.seeds)
                return self.url
        except psycopg2.Error:
            pass  # a test replaced or broke it: made anew below
        self.drop()
        self.__init__(self.server, self.template)  # type: ignore[misc]
        self._become(self.seeds)
        return self.url

    def drop(self) -> None:
        self.session.close()
        self.server.drop_database(self.url)

    def keep(
        self, asked: Hashable, build: Callable[[], Any], put_aside: dict[int, Any], brought_back: dict[int, Any]
    ) -> Any:
        """What ``build()`` answers and leaves, or the same again when ``asked`` was built from here before.

        The memos of ``copy.deepcopy``: what the answer refers to without its being part of it is replaced by
        ``put_aside`` when it is kept, and by ``brought_back`` becomes what stands in its place now.
        """
        start = self.here if self._is_as_kept() else None
        if start is None or start.depth >= LONGEST:
            return build()
        if asked not in start.made:
            answer = build()
            self.here = self._read(start.depth + 1)
            self.here.answer = copy.deepcopy(answer, put_aside)
            start.made[asked] = self.here
            return answer
        self._become(start.made[asked])
        return copy.deepcopy(start.made[asked].answer, brought_back)

    def _ask(self, statement: str) -> list[Any]:
        self.cursor.execute(statement)
        return self.cursor.fetchall() if self.cursor.description else []

    def _is_as_kept(self) -> bool:
        """Nobody wrote since the state was known, nobody is about to."""
        try:
            return self.here is not None and self._ask(WRITERS)[0][0] == self._writers
        except psycopg2.Error:  # a test ended this session, or the server
            return False

    def _is_sound(self) -> bool:
        """Nobody works in it any more, and nobody changed more than rows."""
        self.here = None
        self._ask("EXECUTE end_the_others")
        marks = self._ask("EXECUTE marks")
        if marks != self._marks and self._ask("EXECUTE structure") != self.structure:
            return False
        self._marks = marks
        return True

    def _read(self, depth: int) -> State:
        """The state that the database is in."""
        ((writers,),) = self._ask(WRITERS)
        rows = {}
        for (table,) in self._ask("EXECUTE filled"):
            rows[table] = self._rows_of(table)
        sequences = {name: (last, called) for name, last, called in self._ask("EXECUTE stands")}
        self._writers = writers
        return State(rows, sequences, depth)

    def _rows_of(self, table: str) -> bytes:
        text = io.BytesIO()
        self.cursor.copy_expert(f"COPY {quoted(table)} TO STDOUT", text)
        return text.getvalue()

    def _held(self, state: State) -> dict[str, bytes | None]:
        """What each table holds, where nobody knows what all hold; None: something that the state has no rows for."""
        held: dict[str, bytes | None] = dict.fromkeys(self.tables, b"")
        for (table,) in self._ask("EXECUTE filled"):
            held[table] = self._rows_of(table) if table in state.rows else None
        return held

    def _become(self, state: State) -> None:
        """Bring the database from where it is into a state."""
        before, self.here = self.here, None
        if before is state:
            self.here = state
            return
        held = {name: before.rows.get(name, b"") for name in self.tables} if before else self._held(state)
        statements, copies = ["BEGIN"], []
        for name in self.tables:
            wanted, has = state.rows.get(name, b""), held[name]
            if has is None or not wanted.startswith(has):
                statements.append(f"DELETE FROM {quoted(name)}")
                has = b""
            if len(wanted) > len(has):
                copies.append((name, wanted[len(has) :]))
        for name, (last, called) in state.sequences.items():
            if before is None or before.sequences[name] != (last, called):
                statements.append(f"SELECT setval('{quoted(name)}', {last}, {called})")
        self._ask(";".join(statements))
        for name, rows in copies:
            self.cursor.copy_expert(f"COPY {quoted(name)} FROM STDIN", io.BytesIO(rows))
        ((self._writers,),) = self._ask(f"COMMIT; {WRITERS}")
        self.here = state
