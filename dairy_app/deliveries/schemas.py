"""Confirmations, rounds and delivery statuses as clients send and see them."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from dairy_app.catalogue.models import UNITS
from dairy_app.catalogue.schemas import UnitQuantity
from dairy_app.customers.schemas import Latitude, Longitude
from dairy_app.deliveries.models import CONFIRMATION_METHODS, DELIVERY_STATUSES
from dairy_app.deliveries.rules import REASON_CODES, Confirmation, Delivered, RoundChoice, RoundDone, Unread
from dairy_app.deliveries.service.confirmations import Correction
from dairy_app.deliveries.service.monthly_edits import DayEntry
from dairy_app.orders.models import ORDER_STATUSES, SHIFTS
from dairy_app.orders.schemas import MOST_ITEMS, DeliveryStatusOut
from dairy_app.web import validate
from dairy_app.web.failures import MAX_FIELD_ERRORS, field_errors
from dairy_app.web.schemas import Choice, Day, Instant, Line, Money, PageQuery, Paragraph, Quantity, Strict, page_of
from dairy_app.web.strict_json import Unstorable
from dairy_app.web.validate import Invalid

#: A morning of one dairy fits; a body of that many is still small.
MOST_CONFIRMATIONS = 1000
#: More customers than one round has.
MOST_STOPS = 2000
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]+)?")
#: What a phone's clock may say. One without a battery begins in 1970; that is no reason to refuse a delivery.
_FIRST_CLOCK, _LAST_CLOCK = datetime(1960, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _clock_may_say(instant: datetime) -> None:
    if not _FIRST_CLOCK <= instant < _LAST_CLOCK:
        raise Invalid("Must be from 1960 to 2199.")


class ReportedLatitude(Latitude):
    """Degrees north as a phone reports them, rounded to six places: no reason to refuse a delivery."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(low=-self.largest, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        written = f"{value:f}" if isinstance(value, Decimal) else value
        if isinstance(written, str) and _DEGREES.fullmatch(written):
            written = str(Decimal(written).quantize(Decimal(1).scaleb(-self.places)))
        return super()._deserialize(written, attr, data, **kwargs)


class ReportedLongitude(ReportedLatitude):
    """Degrees east as a phone reports them."""

    largest = Longitude.largest
    example = Longitude.example


class DeliveredItem(Strict):
    """How much of one product was brought."""

    makes = Delivered
    product_id = fields.UUID(required=True)
    delivered_quantity = Quantity(required=True)


class ConfirmationIn(Strict):
    """What happened at one door. Without ``items`` all of the order was brought."""

    makes = Confirmation
    order_id = fields.UUID(required=True)
    customer_id = fields.UUID(metadata={"description": "Checked against the order when sent."})
    delivery_date = Day(metadata={"description": "Default: the day of delivered_at, else today."})
    status = Choice("delivered", "not_delivered", required=True)
    items = fields.List(fields.Nested(DeliveredItem), validate=validate.Length(max=MOST_ITEMS))
    delivered_at = Instant()
    client_event_id = fields.UUID(metadata={"description": "The phone's own key: sent again, it is a repeat."})
    device_time = Instant(
        validate=_clock_may_say,
        metadata={
            "description": "By the phone's clock; kept beside the server's, never reckoned with.",
            "example": "2026-11-22T06:30:00+05:30",
        },
    )
    latitude = ReportedLatitude()
    longitude = ReportedLongitude()
    reason_code = Line(60, metadata={"description": f"One of {', '.join(REASON_CODES)}, or words of your own."})
    notes = Paragraph(2000)

    @validates_schema
    def nothing_delivered_is_nothing(self, data: dict[str, Any], **_: Any) -> None:
        brought = any(item.delivered_quantity for item in data.get("items", []))
        if data["status"] == "not_delivered" and brought:
            raise Invalid("not_delivered cannot have delivered quantities.", "items")


class EachJudged(fields.Nested):
    """One of a list that is judged piece by piece: what cannot be read is kept as ``Unread`` and stops no other."""

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        if isinstance(value, Unstorable):
            return Unread(_named(value.value), [value.error])
        try:
            return super().deserialize(value, attr, data, **kwargs)
        except ValidationError as error:
            return Unread(_named(value), field_errors(error.messages)[:MAX_FIELD_ERRORS])


def _named(value: Any) -> Any:
    """The order that a confirmation means which cannot be read, None when not even that can."""
    try:
        return fields.UUID().deserialize(value.get("order_id")) if isinstance(value, dict) else None
    except (ValidationError, ValueError):
        return None


class BatchIn(Strict):
    """What happened at many doors, in the order in which it happened."""

    judged_apart = "confirmations"
    confirmations = fields.List(
        EachJudged(ConfirmationIn), required=True, validate=validate.Length(min=1, max=MOST_CONFIRMATIONS)
    )


class ConfirmationOut(Strict):
    """What a confirmation came to."""

    order_id = fields.UUID()
    order_status = Choice(*ORDER_STATUSES)
    delivery_status = fields.Nested(DeliveryStatusOut)
    replayed = fields.Boolean(metadata={"description": "The same was confirmed before; nothing changed."})


class FieldErrorOut(Strict):
    """One field that is wrong."""

    pointer = fields.String(metadata={"example": "/items/0/delivered_quantity"})
    code = fields.String(metadata={"example": "invalid"})
    detail = fields.String(metadata={"example": "At most 3 decimals."})


class ResultOut(Strict):
    """What became of one confirmation of a batch."""

    index = fields.Integer(metadata={"description": "Its place in the batch, from 0."})
    order_id = fields.UUID(allow_none=True)
    outcome = Choice("confirmed", "replayed", "rejected")
    code = fields.String(allow_none=True, metadata={"description": "Why it was rejected: a code of the error table."})
    detail = fields.String(allow_none=True)
    errors = fields.List(fields.Nested(FieldErrorOut), metadata={"description": "The fields that are wrong, if any."})
    order_status = Choice(*ORDER_STATUSES, allow_none=True)


class BatchOut(Strict):
    """What a batch came to; every confirmation has its result, in the order sent."""

    confirmed = fields.Integer()
    replayed = fields.Integer()
    rejected = fields.Integer()
    results = fields.List(fields.Nested(ResultOut))


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
    area = fields.String(allow_none=True)
    map_link = fields.String(allow_none=True, metadata={"description": "Made of the position when none was noted."})
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


class RoundOrder(Strict):
    """One order at a door."""

    order_id = fields.UUID()
    status = Choice(*ORDER_STATUSES)
    shift = Choice(*SHIFTS)
    notes = fields.String(allow_none=True)
    items = fields.List(fields.Nested(RoundItem))
    delivery_status = fields.Nested(RoundDelivery, allow_none=True)


class Stop(Strict):
    """One door of a round."""

    sequence = fields.Integer(allow_none=True, metadata={"description": "The customer's place; gaps are fine."})
    customer = fields.Nested(RoundCustomer)
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


class CorrectionIn(Strict):
    """What was really delivered: every product of the order with its quantity, or nothing at all."""

    makes = Correction
    not_in_example = ("status",)
    items = fields.List(fields.Nested(DeliveredItem), validate=validate.Length(min=1, max=MOST_ITEMS))
    status = Choice("not_delivered")
    reason = Line(500, required=True)

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("items" in data) == ("status" in data):
            raise Invalid("Send either items or status.", "items")


class MonthlyEditIn(Strict):
    """A cell of the month's grid, typed anew."""

    makes = DayEntry
    customer_id = fields.UUID(required=True)
    product_id = fields.UUID(required=True)
    date = Day("iso", required=True)
    quantity = Quantity(required=True)
    shift = Choice(*SHIFTS)
    reason = Line(500, required=True)


class MonthlyEditOut(Strict):
    """What became of it: an override of the standing order, or a correction of the delivery."""

    applied = fields.String(validate=validate.OneOf(("override", "correction")))
    subscription_id = fields.UUID(allow_none=True)
    order_id = fields.UUID(allow_none=True)


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


class DeliveryStatusQuery(PageQuery):
    """Which delivery statuses."""

    delivery_date = Day()
    delivery_date_from = Day(data_key="delivery_date[gte]")
    delivery_date_to = Day(data_key="delivery_date[lte]")
    status = Choice(*DELIVERY_STATUSES)
    delivery_boy_id = fields.UUID()
    confirmation_method = Choice(*CONFIRMATION_METHODS)


DeliveryStatusPage = page_of(DeliveryStatusOut, "DeliveryStatusPage")
