"""What goes out: an object held to its schema, and its JSON.

The same as ``Schema.dump`` of marshmallow: only what the schema declares, in its order, in its forms
(``tests/web/test_answers.py`` compares the two for every schema of the API). A page of fifty orders has three thousand
values, and to ask a field object for each of them costs more than the database's work; so what a schema says is read
once, into a plan. UUIDs, days and instants stay what they are: the JSON library writes them.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any

import orjson
from marshmallow import Schema, fields, missing

from dairy_app.web.schemas import Exact, Unnamed

#: From a value that is not None to one that JSON has a form for.
Form = Callable[[Any], Any]
#: No object has it: what a constant says is its default.
_NOBODYS = ""


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
    fields_by_name = schema.dump_fields
    declared = {name if field.data_key is None else field.data_key: field for name, field in fields_by_name.items()}
    attributes = [
        _NOBODYS if isinstance(field, fields.Constant) else field.attribute or name
        for name, field in fields_by_name.items()
    ]
    names, defaults = list(declared), [each.dump_default for each in declared.values()]
    forms = [(name, form) for name, field in declared.items() if (form := _form_of_field(field)) is not None]
    of_mapping, of_object = _getters(attributes)

    def written(content: Any) -> dict[str, Any]:
        is_mapping = type(content) is dict or isinstance(content, Mapping)
        try:  # all at once, as nearly every object has all
            said = dict(zip(names, of_mapping(content) if is_mapping else of_object(content), strict=True))
        except (KeyError, AttributeError):
            said = {}
            for name, attribute, default in zip(names, attributes, defaults, strict=True):
                value = content.get(attribute, missing) if is_mapping else getattr(content, attribute, missing)
                if value is missing:
                    value = default() if callable(default) else default
                if value is not missing:
                    said[name] = value
        for name, form in forms:
            value = said.get(name)
            if value is not None:
                said[name] = form(value)
        return said

    return _each(written) if (schema.many if many is None else many) else written


def _getters(attributes: list[str]) -> tuple[Form, Form]:
    """What takes these values from a mapping, and from an object; a KeyError or AttributeError where one is not."""
    if len(attributes) > 1:
        return itemgetter(*attributes), attrgetter(*attributes)
    return lambda content: [content[each] for each in attributes], lambda content: [
        getattr(content, each) for each in attributes
    ]


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
        return f"{{:.{field.places}f}}".format
    if isinstance(field, fields.UUID | fields.DateTime | fields.Date | fields.Boolean):
        return None
    if isinstance(field, fields.Integer):
        return int
    if isinstance(field, fields.String):
        return str
    return lambda value: field._serialize(value, None, None)  # rare kinds
