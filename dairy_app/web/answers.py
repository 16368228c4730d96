"""What goes out: an object held to its schema, and its JSON.

The same as ``Schema.dump`` of marshmallow: only what the schema declares, in its order, in its forms
(``tests/web/test_answers.py`` compares the two for every schema of the API). A page of fifty orders has three thousand
values, and to ask a field object for each of them costs more than the database's work; so what a schema says is read
once, into a plan. UUIDs, days and instants stay what they are: the JSON library writes them.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from keyword import iskeyword
from typing import Any, NamedTuple

import orjson
from marshmallow import Schema, fields, missing

from dairy_app.web.schemas import Exact, Unnamed

#: From a value that is not None to one that JSON has a form for.
Form = Callable[[Any], Any]
#: No object has it: what a constant says is its default.
_NOBODYS = "nobodys_own"


class _Said(NamedTuple):
    """One field of an answer: its name, where its value is, how that is written, and what is said without one."""

    name: str
    attribute: str
    form: Form | None
    default: Any


def write_json(content: Any) -> bytes:
    """The JSON of ``content``: days and instants as ISO 8601, UUIDs and decimals as strings, in UTF-8."""
    return orjson.dumps(content, _decimal, orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)


def _decimal(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"JSON has no form for {type(value).__name__}")


def form_of(schema: Schema, *, many: bool | None = None) -> Form:
    """How an object becomes a mapping of what its schema declares; with ``many`` a sequence of them.

    Objects are mappings or have attributes. What one does not have is left out, unless the schema has a default.
    """
    parts = [
        _Said(
            name if field.data_key is None else field.data_key,
            _NOBODYS if isinstance(field, fields.Constant) else field.attribute or name,
            _form_of_field(field),
            field.dump_default,
        )
        for name, field in schema.dump_fields.items()
    ]
    of_mapping, of_object = _taking(_item, parts), _taking(_attribute, parts)

    def written(content: Any) -> Any:
        is_mapping = type(content) is dict or isinstance(content, Mapping)
        try:  # all at once, as nearly every object has all
            return of_mapping(content) if is_mapping else of_object(content)
        except (KeyError, AttributeError):
            return _what_there_is(content, is_mapping, parts)

    return _each(written) if (schema.many if many is None else many) else written


def _item(name: str) -> str:
    return f"it[{name!r}]"


def _attribute(name: str) -> str:
    return f"it.{name}" if name.isidentifier() and not iskeyword(name) else f"getattr(it, {name!r})"


def _taking(value: Callable[[str], str], parts: Sequence[_Said]) -> Form:
    """A function that is one dict display, as somebody would write it by hand for this schema.

    Going through the fields for each object instead takes twice as long. Raises KeyError or AttributeError where an
    object does not have something.
    """
    said = []
    for place, part in enumerate(parts):
        there = value(part.attribute)
        formed = there if part.form is None else f"None if (value := {there}) is None else forms[{place}](value)"
        said.append(f"{part.name!r}: {formed}")
    made: Form = eval(f"lambda it: {{{', '.join(said)}}}", {"forms": [part.form for part in parts]})
    return made


def _what_there_is(content: Any, is_mapping: bool, parts: Sequence[_Said]) -> dict[str, Any]:
    said = {}
    for name, attribute, form, default in parts:
        value = content.get(attribute, missing) if is_mapping else getattr(content, attribute, missing)
        if value is missing:
            value = default() if callable(default) else default
        if value is not missing:
            said[name] = value if form is None or value is None else form(value)
    return said


def _exact(places: int) -> Form:
    point, form = -places - 1, f"{{:.{places}f}}".format

    def written(value: Decimal) -> str:
        text = str(value)  # a number of a column has its places: to format it takes four times as long
        return text if text[point : point + 1] == "." and "E" not in text else form(value)

    return written


def _as_it_is(value: Any) -> Any:
    return value


def _each(form: Form | None) -> Form:
    return list if form is None else lambda values: [None if each is None else form(each) for each in values]


def _form_of_field(field: fields.Field[Any]) -> Form | None:
    """How a value of a field is written; None is as it is."""
    if isinstance(field, Unnamed):
        form = form_of(field.schema)
        return lambda values: form(field.named(values))
    if isinstance(field, fields.Nested):
        return form_of(field.schema, many=field.schema.many or field.many)
    if isinstance(field, fields.List):
        return _each(_form_of_field(field.inner))
    if isinstance(field, fields.Dict) and field.key_field and field.value_field:
        key, value = _form_of_field(field.key_field) or _as_it_is, _form_of_field(field.value_field) or _as_it_is
        return lambda values: {key(name): None if each is None else value(each) for name, each in values.items()}
    if isinstance(field, Exact):
        return _exact(field.places)
    if isinstance(field, fields.UUID | fields.DateTime | fields.Date | fields.Boolean):
        return None
    if isinstance(field, fields.Integer):
        return int
    if isinstance(field, fields.String):
        return str
    return lambda value: field._serialize(value, None, None)  # rare kinds
