"""Functions, triggers and views, and how they get into a database.

Each is in a file ``<package>/sql/<its name>.sql``; the triggers that call a function are in the file of the function.
The head of a file says why it exists, and may say:

* ``-- before the tables``: a column's default or a constraint calls it;
* ``-- refuses <name>: <error code>``: a trigger raises with this name, a client gets that code.

``-- include <name>`` stands for the text of ``<name>.include.sql``. Files are run in the order in which they name each
other, so nothing lists them. The migrations carry frozen copies; ``dairy db check`` builds one database each way and
compares them word by word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from dairy_app.common.functions import pinned
from dairy_app.database.constraints import TRIGGER_CODES
from dairy_app.database.models import Base

_PRODUCT = Path(__file__).parent.parent
_BEFORE_THE_TABLES = "-- before the tables\n"
_REFUSES = re.compile(r"^-- refuses (\w+): (\w+)$", re.MULTILINE)
#: With the line's end, where a comma goes on.
_INCLUDE = re.compile(r"-- include (\w+)(?:\n(?=,))?")
_HEAD = re.compile(r"\A(?:--.*\n)*")
_MADE = re.compile(r"^CREATE (?:FUNCTION|VIEW|AGGREGATE) (\w+)", re.MULTILINE)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class SqlFile:
    """The SQL of one object: its package, its statements without the head, and the error codes it refuses with."""

    package: str
    name: str
    sql: str
    before_tables: bool = False
    codes: dict[str, str] = field(default_factory=dict)

    @property
    def made(self) -> frozenset[str]:
        """The functions and views that the file makes."""
        return frozenset(_MADE.findall(self.sql))


def read(path: Path) -> SqlFile:
    """One file, with what it includes."""
    text = path.read_text(encoding="utf-8")
    head = _HEAD.match(text)
    assert head is not None, "an empty head matches too"
    body = _INCLUDE.sub(lambda found: _included(path, found[1]), text[head.end() :])
    return SqlFile(
        path.parent.parent.name, path.stem, body, _BEFORE_THE_TABLES in head[0], dict(_REFUSES.findall(head[0]))
    )


def _included(path: Path, name: str) -> str:
    text = path.with_name(f"{name}.include.sql").read_text(encoding="utf-8")
    return _HEAD.sub("", text).rstrip("\n")


@cache
def files() -> tuple[SqlFile, ...]:
    """Every file of every package, each after those it names."""
    paths = sorted(path for path in _PRODUCT.glob("*/sql/*.sql") if not path.name.endswith(".include.sql"))
    found = {(each.package, each.name): each for each in map(read, paths)}
    makers = {name: key for key, each in found.items() for name in each.made}
    needs = {
        key: sorted({makers[word] for word in _WORD.findall(each.sql) if word in makers} - {key})
        for key, each in found.items()
    }
    return tuple(found[key] for key in TopologicalSorter(needs).static_order())


def attach(made_of_tables: Iterator[SqlFile] | None = None) -> None:
    """Have ``Base.metadata.create_all`` make the functions, triggers and views too, and know their error codes.

    ``made_of_tables``: what cannot be a file because it follows from the columns of tables; after everything else.
    """
    for each in (*files(), *(made_of_tables or ())):
        TRIGGER_CODES.update(each.codes)
        _attach("before_create" if each.before_tables else "after_create", each.sql)


def _attach(moment: str, sql: str) -> None:
    @event.listens_for(Base.metadata, moment)
    def run(_target: Any, connection: Connection, **_: Any) -> None:
        connection.exec_driver_sql(pinned(sql).replace("%", "%%"))  # the driver reads % as a parameter
