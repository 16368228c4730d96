"""Lists by keyset: a page costs the same whether it is the first or the thousandth."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import ColumnElement

from dairy_app.common.errors import Problem, invalid
from dairy_app.web import strict_json

Key = ColumnElement[Any] | InstrumentedAttribute[Any]

_READERS: dict[type, Callable[[str], Any]] = {
    UUID: UUID,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    int: int,
    str: str,
    Decimal: Decimal,
}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows and the cursor of the next, None at the end."""

    items: Sequence[Any]
    next_cursor: str | None


def read_page(
    session: Session,
    select: Select[Any],
    keys: Sequence[Key],
    *,
    limit: int,
    cursor: str | None,
    descending: bool = False,
    scalars: bool = False,
    sort: str | None = None,
) -> Page:
    """One page of ``select``, ordered by ``keys``.

    ``keys`` together must be unique and NOT NULL, and be among the selected columns under their own names
    (or attributes of the entity when ``scalars``). One statement, whatever the page. ``sort``: the order as the caller
    named it, ``-`` before it descends; a cursor goes on in its own order only.
    """
    descending = descending if sort is None else sort.startswith("-")
    types = [key.type.python_type for key in keys]
    if cursor is not None:
        values = read_cursor(cursor, types if sort is None else [str, *types])
        if sort is not None and values.pop(0) != sort:
            raise _not_given_out()
        after = tuple_(*values)
        position = tuple_(*keys)
        select = select.where(position < after if descending else position > after)
    order = [key.desc() if descending else key.asc() for key in keys]
    result = session.execute(select.order_by(*order).limit(limit + 1))
    rows = result.scalars().all() if scalars else result.all()
    more = len(rows) > limit
    rows = rows[:limit]
    if not more:
        return Page(rows, None)
    last = [getattr(rows[-1], key.key or "") for key in keys]
    return Page(rows, write_cursor(last if sort is None else [sort, *last]))


def write_cursor(values: Sequence[Any]) -> str:
    """An opaque cursor that stands behind a row with these key values."""
    written = [value.isoformat() if isinstance(value, date) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(written, ensure_ascii=False).encode()).decode().rstrip("=")


def read_cursor(cursor: str, types: Sequence[type]) -> list[Any]:
    """The key values in a cursor; ``validation_failed`` for anything this list did not give out."""
    try:
        written = strict_json.load(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [_READERS[kind](value) for kind, value in zip(types, written, strict=True)]
    except (Problem, binascii.Error, ValueError, TypeError, AttributeError, KeyError):
        raise _not_given_out() from None


def _not_given_out() -> Problem:
    return invalid("/query/cursor", "This cursor is not from this list.")
