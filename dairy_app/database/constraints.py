"""Constraint name → error code, gathered from the models and from the triggers' declarations.

A constraint that stands here turns a refusal by the database into the client's error; one that does not
is a fault of ours and answers 500.
"""

from functools import cache

from sqlalchemy import Constraint, Index, MetaData, Table, UniqueConstraint

from dairy_app.database.models import Base

#: Triggers raise with a constraint name of their own; ``database.ddl`` adds those that the files of SQL declare.
TRIGGER_CODES: dict[str, str] = {}


@cache
def references_by_table() -> dict[str, frozenset[tuple[str, str]]]:
    """Of each table the columns that point elsewhere, with the code of a row that is not there."""
    return {
        name: frozenset(
            (column, key.info["code"]) for key in table.foreign_key_constraints for column in key.column_keys
        )
        for name, table in Base.metadata.tables.items()
    }


@cache
def rules_by_table() -> dict[str, frozenset[str]]:
    """Of each table the codes of its other constraints, and of the triggers that are named after it."""
    found = {}
    for name, table in Base.metadata.tables.items():
        of_triggers = {code for trigger, code in TRIGGER_CODES.items() if trigger.startswith(f"tr_{name}_")}
        pointing = {str(key.name) for key in table.foreign_key_constraints}
        own = {code for constraint, code in _codes_of_table(table).items() if constraint not in pointing}
        found[name] = frozenset(own | of_triggers)
    return found


def named_codes(metadata: MetaData) -> dict[str, str]:
    """Every constraint and unique index that carries an error code, by name."""
    return {name: code for table in metadata.tables.values() for name, code in _codes_of_table(table).items()}


def _codes_of_table(table: Table) -> dict[str, str]:
    found: dict[str, str] = {}
    items: list[Constraint | Index] = [*table.constraints, *table.indexes]
    for item in items:
        code = item.info.get("code") or ("already_exists" if isinstance(item, UniqueConstraint) else None)
        if item.name and code:
            found[str(item.name)] = code
    return found


@cache
def _all_codes() -> dict[str, str]:
    """Asked first when a request failed; by then the application has imported every table."""
    return named_codes(Base.metadata) | TRIGGER_CODES


def code_of(name: str | None) -> str | None:
    """The error code of a constraint, None when nobody gave it one."""
    return _all_codes().get(name or "")
