"""Answers are written by plans made of the schemas: each must say what marshmallow's own dump says."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from marshmallow import Schema, fields

from dairy_app.monitoring.schemas import Columns
from dairy_app.web.answers import form_of, write_json
from dairy_app.web.http import DairyFlask, declared_by
from dairy_app.web.schemas import Exact, Strict, Unnamed

INDIA = timezone(timedelta(hours=5, minutes=30))
#: Values as services and drivers give them: sums of integers come as decimals, addresses as their own kinds.
VALUES: tuple[tuple[type[fields.Field[Any]], tuple[Any, ...]], ...] = (
    (fields.Boolean, (True, False)),
    (fields.Integer, (0, 7, Decimal(12), -3)),
    (Exact, (Decimal("1.5"), Decimal("-0.50"), Decimal("1234567.891"), Decimal("1E+3"), Decimal(0))),
    (fields.UUID, (uuid4(), uuid4())),
    (fields.Constant, ("anything else",)),
    (fields.Time, (time(18, 0), time(4, 30, 15))),
    (fields.Date, (date(2026, 2, 28), date(1999, 12, 31))),
    (
        fields.DateTime,
        (
            datetime(2026, 11, 28, 5, 0, tzinfo=UTC),
            datetime(2026, 11, 28, 5, 0, 1, 123400, tzinfo=UTC),
            datetime(2026, 11, 28, 5, 0, 1, 120, tzinfo=INDIA),
        ),
    ),
    (Columns, ('{"price": 1.50, "name": "दूध"}',)),
    (fields.String, ("plain", 'quoted "\\ \n', "दूध 🥛", "", 17, UUID(int=5))),
)


def schemas(app: DairyFlask) -> dict[str, Schema]:
    """Every schema of an answer."""
    answers = (each for view in app.view_functions.values() for each in declared_by(view).answers)
    return {type(each.schema).__name__: each.schema for each in answers if isinstance(each.schema, Schema)}


def content_for(schema: Schema, choose: random.Random, make: Callable[..., Any], chance: float) -> Any:
    """An object for a schema in which each value may be None, and each not there at all, by ``chance``."""
    many = schema.many
    made = [
        make(**{
            field.attribute or name: None if choose.random() < chance else value_for(field, choose, make, chance)
            for name, field in schema.dump_fields.items()
            if choose.random() >= chance or hasattr(dict, name)  # there marshmallow would take the mapping's method
        })
        for _ in range(2 if many else 1)
    ]  # fmt: skip
    return made if many else made[0]


def value_for(field: fields.Field[Any], choose: random.Random, make: Callable[..., Any], chance: float) -> Any:
    if isinstance(field, Unnamed):
        return [value_for(each, choose, make, chance) for each in field.schema.fields.values()]
    if isinstance(field, fields.Nested):
        one = content_for(field.schema, choose, make, chance)
        return [one, content_for(field.schema, choose, make, chance)] if field.many else one
    if isinstance(field, fields.List):
        return [value_for(field.inner, choose, make, chance) for _ in range(choose.randint(0, 3))]
    if isinstance(field, fields.Dict) and not isinstance(field, Columns):
        return {"a": Decimal("1.5"), "b": Decimal(2)} if field.value_field else {"a": 1.5, "b": ["x", None]}
    values = next((values for kind, values in VALUES if isinstance(field, kind)), None)
    assert values, f"no values for {field}"
    return choose.choice(values)


@pytest.mark.parametrize("make", [dict, SimpleNamespace])
def test_every_answer_is_written_as_its_schema_dumps_it(app: DairyFlask, make: Callable[..., Any]) -> None:
    found = schemas(app)
    assert len(found) > 80
    for name, schema in found.items():
        form = form_of(schema)
        for seed, chance in enumerate([0, 0, 0.2, 0.5, 1]):
            content = content_for(schema, random.Random(seed), make, chance)
            assert write_json(form(content)) == write_json(schema.dump(content)), name


def test_what_a_schema_does_not_declare_is_not_answered() -> None:
    class Person(Strict):
        name = fields.String()

    said = form_of(Person(many=True))([{"name": "Asha", "password_hash": "secret"}, None])
    assert said == [{"name": "Asha"}, None]


def test_what_no_schema_describes_has_the_same_forms() -> None:
    content = {"day": date(2026, 11, 28), "sum": Decimal("1.50"), "id": UUID(int=1), "names": ("दूध",), 7: True}
    assert write_json(content).decode() == (
        '{"day":"2026-11-28","sum":"1.50","id":"00000000-0000-0000-0000-000000000001","names":["दूध"],"7":true}\n'
    )


def test_what_has_no_form_is_a_fault() -> None:
    with pytest.raises(TypeError):
        write_json({"it": object()})


def test_a_number_is_written_with_its_places_however_it_came() -> None:
    class Prices(Strict):
        each = fields.List(Exact())

    came = ["1.5", "2.50", "1E+3", "1.5E+3", "0E-9", "-0.001", "1234567.891", "-7.25"]
    numbers = [Decimal(each) for each in came] + [3]
    said = form_of(Prices())({"each": numbers})["each"]
    assert said == ["1.50", "2.50", "1000.00", "1500.00", "0.00", "-0.00", "1234567.89", "-7.25", "3.00"]
