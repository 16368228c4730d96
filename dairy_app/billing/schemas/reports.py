"""What is unbilled and what was recovered, as clients see it."""

from marshmallow import Schema, fields

from dairy_app.orders.models import ORDER_TYPES
from dairy_app.web.schemas import (
    Choice,
    Day,
    Money,
    Strict,
)


class AsOfQuery(Strict):
    """A day; today when left out."""

    as_of = Day(load_default=None)


class UnbilledRow(Schema):
    """Delivered value on drafts, of one month and source."""

    period = fields.String(attribute="month", dump_only=True)
    month = fields.String(metadata={"deprecated": True})
    source = Choice(*ORDER_TYPES)
    orders = fields.Integer()
    customers = fields.Integer()
    amount = Money()
    oldest_days = fields.Integer()


class UnbilledOut(Schema):
    """What a backfill would recover."""

    as_of = Day()
    items = fields.List(fields.Nested(UnbilledRow))
    orders = fields.Integer()
    amount = Money()


class RecoveryRow(Schema):
    """One month's one-time revenue against all of it."""

    period = fields.String(attribute="month", dump_only=True)
    month = fields.String(metadata={"deprecated": True})
    one_time_amount = Money()
    prior_period_amount = Money()
    total_amount = Money()


class RecoveryOut(Schema):
    """One-time revenue billed per month."""

    items = fields.List(fields.Nested(RecoveryRow))
    one_time_amount = Money()
    total_amount = Money()
