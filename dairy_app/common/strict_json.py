"""Reading JSON bodies so that nothing is guessed: what two readers could understand differently is refused.

RFC 8259 leaves duplicate keys, NaN and the range of numbers to the reader; a bill must not depend on it.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

from dairy_app.common.errors import FieldError, Problem

#: Nothing that this API takes is nested deeper.
MAX_DEPTH = 20
#: Longer numbers fit no column, and would cost time to compute with.
MAX_DIGITS = 19
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def load(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8; numbers with a fraction come as exact ``Decimal``.

    Raises ``malformed_request`` for what is not JSON (duplicate names, NaN and Infinity included), and
    ``validation_failed`` for text PostgreSQL cannot store (NUL, lone surrogates) and for oversized numbers.
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
    for pointer, text in _texts(value):
        if _UNSTORABLE.search(text):
            detail = "Text must not contain NUL characters or halves of a surrogate pair."
            raise Problem("validation_failed", detail, [FieldError(pointer, "invalid", detail)])
    return value


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


def _whole(text: str) -> int:
    _refuse_long(text)
    return int(text)


def _exact(text: str) -> Decimal:
    _refuse_long(text)
    number = Decimal(text)
    if number and not -MAX_DIGITS <= number.adjusted() <= MAX_DIGITS:
        raise _out_of_range()
    return number


def _refuse_long(text: str) -> None:
    if sum(map(str.isdigit, text)) > MAX_DIGITS:
        raise _out_of_range()


def _out_of_range() -> Problem:
    return Problem("validation_failed", f"A number has more than {MAX_DIGITS} digits.")
