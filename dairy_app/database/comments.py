"""What each table and column means, in the database too: from the docstrings and the ``#:`` lines of the models.

So ``\\d+ orders`` in psql says what the code says, and ``dairy db check`` sees when they part. Whoever changes such a
line writes a revision with what ``statements`` gives for it.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase


def attach(base: type[DeclarativeBase]) -> MetaData:
    """The tables of all models, each with its comments."""
    for mapper in base.registry.mappers:
        table = base.metadata.tables[mapper.class_.__tablename__]
        table.comment = " ".join((inspect.getdoc(mapper.class_) or "").split("\n\n")[0].split())
        for name, said in _lines_above_columns(mapper.class_):
            table.columns[name].comment = said
    return base.metadata


def statements(metadata: MetaData) -> list[str]:
    """``COMMENT ON`` for every table and column that has one, by name."""
    found = []
    for table in sorted(metadata.tables.values(), key=lambda each: each.name):
        if table.comment:
            found.append(f"COMMENT ON TABLE {table.name} IS {_quoted(table.comment)};")
        commented = [column for column in table.columns if column.comment]
        found += [f"COMMENT ON COLUMN {table.name}.{each.name} IS {_quoted(str(each.comment))};" for each in commented]
    return found


def _lines_above_columns(model: type) -> Iterator[tuple[str, str]]:
    """Column and text of each run of ``#:`` lines that stands above a column, in a model and what it inherits."""
    for each in model.__mro__:
        if each.__module__.startswith(__package__.partition(".")[0]):
            for name, said in _lines_above_names(each.__module__).get(each.__name__, {}).items():
                if hasattr(model, "__table__") and name in model.__table__.columns:
                    yield name, said


@cache
def _lines_above_names(module: str) -> dict[str, dict[str, str]]:
    """Per class of a module: annotated name -> what stands above it. One reading serves all classes of the module."""
    source = inspect.getsource(sys.modules[module])
    lines = source.splitlines()
    found: dict[str, dict[str, str]] = {}
    for model in (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)):
        for node in model.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                above, said = node.lineno - 2, list[str]()
                while lines[above].strip().startswith("#:"):
                    said.insert(0, lines[above].strip().removeprefix("#:").strip())
                    above -= 1
                if said:
                    found.setdefault(model.name, {})[node.target.id] = " ".join(said)
    return found


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
