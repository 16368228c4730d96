"""The structure of a database as lines of text, and what differs between two of them.

``alembic check`` compares tables and columns, but sees no CHECK, no EXCLUDE, no partial predicate, no trigger
and no function: the things this product's guarantees consist of. So PostgreSQL itself is asked for every
definition, once in a database built by the revisions and once in one built from the models.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path
from secrets import token_hex

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import ProgrammingError

from dairy_app.database.migrations import connect

#: "kind name" → definition, for example "check orders.ck_orders_…" → "CHECK (…)".
Structure = dict[str, str]
#: How much is shown of a function that differs.
MAX_LINES = 20

_QUERY = (Path(__file__).parent / "structure.sql").read_text(encoding="utf-8")


def read(connection: Connection) -> Structure:
    """The definition of everything in the schema ``public``; what counts is written in ``structure.sql``."""
    connection.execute(text("SELECT set_config('search_path', 'public', true)"))
    return {row[0]: row[1] for row in connection.exec_driver_sql(_QUERY)}


def read_from(url: str) -> Structure:
    """``read`` over a connection of its own."""
    with connect(url) as connection:
        return read(connection)


def differences(one: Structure, one_is: str, other: Structure, other_is: str) -> list[str]:
    """One paragraph of plain text for each thing that is only in one of the two, or not the same in both."""
    found = []
    for name in sorted(one.keys() | other.keys()):
        if name not in other:
            found.append(f"only in {one_is}: {name}\n    {_one_line(one[name])}")
        elif name not in one:
            found.append(f"only in {other_is}: {name}\n    {_one_line(other[name])}")
        elif one[name] != other[name]:
            found.append(f"differs: {name}\n{_both(one[name], one_is, other[name], other_is)}")
    return found


def _one_line(definition: str) -> str:
    first, *rest = definition.splitlines() or [""]
    return f"{first} …" if rest else first


def _both(one: str, one_is: str, other: str, other_is: str) -> str:
    if "\n" not in one + other:
        width = max(len(one_is), len(other_is)) + 1
        return f"    {one_is + ':':<{width}} {one}\n    {other_is + ':':<{width}} {other}"
    changes = unified_diff(one.splitlines(), other.splitlines(), one_is, other_is, lineterm="", n=0)
    lines = [line.rstrip() for line in changes if not line.startswith("@@")]
    shown = lines[:MAX_LINES] + [f"… and {len(lines) - MAX_LINES} lines more"] * (len(lines) > MAX_LINES)
    return "\n".join(f"    {line}" for line in shown)


class NoScratchDatabase(RuntimeError):
    """The role of the URL may not create the databases that a comparison needs."""


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """An empty database on the same server, dropped at the end; gives its URL."""
    name = f"dairy_scratch_{token_hex(6)}"
    with connect(url, autocommit=True) as connection:
        try:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
        except ProgrammingError as error:
            raise NoScratchDatabase(
                f"cannot create a scratch database on this server ({str(error.orig).strip()}): "
                "use a role that has CREATEDB, or run the check against a development server"
            ) from error
        try:
            yield make_url(url).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
