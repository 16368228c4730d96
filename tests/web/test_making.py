"""What a schema reads becomes an object of its class ``makes``: both say the same of every field."""

from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args

import marshmallow
import pytest

from dairy_app.common.changes import UNSET, Unset
from dairy_app.deliveries.schemas.confirmations import CorrectionIn
from dairy_app.deliveries.schemas.rounds import CompleteIn
from dairy_app.orders.schemas import OrderIn
from dairy_app.orders.service import NewItem, NewOrder
from dairy_app.sharing.schemas import ApproveIn
from dairy_app.subscriptions.schemas.standing_orders import SubscriptionPatch
from dairy_app.web.schemas import Strict
from tests.web.test_validate import schemas

#: Names of fields that are words of Python.
RENAMED = {"from": "from_"}
ID = "8b0c2f2e-54b5-4b3f-9d5e-2f3f7b5f3a10"


def making() -> list[type[Strict]]:
    return [each for each in schemas() if issubclass(each, Strict) and each.makes is not None]


def read_by(schema: type[Strict]) -> dict[str, marshmallow.fields.Field[Any]]:
    named = {field.attribute or name: field for name, field in schema().load_fields.items()}
    return {RENAMED.get(name, name): field for name, field in named.items()}


def default_of(field: Any) -> Any:
    """What an object has where nothing was said; MISSING when something must be."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def test_there_are_such_schemas() -> None:
    assert len(making()) > 35


@pytest.mark.parametrize("schema", making(), ids=lambda schema: schema.__name__)
def test_a_schema_and_what_it_makes_agree(schema: type[Strict]) -> None:
    assert is_dataclass(schema.makes)
    read, made = read_by(schema), {field.name: field for field in fields(schema.makes)}
    assert read.keys() == made.keys() - NOT_SENT.get(schema.__name__, set())
    for name, field in read.items():
        default = default_of(made[name])
        if field.required:
            continue
        assert field.load_default is not marshmallow.missing or default is not MISSING, name
        may_be_unset = Unset in get_args(made[name].type)
        assert may_be_unset == (default is UNSET), name
        # Where null says something, a field that was not sent must not look like it.
        if field.allow_none and field.load_default is marshmallow.missing and default is None:
            assert name in NULL_IS_NOTHING.get(schema.__name__, ()), name


#: What an object holds that no client says.
NOT_SENT = {"UserIn": {"legacy_id"}}
#: Schemas where null is the same as a field that is not sent.
NULL_IS_NOTHING = {"OverrideIn": {"shift"}, "AreaIn": {"parent_id"}, "ReminderRuleIn": {"channel"}}


def test_an_order_is_read_with_its_items() -> None:
    body = {"delivery_date": "2026-11-22", "items": [{"product_id": ID, "quantity": "1.5"}]}
    order = OrderIn().load(body)
    assert isinstance(order, NewOrder)
    assert isinstance(order.items[0], NewItem)
    assert (order.shift, order.customer_id, order.notes, order.items[0].unit_price) == ("morning", None, None, None)


def test_what_was_not_sent_stays_apart_from_null() -> None:
    change = SubscriptionPatch().load({"stop_date": None})
    assert (change.stop_date, change.price_per_unit) == (None, UNSET)


def test_a_field_keeps_its_name_where_python_has_the_word() -> None:
    assert str(ApproveIn().load({"from": "2026-11-22"}).from_) == "2026-11-22"
    assert [str(each) for each in CompleteIn().load({"delivery_date": "2026-11-22", "except": [ID]}).excepted] == [ID]
    assert CorrectionIn().load({"status": "not_delivered", "reason": "x"}).items is None
