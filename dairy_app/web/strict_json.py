"""Reading JSON bodies so that nothing is guessed: what two readers could understand differently is refused.

RFC 8259 leaves duplicate keys, NaN and the range of numbers to the reader; a bill must not depend on it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from dairy_app.common.errors import FieldError, Problem

#: Nothing that this API takes is nested deeper.
MAX_DEPTH = 20
#: Longer numbers fit no column, and would cost time to compute with.
MAX_DIGITS = 19
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Oversized(str):
    """A number longer than any column holds, as it was written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unstorable:
    """A member of a list judged piece by piece that holds what no database could."""

    value: Any
    error: FieldError


def load(raw: bytes, *, apart: str | None = None) -> Any:
    """The value of a JSON text in UTF-8; numbers with a fraction come as exact ``Decimal``.

    Raises ``malformed_request`` for what is not JSON (duplicate names, NaN and Infinity included), and
    ``validation_failed`` for text PostgreSQL cannot store (NUL, lone surrogates) and for oversized numbers.
    ``apart`` names a list of the body whose members are judged piece by piece: one that cannot be stored comes as
    ``Unstorable`` beside the others.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique_names,
            parse_constant=_no_constant,
            parse_float=_exact,
            parse_int=_whole,
        )
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError:
        raise Problem("malformed_request", "The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem("malformed_request", f"The body is not valid JSON ({where}).") from None
    if apart is not None and isinstance(value, dict) and isinstance(value.get(apart), list):
        value[apart] = [_storable(member) for member in value[apart]]
    fault = _fault(value)
    if fault is not None:
        raise Problem("validation_failed", fault.detail, [fault])
    return value


def _storable(member: Any) -> Any:
    fault = _fault(member)
    return member if fault is None else Unstorable(member, fault)


def _fault(value: Any) -> FieldError | None:
    """The first text or number of a value that no database could hold."""
    for pointer, text in _texts(value):
        if isinstance(text, Oversized):
            return FieldError(pointer, "invalid", f"A number has more than {MAX_DIGITS} digits.")
        if _UNSTORABLE.search(text):
            detail = "Text must not contain NUL characters or halves of a surrogate pair."
            return FieldError(pointer, "invalid", detail)
    return None


def token(name: object) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return str(name).replace("~", "~0").replace("/", "~1")


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every string and every name with its pointer. No recursion: the depth is the client's choice."""
    waiting: list[tuple[str, int, Any]] = [("", 0, value)]
    while waiting:
        pointer, depth, item = waiting.pop()
        if depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(item, str):
            yield pointer, item
        elif isinstance(item, dict):
            for name, member in item.items():
                yield pointer, name
                waiting.append((f"{pointer}/{token(name)}", depth + 1, member))
        elif isinstance(item, list):
            waiting += [(f"{pointer}/{index}", depth + 1, member) for index, member in enumerate(item)]


def _too_deep() -> Problem:
    return Problem("malformed_request", f"The body is nested deeper than {MAX_DEPTH} levels.")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Problem("malformed_request", "The body names the same field twice.")
    return members


def _no_constant(name: str) -> NoReturn:
    raise Problem("malformed_request", f"{name} is not JSON.")


def _whole(text: str) -> int | Oversized:
    return Oversized(text) if _is_long(text) else int(text)


def _exact(text: str) -> Decimal | Oversized:
    if _is_long(text):
        return Oversized(text)
    number = Decimal(text)
    return Oversized(text) if number and not -MAX_DIGITS <= number.adjusted() <= MAX_DIGITS else number


def _is_long(text: str) -> bool:
    return sum(map(str.isdigit, text)) > MAX_DIGITS
