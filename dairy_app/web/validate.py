"""What is said of a field that is wrong: words for people that carry their stable code.

marshmallow keeps of a refusal only its message, so the code is in the message: a ``Coded`` text. Its own validators
and fields get coded messages here, and what we refuse ourselves is ``Invalid``. Nobody reads a code out of a sentence.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, fields, validate

#: The code of what has no narrower one.
INVALID = "invalid"
REQUIRED = "required"
UNKNOWN_FIELD = "unknown_field"
#: The name that marshmallow has for a message of a field → its code; every other is ``INVALID``.
_CODES = {"required": REQUIRED, "null": "null"}


class Coded(str):
    """Words with a code, which stays with them when marshmallow puts values in."""

    __slots__ = ("code",)
    code: str

    def __new__(cls, words: str, code: str = INVALID) -> "Coded":
        coded = super().__new__(cls, words)
        coded.code = code
        return coded

    def format(self, *args: Any, **kwargs: Any) -> "Coded":
        """The words with the values put in; the code stays."""
        return Coded(super().format(*args, **kwargs), self.code)


MISSING = Coded("Missing data for required field.", REQUIRED)


class Invalid(ValidationError):
    """A refusal of a value, or, with the steps to it (``"items", 3, "product_id"``), of something inside of it."""

    def __init__(self, words: str, *steps: str | int, code: str = INVALID) -> None:
        message: Any = [words if isinstance(words, Coded) else Coded(words, code)]
        for step in reversed(steps):
            message = {step: message}
        super().__init__(message)


class SeveralInvalid(ValidationError):
    """A refusal of several fields at once."""

    def __init__(self, faults: Mapping[str, Sequence[Coded]]) -> None:
        super().__init__({name: list(said) for name, said in faults.items()})


class Length(validate.Length):
    """Between two lengths."""

    message_min = Coded(validate.Length.message_min)
    message_max = Coded(validate.Length.message_max)
    message_all = Coded(validate.Length.message_all)
    message_equal = Coded(validate.Length.message_equal)


class Range(validate.Range):
    """Between two values."""

    message_min = Coded(validate.Range.message_min)
    message_max = Coded(validate.Range.message_max)
    message_all = Coded(validate.Range.message_all)


class OneOf(validate.OneOf):
    """One of a closed list."""

    default_message = Coded(validate.OneOf.default_message)


class Pattern(validate.Regexp):
    """The whole text has this form: ``^…$`` as ECMA-262 reads it, so that the OpenAPI document can give it on.

    Python's own ``$`` also matches before a closing line break, and its ``\\Z`` means nothing elsewhere.
    """

    default_message = Coded(validate.Regexp.default_message)

    def __init__(self, regex: str, *, error: str | None = None) -> None:
        super().__init__(regex, error=None if error is None else Coded(error))

    def __call__(self, value: Any) -> Any:
        if self.regex.fullmatch(value) is None:
            raise ValidationError(self.error)
        return value


def code_messages(field: fields.Field[Any]) -> None:
    """Give the messages of a field, and of those inside of it, their codes by the names that marshmallow has for them.

    For ``Schema.on_bind_field``: the field is the schema's own copy.
    """
    field.error_messages = {
        name: message if isinstance(message, Coded) else Coded(str(message), _CODES.get(name, INVALID))
        for name, message in field.error_messages.items()
    }
    inside: tuple[fields.Field[Any] | None, ...] = ()
    if isinstance(field, fields.List):
        inside = (field.inner,)
    elif isinstance(field, fields.Dict):
        inside = field.key_field, field.value_field
    for each in inside:
        if each is not None:
            code_messages(each)
