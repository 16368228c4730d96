"""Which error codes an operation can answer, read from the code that answers it.

What every route shares (logins, bodies, keys, tags) follows from its policy and its decorators. The rest is found by
walking from the view through the functions that it names, as far as they are ours: a code stands there as a literal,
and a table that is written brings the codes of its constraints. So nothing is listed by hand, and nothing is
forgotten when a service learns to refuse; a code too many is possible, where a helper can refuse in more ways than
this caller meets.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from inspect import isclass, isfunction, ismodule, unwrap
from types import CodeType, FunctionType
from typing import Any

from marshmallow import fields
from sqlalchemy import TextClause

from dairy_app.common.errors import CODES
from dairy_app.database import ddl
from dairy_app.database.constraints import references_by_table, rules_by_table
from dairy_app.database.statements import Statement
from dairy_app.web.access import Policy, Role
from dairy_app.web.http import declared_by

_OURS = "dairy_app."
#: What it refuses, every route may refuse; see ``_shared``.
_SHARED = ("dairy_app.common.", "dairy_app.database.", "dairy_app.web.")
#: A function of the database, up to the next object.
_SQL_FUNCTION = re.compile(r"CREATE FUNCTION (\w+)(.*?)(?=\nCREATE |\Z)", re.DOTALL)
_QUOTED = re.compile(r"'(\w+)'")
_WORD = re.compile(r"\w+")
_WRITTEN = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)")
_WRITING = frozenset({"add", "add_all", "insert", "update", "delete", "flush"})


def codes_of(view: Callable[..., Any], policy: Policy, method: str, *, has_path: bool) -> list[str]:
    """The codes an operation can answer, in the order of the table of codes."""
    found = {*_shared(view, policy, method, has_path), *_own(unwrap(view), None if method == "get" else _fields(view))}
    return [code for code in CODES if code in found]


def _shared(view: Callable[..., Any], policy: Policy, method: str, has_path: bool) -> Iterator[str]:
    yield from ("payload_too_large", "unsupported_media_type", "validation_failed")
    yield "internal_error"
    yield from ("database_unavailable", "database_busy", "timed_out")
    yield from ("database_read_only", "database_rights_missing", "database_full")
    if policy.roles is not None:
        yield from ("not_authenticated", "token_expired", "token_revoked", "user_inactive")
        if policy.roles != frozenset(Role):
            yield "forbidden"
    if any(getattr(schema, "signed", None) is not None for schema in declared_by(view).bodies):
        yield "bad_signature"
    if has_path:
        yield "not_found"
    if method not in {"get", "head"}:
        yield "malformed_request"
        if getattr(view, "etagged", False):
            yield "precondition_failed"
    if getattr(view, "idempotent", False):
        yield "idempotency_key_reused"


def _fields(view: Callable[..., Any]) -> frozenset[str]:
    """The names of all fields of the bodies that a route takes, at any depth."""
    waiting = declared_by(view).bodies
    names: set[str] = set()
    while waiting:
        for name, field in waiting.pop().fields.items():
            names.add(name)
            inner = field.inner if isinstance(field, fields.List) else field
            if isinstance(inner, fields.Nested):
                waiting.append(inner.schema)
    return frozenset(names)


def _own(view: Callable[..., Any], sent: frozenset[str] | None) -> set[str]:
    """The codes of this view's own code; ``sent``: the fields that a change may hold, None where nothing is written.

    A reference can only miss when the request names it.
    """
    codes: set[str] = set()
    tables: set[str] = set()
    seen: set[Any] = set()
    waiting: list[Any] = [view]
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        named, texts, callees = _names_of(function)
        codes |= named
        tables |= texts
        waiting += callees
    if sent is None:
        return codes
    for table in tables:
        codes |= rules_by_table().get(table, frozenset())
        codes |= {code for column, code in references_by_table().get(table, ()) if column in sent}
    return codes


@cache
def _names_of(function: FunctionType) -> tuple[frozenset[str], frozenset[str], tuple[Any, ...]]:
    """The codes a function names, the tables it writes, and the functions of ours that it may call."""
    codes: set[str] = set()
    tables: set[str] = set()
    callees: list[Any] = []
    annotated = list(function.__annotations__.values())
    for code in _nested(function.__code__):
        names = set(code.co_names)
        values = annotated + [function.__globals__[name] for name in names if name in function.__globals__]
        values += [
            vars(module)[name] for module in values if _is_our_module(module) for name in names if name in vars(module)
        ]
        texts = [text for value in (*code.co_consts, *values) for text in _texts(value)]
        tables |= {table for text in texts for table in _WRITTEN.findall(text)}
        codes |= {text for text in texts if text in CODES}
        codes |= {word for text in texts for body in _sql_called(text) for word in _QUOTED.findall(body)}
        for value in values:
            if isclass(value) and value.__module__.startswith(_OURS):
                callees += [vars(value)[name] for name in names if isfunction(vars(value).get(name))]
                if hasattr(value, "__tablename__") and any(name.strip("_") in _WRITING for name in names):
                    tables.add(value.__tablename__)
            elif isfunction(value):
                callees.append(unwrap(value))
    ours = (each for each in callees if each.__module__.startswith(_OURS) and not each.__module__.startswith(_SHARED))
    return frozenset(codes), frozenset(tables), tuple(ours)


@cache
def _sql_functions() -> dict[str, str]:
    return {name: body for each in ddl.files() for name, body in _SQL_FUNCTION.findall(each.sql)}


@cache
def _sql_called(text: str) -> frozenset[str]:
    """The bodies of the database's functions that a piece of SQL calls, and of those that they call."""
    if "SELECT" not in text and "FROM" not in text and "PERFORM" not in text:
        return frozenset()
    bodies = {_sql_functions()[word] for word in set(_WORD.findall(text)) if word in _sql_functions()}
    return frozenset(bodies).union(*(_sql_called(body) for body in bodies if body != text))


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _is_our_module(value: Any) -> bool:
    return ismodule(value) and value.__name__.startswith(_OURS)


def _texts(value: Any) -> Iterator[str]:
    """The texts in a constant: itself, or those in it; a ``TextClause`` or ``Statement`` is SQL."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (tuple, list, set, frozenset)):
        yield from (each for each in value if isinstance(each, str))
    elif isinstance(value, dict):
        yield from (each for pair in value.items() for each in pair if isinstance(each, str))
    elif isinstance(value, TextClause | Statement):
        yield value.text
