"""Merging as clients see it."""

from marshmallow import fields

from dairy_app.merging.queries import MOVING
from dairy_app.merging.rules import REASONS
from dairy_app.merging.service import Merge
from dairy_app.subscriptions.models import SHIFTS
from dairy_app.web.schemas import Choice, Line, Money, Strict


class MergeIn(Strict):
    """Into whom, and why."""

    makes = Merge
    into = fields.UUID(required=True)
    reason = Line(500, required=True, shortest=3)


class MergePreviewQuery(Strict):
    """Into whom."""

    into = fields.UUID(required=True)


class MergedCustomerOut(Strict):
    """One of the two customers."""

    id = fields.UUID()
    code = fields.String()
    name = fields.String()
    phone = fields.String(allow_none=True)
    address_line1 = fields.String(allow_none=True)
    merged_into = fields.UUID(allow_none=True)
    merged_at = fields.AwareDateTime(allow_none=True)


#: How many rows of each kind move.
MovingOut = Strict.from_dict({name: fields.Integer() for name in MOVING}, name="MovingOut")
MovingOut.__doc__ = "How many rows of each kind hang on the customer."


class DuplicateOut(Strict):
    """What both get regularly: it comes twice afterwards, unless one is stopped."""

    product_name = fields.String()
    shift = Choice(*SHIFTS)


class YieldingPriceOut(Strict):
    """A price agreed with the customer for days for which one is agreed with the other: that one stands."""

    product_name = fields.String()
    price = Money()
    price_of_other = Money()


class MergeRefusalOut(Strict):
    """Why the two cannot be merged as they are."""

    code = Choice(*REASONS)
    about = fields.String(allow_none=True)
    detail = fields.String()


class MergeOut(Strict):
    """A merge, or what it would come to: balances are those before it, ``balance_together`` what is owed afterwards."""

    customer = fields.Nested(MergedCustomerOut)
    into = fields.Nested(MergedCustomerOut)
    moving = fields.Nested(MovingOut)
    balance = Money()
    balance_of_other = Money()
    balance_together = Money()
    login = Choice("none", "kept", "ended")
    duplicates = fields.List(fields.Nested(DuplicateOut))
    prices_that_yield = fields.List(fields.Nested(YieldingPriceOut))
    refusals = fields.List(fields.Nested(MergeRefusalOut))
    replayed = fields.Boolean()
