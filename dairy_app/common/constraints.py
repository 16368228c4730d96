"""Constraint name → error code, gathered from the models and from the triggers' declarations.

A constraint that stands here turns a refusal by the database into the client's error; one that does not
is a fault of ours and answers 500.
"""

from functools import cache

from sqlalchemy import Constraint, Index, MetaData, UniqueConstraint

from dairy_app.common.models import Base

#: Triggers raise with a constraint name of their own; each ``ddl.py`` adds its names here.
TRIGGER_CODES: dict[str, str] = {}


def named_codes(metadata: MetaData) -> dict[str, str]:
    """Every constraint and unique index that carries an error code, by name."""
    found: dict[str, str] = {}
    for table in metadata.tables.values():
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
