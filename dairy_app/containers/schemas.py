"""Containers as clients send and see them. Deposits are rupees."""

from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields, validates_schema

from dairy_app.containers.models import HIGHEST_DEPOSIT
from dairy_app.containers.policy import INTERNAL_FIELDS
from dairy_app.containers.rules import ContainerChange, Empties, Entry, Loss, NewContainer
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Day, Line, Money, PageQuery, Strict
from dairy_app.web.validate import Invalid

#: More than anybody hands over at one time: a slip of the finger.
MOST_CONTAINERS = 1000
#: More kinds than a dairy has.
MOST_KINDS = 20


class Deposit(Money):
    """Rupees that one container is charged with: a decimal string with two places."""

    largest = Decimal(HIGHEST_DEPOSIT)
    example = "30.00"


def _count(low: int, **kwargs: Any) -> fields.Integer:
    return fields.Integer(required=True, strict=True, validate=validate.Range(low, MOST_CONTAINERS), **kwargs)


class EmptiesIn(Strict):
    """How many containers of one kind came back."""

    makes: type | None = Empties
    container_id = fields.UUID(required=True)
    back = _count(0)


def require_different(empties: Any) -> None:
    """Raise when a kind of container is counted twice at one door."""
    if len({each.container_id for each in empties}) < len(empties):
        raise Invalid("A container is listed twice.", "empties")


class ContainerIn(Strict):
    """A new kind of container."""

    makes = NewContainer
    name = Line(100, required=True)
    deposit = Deposit(required=True)


class ContainerPatch(Strict):
    """Only what is sent changes."""

    makes = ContainerChange
    name = Line(100)
    deposit = Deposit()


class ContainerOut(Schema):
    """A kind of container; ``deposit``: what a lost one is charged with."""

    id = fields.UUID()
    name = fields.String()
    deposit = Money()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class ContainersOut(Strict):
    """All kinds; there are few."""

    items = fields.List(fields.Nested(ContainerOut))


class EntryIn(Strict):
    """Containers that came back or went out without a delivery. ``day``: today when left out."""

    makes = Entry
    container_id = fields.UUID(required=True)
    count = _count(1)
    reason = Line(500, load_default=None, allow_none=True)
    day = Day(load_default=None, allow_none=True)


class LossIn(Strict):
    """Containers that will not come back. ``tax_class``: as in an adjustment."""

    makes = Loss
    container_id = fields.UUID(required=True)
    count = _count(1)
    reason = Line(500, required=True, shortest=3)
    charge = fields.Boolean(truthy={True}, falsy={False}, load_default=True)
    tax_class = Line(60, load_default=None, allow_none=True)
    day = Day(load_default=None, allow_none=True)


class ContainerMovementOut(Schema):
    """What moved at one time. Customers do not see ``by``: whose round it was, or who entered it."""

    sometimes = INTERNAL_FIELDS
    id = fields.UUID()
    day = Day()
    container_id = fields.UUID()
    container_name = fields.String()
    order_id = fields.UUID(allow_none=True)
    product_id = fields.UUID(allow_none=True)
    out = fields.Integer()
    back = fields.Integer()
    lost = fields.Integer()
    by = fields.UUID(allow_none=True)
    by_name = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    adjustment_id = fields.UUID(allow_none=True)
    created_at = fields.DateTime()


class ContainerEntryOut(ContainerMovementOut):
    """What was entered, and what the customer has by now."""

    customer_id = fields.UUID()
    balance = fields.Integer()


class ContainerBalanceOut(Schema):
    """What a customer has of one kind."""

    container_id = fields.UUID()
    container_name = fields.String()
    deposit = Money()
    balance = fields.Integer()


class CustomerContainersQuery(PageQuery):
    """Which movements."""


class CustomerContainersOut(Schema):
    """What a customer has of each kind, and what moved, the latest day first."""

    balances = fields.List(fields.Nested(ContainerBalanceOut))
    items = fields.List(fields.Nested(ContainerMovementOut))
    next_cursor = fields.String(allow_none=True)


class ContainerReportQuery(Strict):
    """By whom, and which days: of what moved. Default: since the first of this month."""

    by = Choice("customer", "helper", required=True)
    from_ = Day(data_key="from", load_default=None)
    to = Day(load_default=None)

    @validates_schema
    def days_in_order(self, data: dict[str, Any], **_: Any) -> None:
        first: date | None = data["from_"]
        if first is not None and data["to"] is not None and data["to"] < first:
            raise Invalid("Must not be before from.", "to")


class ContainerReportItem(Schema):
    """One customer or helper and one kind: what moved on the days, and what is out now."""

    customer_id = fields.UUID(allow_none=True)
    customer_code = fields.String(allow_none=True)
    customer_name = fields.String(allow_none=True)
    staff_id = fields.UUID(allow_none=True)
    staff_name = fields.String(allow_none=True)
    container_id = fields.UUID()
    container_name = fields.String()
    deposit = Money()
    out = fields.Integer()
    back = fields.Integer()
    lost = fields.Integer()
    balance = fields.Integer()
    deposits = Money()


class ContainerReportOut(Schema):
    """What moved, and who has what."""

    by = Choice("customer", "helper")
    from_ = Day(data_key="from")
    to = Day()
    items = fields.List(fields.Nested(ContainerReportItem))
