"""Which problem an exception is: of the web framework, of a request that is not valid, of the database."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError
from werkzeug.exceptions import HTTPException

from dairy_app.common.errors import CODES, FieldError, Problem, code_of_http_status
from dairy_app.database import constraints
from dairy_app.database.transactions import RETRYABLE, is_away, sqlstate
from dairy_app.web.logs import log
from dairy_app.web.strict_json import token
from dairy_app.web.validate import Coded

#: A body with a million unknown fields gets a short answer.
MAX_FIELD_ERRORS = 100
MAX_POINTER = 200
#: SQLSTATEs that are nobody's fault: the problem, and what is said of it.
_PASSING = {
    "57014": ("timed_out", "The database took too long for this; ask for less, or try again."),
    "25P03": ("timed_out", "This took too long."),
    "53100": (
        "database_full",
        "The disk of the database is full; nothing was changed. Its operator must make room.",
    ),
}


def problem_of_http(error: HTTPException) -> Problem:
    """The problem of an error of the web framework or of a schema."""
    messages = (getattr(error, "data", None) or {}).get("messages")
    if messages is not None:
        return _problem_of_fields(messages)
    code = code_of_http_status(error.code or 500)
    problem = Problem(code, CODES[code][1])
    methods = getattr(error, "valid_methods", None)
    if methods:
        problem.headers["Allow"] = ", ".join(sorted(methods))
    return problem


def _problem_of_fields(messages: Mapping[str, Any]) -> Problem:
    found = [
        error
        for location, fields in messages.items()
        for error in field_errors(fields, "" if location == "json" else f"/{location}")
    ]
    first = found[0] if found else FieldError("", "invalid", "The request is not valid.")
    return Problem("validation_failed", f"{first.pointer or 'body'}: {first.detail}", found[:MAX_FIELD_ERRORS])


def field_errors(messages: Any, pointer: str = "") -> list[FieldError]:
    """The messages of a schema, one by one, each with the pointer to its field below ``pointer``."""
    return [FieldError(where[:MAX_POINTER], said.code, str(said)) for where, said in _flatten(messages, pointer)]


def _flatten(messages: Any, pointer: str) -> list[tuple[str, Coded]]:
    if isinstance(messages, Mapping):
        parts = [_flatten(value, f"{pointer}/{token(key)}") for key, value in messages.items()]
        return [pair for part in parts for pair in part]
    said = messages if isinstance(messages, list) else [messages]
    return [(pointer.removesuffix("/_schema"), each if isinstance(each, Coded) else Coded(str(each))) for each in said]


def problem_of_database(error: DBAPIError) -> Problem:
    """The problem of a refusal or a failure of the database; a fault of ours is logged and shows nothing."""
    code = _code_of_refusal(error)
    if code is not None:
        return Problem(code)
    if (passing := _PASSING.get(sqlstate(error) or "")) is not None:
        log.error("database refused", sqlstate=sqlstate(error), code=passing[0])
        return Problem(*passing)
    if isinstance(error, InterfaceError) or is_away(error):
        log.error("database unavailable", error=str(error.orig).strip())
        return Problem("database_unavailable")
    if _is_busy(error):
        log.error("database busy", sqlstate=sqlstate(error))
        return Problem("database_busy", "Other requests are using these records; try again.")
    log.error("database fault", exc_info=error)
    return Problem("internal_error")


def problem_of_full_pool() -> Problem:
    """No connection became free in time."""
    log.error("database busy: no free connection")
    return Problem("database_busy", "Too many requests are being handled; try again.")


def _code_of_refusal(error: DBAPIError) -> str | None:
    """The error code of the constraint or trigger that refused; ``in_use`` when a row is still pointed at."""
    diagnosis = getattr(error.orig, "diag", None)
    name = diagnosis.constraint_name if diagnosis is not None else None
    state = sqlstate(error)
    if state == "23001" or (state == "23503" and (error.statement or "").lstrip()[:6].upper() == "DELETE"):
        return "in_use"
    return constraints.code_of(name)


def _is_busy(error: DBAPIError) -> bool:
    """Still in each other's way after all attempts, a lock that took too long, no connections or memory."""
    state = sqlstate(error) or ""
    return state in RETRYABLE or state == "55P03" or state.startswith("53")
