"""Rounds, their sequence and who goes them, as clients send and see them."""

from typing import Any

from marshmallow import fields, validates_schema

from dairy_app.catalogue.models import UNITS
from dairy_app.catalogue.schemas import UnitQuantity
from dairy_app.containers.schemas import EmptiesIn
from dairy_app.customers.models import CUSTOMER_STATUSES
from dairy_app.customers.schemas import Latitude, Longitude
from dairy_app.deliveries.models import CONFIRMATION_METHODS, DELIVERY_STATUSES
from dairy_app.deliveries.rules import EmptiesOfOrder, RoundChoice, RoundDone
from dairy_app.deliveries.schemas.confirmations import MOST_CONFIRMATIONS
from dairy_app.deliveries.service.rounds import StandIn
from dairy_app.orders.models import ORDER_SOURCES, ORDER_STATUSES, SHIFTS
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Day, Instant, Money, Quantity, Strict
from dairy_app.web.validate import Invalid

#: More customers than one round has.
MOST_STOPS = 2000


class RoundQuery(Strict):
    """Which round: a day's orders of a delivery boy, of an area with those below it, of a shift, or of all."""

    makes = RoundChoice
    delivery_date = Day(metadata={"description": "Default: today."})
    shift = Choice(*SHIFTS)
    delivery_boy_id = fields.UUID(metadata={"description": "A delivery boy may only name himself."})
    area_id = fields.UUID()


class RoundsQuery(Strict):
    """Which day."""

    delivery_date = Day(load_default=None, metadata={"description": "Default: today."})


class RoundsItem(Strict):
    """One delivery boy's round of a shift; ``staff_id`` null: orders that are given to nobody."""

    staff_id = fields.UUID(allow_none=True)
    staff_name = fields.String(allow_none=True)
    shift = Choice(*SHIFTS)
    stops = fields.Integer()
    done = fields.Integer()
    open = fields.Integer()
    of_others = fields.Integer(metadata={"description": "Doors of another's customers: he stands in for somebody."})
    orders = fields.Integer()
    delivered = fields.Integer()
    in_part = fields.Integer(data_key="partial", attribute="partial")
    not_delivered = fields.Integer()
    reasons = fields.Dict(
        keys=fields.String(), values=fields.Integer(), metadata={"example": {"door_locked": 2, "unknown": 1}}
    )


class RoundsOut(Strict):
    """How far the rounds of a day are."""

    delivery_date = Day()
    items = fields.List(fields.Nested(RoundsItem))


class ShortDeliveriesItem(Strict):
    """What one helper brought too little of; ``staff_id`` null: rounds that were nobody's."""

    staff_id = fields.UUID(allow_none=True)
    staff_name = fields.String(allow_none=True)
    confirmed = fields.Integer(metadata={"description": "Orders that were confirmed, the short ones too."})
    in_part = fields.Integer(data_key="partial", attribute="partial")
    not_delivered = fields.Integer()
    reasons = fields.Dict(keys=fields.String(), values=fields.Integer(), metadata={"example": {"door_locked": 2}})
    missing = fields.List(fields.Nested(UnitQuantity))
    amount = Money(metadata={"description": "What is missing, at the prices of its orders."})


class ShortDeliveriesOut(Strict):
    """Orders of some months of which less was delivered than ordered, by helper, the most first."""

    from_ = fields.String(data_key="from")
    to = fields.String()
    items = fields.List(fields.Nested(ShortDeliveriesItem))


class RoundCustomer(Strict):
    """Whom to find, and how."""

    id = fields.UUID()
    name = fields.String()
    phone = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    full_address = fields.String(allow_none=True)
    area = fields.String(allow_none=True)
    map_link = fields.String(
        allow_none=True, metadata={"description": "Made of the position, else of the address, when none was noted."}
    )
    latitude = Latitude(allow_none=True)
    longitude = Longitude(allow_none=True)
    notes = fields.String(allow_none=True)


def _packets(**kwargs: Any) -> fields.Integer:
    text = "Whole packets; null for what is loose, or no whole number of them."
    return fields.Integer(allow_none=True, metadata={"description": text}, **kwargs)


class RoundItem(Strict):
    """What to hand over."""

    product_id = fields.UUID()
    name = fields.String()
    unit = Choice(*UNITS)
    quantity = Quantity()
    packets = _packets()
    delivered_quantity = Quantity(allow_none=True)


class RoundDelivery(Strict):
    """What happened at the door."""

    status = Choice(*DELIVERY_STATUSES)
    delivery_date = Day()
    delivered_at = fields.DateTime(allow_none=True)
    confirmed_at = fields.DateTime()
    confirmed_by_name = fields.String(allow_none=True)
    confirmation_method = Choice(*CONFIRMATION_METHODS)
    reason_code = fields.String(allow_none=True)
    notes = fields.String(allow_none=True)


class EmptiesAtDoor(Strict):
    """How many containers of one kind came back with an order."""

    container_id = fields.UUID()
    name = fields.String()
    back = fields.Integer()


class RoundOrder(Strict):
    """One order at a door."""

    order_id = fields.UUID()
    status = Choice(*ORDER_STATUSES)
    shift = Choice(*SHIFTS)
    source = Choice(*ORDER_SOURCES)
    notes = fields.String(allow_none=True)
    items = fields.List(fields.Nested(RoundItem))
    empties = fields.List(fields.Nested(EmptiesAtDoor), metadata={"description": "What came back with it."})
    delivery_status = fields.Nested(RoundDelivery, allow_none=True)


class ContainerAtDoor(Strict):
    """What a customer has of one kind of container before anything is brought."""

    container_id = fields.UUID()
    name = fields.String()
    balance = fields.Integer()


class Stop(Strict):
    """One door of a round. ``due_amount`` only when the setting ``show_due_at_door`` is on."""

    sometimes = ("due_amount",)
    due_amount = Money(
        allow_none=True,
        metadata={"description": "Rupees that the customer owes; null: nothing is to be collected."},
    )
    sequence = fields.Integer(allow_none=True, metadata={"description": "The customer's place; gaps are fine."})
    customer = fields.Nested(RoundCustomer)
    containers = fields.List(
        fields.Nested(ContainerAtDoor), metadata={"description": "What the customer has; of what was counted by now."}
    )
    orders = fields.List(fields.Nested(RoundOrder))


class LoadingRow(Strict):
    """How much of one product the round takes along."""

    product_id = fields.UUID()
    name = fields.String()
    unit = Choice(*UNITS)
    quantity = Quantity()
    packets = _packets()


class Progress(Strict):
    """How far a round is. A stop is done when none of its orders is open."""

    stops = fields.Integer()
    done = fields.Integer()
    open = fields.Integer()
    orders = fields.Integer()
    open_orders = fields.Integer()
    delivered = fields.Integer()
    partially_delivered = fields.Integer()
    not_delivered = fields.Integer()


class RoundOut(Strict):
    """One day's round."""

    delivery_date = Day()
    shift = Choice(*SHIFTS, allow_none=True)
    stops = fields.List(fields.Nested(Stop))
    loading_sheet = fields.List(fields.Nested(LoadingRow))
    progress = fields.Nested(Progress)


class StartIn(RoundQuery):
    """Which round is on its way."""


class StartOut(Strict):
    """What starting a round came to."""

    started = fields.Integer(metadata={"description": "Orders that are out for delivery now."})
    already = fields.Integer(metadata={"description": "Orders that were out before."})


class EmptiesOfOrderIn(EmptiesIn):
    """How many containers of one kind came back when this order was brought."""

    makes = EmptiesOfOrder
    order_id = fields.UUID(required=True)


class CompleteIn(RoundQuery):
    """A round of which all but some orders were delivered in full."""

    makes = RoundDone
    delivery_date = Day(required=True)
    excepted = fields.List(
        fields.UUID(),
        data_key="except",
        load_default=list,
        validate=validate.Length(max=MOST_CONFIRMATIONS),
        metadata={"description": "Orders of the round to leave as they are."},
    )
    completed_at = Instant(metadata={"description": "Default: now."})
    empties = fields.List(
        fields.Nested(EmptiesOfOrderIn),
        load_default=list,
        validate=validate.Length(max=MOST_CONFIRMATIONS),
        metadata={"description": "Containers that came back, by order of the round."},
    )
    not_in_example = ("empties",)

    @validates_schema
    def empties_differ(self, data: dict[str, Any], **_: Any) -> None:
        if len({(each.order_id, each.container_id) for each in data["empties"]}) < len(data["empties"]):
            raise Invalid("A container is listed twice for an order.", "empties")


class RefusedOrder(Strict):
    """An order of a round that could not be confirmed."""

    order_id = fields.UUID()
    outcome = Choice("rejected")
    code = fields.String()
    detail = fields.String(allow_none=True)


class CompleteOut(Strict):
    """What completing a round came to; orders that were confirmed or cancelled before are not counted."""

    confirmed = fields.Integer()
    skipped = fields.Integer(metadata={"description": "Exceptions that are still open."})
    rejected = fields.Integer()
    results = fields.List(
        fields.Nested(RefusedOrder),
        metadata={"description": "The orders that were rejected."},
    )


class SequenceIn(Strict):
    """Customers in the order in which they are reached."""

    customer_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(min=1, max=MOST_STOPS))

    @validates_schema
    def customers_differ(self, data: dict[str, Any], **_: Any) -> None:
        seen = set()
        for position, customer_id in enumerate(data["customer_ids"]):
            if customer_id in seen:
                raise Invalid("The customer is listed twice.", "customer_ids", position)
            seen.add(customer_id)


class StopSequence(Strict):
    """One customer's place in the round."""

    customer_id = fields.UUID()
    stop_sequence = fields.Integer()


class SequenceOut(Strict):
    """The places that were given."""

    items = fields.List(fields.Nested(StopSequence))


class RoundCustomerPlace(StopSequence):
    """A customer of a round, with its place."""

    code = fields.String()
    name = fields.String()
    status = Choice(*CUSTOMER_STATUSES)
    full_address = fields.String(allow_none=True)
    stop_sequence = fields.Integer(allow_none=True)


class RoundSequenceOut(Strict):
    """The customers of a delivery boy in the order in which they are reached, but those who are stopped."""

    items = fields.List(fields.Nested(RoundCustomerPlace))


class RoundJoinIn(SequenceIn):
    """Customers who join a round, in the order in which they are reached there."""


class StandInIn(Strict):
    """Who goes a round on one day in place of its delivery boy."""

    makes = StandIn
    delivery_boy_id = fields.UUID(required=True)
    stand_in_id = fields.UUID(required=True, allow_none=True, metadata={"example": None})
    delivery_date = Day(required=True)
    shift = Choice(*SHIFTS, metadata={"description": "Default: both."})


class StandInOut(Strict):
    """What the stand-in has to bring, or who goes himself again."""

    customers = fields.Integer()
    orders = fields.Integer()


class RoundPlanItem(Strict):
    """The customers whom one delivery boy has in one area and shift."""

    staff_id = fields.UUID(allow_none=True)
    staff_name = fields.String(allow_none=True)
    shift = Choice(*SHIFTS, allow_none=True)
    area_id = fields.UUID(allow_none=True)
    area = fields.String(allow_none=True)
    customers = fields.Integer()
    weekdays = fields.List(fields.Integer(validate=validate.Range(0, 6)))


class RoundPlanOut(Strict):
    """Who goes where, as of today."""

    items = fields.List(fields.Nested(RoundPlanItem))
