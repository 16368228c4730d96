"""Examples for the OpenAPI document, made from the schemas: whoever writes a field has written its example."""

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, fields, validate
from marshmallow.fields import Field

#: First that fits, so the narrower types stand first.
_BY_TYPE: tuple[tuple[type, Any], ...] = (
    (fields.Boolean, True),
    (fields.Integer, 1),
    (fields.UUID, "0199f3a4-5b6c-7d8e-9f01-23456789abcd"),
    (fields.Date, "2026-11-22"),
    (fields.Time, "18:00:00"),
    (fields.DateTime, "2026-11-22T06:30:00+05:30"),
    (fields.Email, "asha@dairy.example"),
    (fields.Url, "https://dairy.example/"),
    (fields.Dict, {}),
)


def of_schema(schema: Schema, words: Mapping[str, str], *, required_only: bool = False) -> dict[str, Any]:
    """A body of this schema by the names clients send; ``words`` holds texts by field or ``Schema.field``.

    ``required_only`` leaves out what may be left out. A schema of alternatives names the fields that its example
    does without in ``not_in_example``.
    """
    left_out = getattr(schema, "not_in_example", ())
    return {
        each.data_key or name: of_field(each, words, required_only=required_only)
        for name, each in schema.fields.items()
        if (each.required or not required_only) and name not in left_out
    }


def of_field(field: Field[Any], words: Mapping[str, str], *, required_only: bool = False) -> Any:
    """The example in the field's metadata, else its first allowed word, its smallest value, one of its type."""
    if "example" in field.metadata:
        return field.metadata["example"]
    if isinstance(field, fields.Constant):
        return field.constant
    if isinstance(field, fields.Nested):
        one = of_schema(field.schema, words, required_only=required_only)
        return [one] if field.many or field.schema.many else one
    if isinstance(field, fields.List):
        return [of_field(field.inner, words, required_only=required_only)]
    word = _first_of(field, validate.OneOf, lambda rule: next(iter(rule.choices)))
    if word is not None:
        return word
    smallest = _first_of(field, validate.Range, lambda rule: rule.min)
    if smallest is not None:
        return smallest
    of_type = next((one for kind, one in _BY_TYPE if isinstance(field, kind)), None)
    return of_type if of_type is not None else _word(field, words)


def _word(field: Field[Any], words: Mapping[str, str]) -> str:
    name = str(field.name)
    return words.get(f"{type(field.parent).__name__}.{name}") or words.get(name, "text")


def _first_of(field: Field[Any], kind: type, read: Callable[[Any], Any]) -> Any:
    return next((read(rule) for rule in field.validators if isinstance(rule, kind)), None)
