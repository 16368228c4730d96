"""The code of a field's error comes from what refused it, never from the sentence."""

import ast
import copy
import pickle
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields, validates_schema

import dairy_app
from dairy_app.web import validate
from dairy_app.web.failures import field_errors
from dairy_app.web.http import DairyFlask, declared_by
from dairy_app.web.schemas import Choice, Day, Exact, Line, Money, Month, Strict
from dairy_app.web.validate import Coded, Invalid, SeveralInvalid

#: Each validator of the program refuses at least one of them.
WRONG = ("", "x" * 100_000, "?", -(10**20), 10**20, [], [1] * 100_000, datetime(1900, 1, 1, tzinfo=UTC))


def schemas() -> list[type[Schema]]:
    """Every schema of the program."""
    for found in pkgutil.walk_packages(dairy_app.__path__, "dairy_app."):
        import_module(found.name)
    waiting, every = [Schema], []
    while waiting:
        kind = waiting.pop()
        every += [kind] if kind.__module__.startswith("dairy_app") else []
        waiting += kind.__subclasses__()
    return every


def fields_of(field: fields.Field[Any]) -> Iterator[fields.Field[Any]]:
    """A field and those inside of it; of a nested schema see the schema itself."""
    yield field
    inside = [field.inner] if isinstance(field, fields.List) else []
    if isinstance(field, fields.Dict):
        inside = [each for each in (field.key_field, field.value_field) if each is not None]
    for each in inside:
        yield from fields_of(each)


def refusals(validator: Any) -> list[Any]:
    """Every message that the validator has for what is wrong."""
    said = []
    for value in WRONG:
        try:
            validator(value)
        except ValidationError as error:
            said += error.messages
        except (TypeError, AttributeError):
            pass  # a value of another type, which the field itself refuses
    return said


def test_every_validator_of_every_schema_carries_a_code() -> None:
    seen, without = set(), []
    for schema in schemas():
        for name, declared in schema().fields.items():
            for field in fields_of(declared):
                for validator in field.validators:
                    said = refusals(validator)
                    seen.add(repr(validator))
                    if not said or not all(isinstance(each, Coded) and each.code for each in said):
                        without.append((schema.__name__, name, validator))
    assert len(seen) > 50
    assert without == []


def taken_schemas(app: DairyFlask) -> Iterator[Schema]:
    """The schemas of requests, and those nested in them."""
    waiting = [each.schema for view in app.view_functions.values() for each in declared_by(view).takes]
    while waiting:
        schema = waiting.pop()
        yield schema
        for declared in schema.fields.values():
            waiting += [each.schema for each in fields_of(declared) if isinstance(each, fields.Nested)]


def test_every_message_of_a_field_that_is_sent_carries_a_code(app: DairyFlask) -> None:
    seen, without = 0, []
    for schema in taken_schemas(app):
        messages = [("schema", name, said) for name, said in schema.error_messages.items()]
        for declared in schema.fields.values():
            messages += [(each.name, *pair) for each in fields_of(declared) for pair in each.error_messages.items()]
        seen += len(messages)
        without += [(type(schema).__name__, *each) for each in messages if not isinstance(each[2], Coded)]
    assert seen > 1000
    assert without == []


def test_nothing_refuses_a_field_without_a_code() -> None:
    """What is raised by hand is ``Invalid``: marshmallow's own exception has words only."""
    folder = Path(dairy_app.__file__).parent
    found = [
        f"{path.relative_to(folder)}:{each.lineno}"
        for path in sorted(folder.rglob("*.py"))
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(each, ast.Call) and ast.unparse(each.func).rpartition(".")[2] == "ValidationError"
    ]
    assert found and {place.partition(":")[0] for place in found} == {"web/validate.py"}


def codes(schema: Schema, body: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as refused:
        schema.load(body)
    return {each.pointer: each.code for each in field_errors(refused.value.messages)}


class Parts(Strict):
    """A schema with its own sentences."""

    name = Line(required=True, error_messages={"required": "Say what it is called.", "null": "Not nothing, please."})
    sizes = fields.List(fields.Integer(strict=True, error_messages={"null": "A size is a number."}))
    notes = fields.Dict(keys=Choice("a", "b"), values=fields.String())
    lied = fields.String(error_messages={"invalid": "Missing data for required field."})

    @validates_schema
    def judged(self, data: dict[str, Any], **_: Any) -> None:
        if data["name"] == "unknown":
            raise Invalid("Unknown field.", "name")
        if data["name"] == "lacking":
            raise Invalid("Say its size too.", "sizes", 0, code="required")
        if data["name"] == "both":
            raise SeveralInvalid({"name": [Coded("No.")], "sizes": [validate.MISSING]})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"/name": "required"}),
        ({"name": None}, {"/name": "null"}),
        ({"name": "x", "sizes": [1, None]}, {"/sizes/1": "null"}),
        ({"name": "x", "notes": {"c": None}}, {"/notes/c/key": "invalid", "/notes/c/value": "null"}),
        ({"name": "x", "lied": 1}, {"/lied": "invalid"}),
        ({"name": "x", "more": 1}, {"/more": "unknown_field"}),
        ({"name": "unknown"}, {"/name": "invalid"}),
        ({"name": "lacking"}, {"/sizes/0": "required"}),
        ({"name": "both"}, {"/name": "invalid", "/sizes": "required"}),
        ([], {"": "invalid"}),
    ],
)
def test_the_code_is_that_of_the_rule_whatever_the_words(body: Any, expected: dict[str, str]) -> None:
    assert codes(Parts(), body) == expected


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (fields.String(validate=validate.Length(2, 3)), "x", "Length must be between 2 and 3."),
        (fields.String(validate=validate.Length(min=2)), "x", "Shorter than minimum length 2."),
        (fields.String(validate=validate.Length(max=2)), "xxx", "Longer than maximum length 2."),
        (fields.String(validate=validate.Length(equal=2)), "x", "Length must be 2."),
        (fields.Integer(validate=validate.Range(2)), 1, "Must be greater than or equal to 2."),
        (fields.Integer(validate=validate.Range(max=2, max_inclusive=False)), 2, "Must be less than 2."),
        (
            fields.Integer(validate=validate.Range(2, 3)),
            1,
            "Must be greater than or equal to 2 and less than or equal to 3.",
        ),
        (Choice("a", "b"), "c", "Must be one of: a, b."),
        (fields.String(validate=validate.Pattern("^a$")), "b", "String does not match expected pattern."),
        (Month(), "2026", "Must be a month, YYYY-MM."),
        (Line(), "a\nb", "Must be one line without control characters."),
        (Day(), "26-1-1", "Not a valid date."),
        (Money(), "1.234", "At most 2 decimals."),
        (Exact(low=1), "0", "Must be between 1 and 9999999999.99."),
    ],
)
def test_a_validator_says_what_it_always_said(field: fields.Field[Any], value: Any, words: str) -> None:
    schema = Strict.from_dict({"it": field})()
    with pytest.raises(ValidationError) as refused:
        schema.load({"it": value})
    (said,) = refused.value.messages["it"]
    assert (said, said.code) == (words, "invalid")


def test_a_code_stays_with_its_words() -> None:
    said = Coded("At least {least}.", "too_few")
    for each in (said, said.format(least=2), copy.copy(said), copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert each.code == "too_few"
    assert said.format(least=2) == "At least 2."
