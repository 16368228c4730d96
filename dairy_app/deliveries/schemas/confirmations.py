"""Confirmations, corrections and delivery statuses as clients send and see them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from dairy_app.containers.schemas import MOST_KINDS, EmptiesIn, require_different
from dairy_app.customers.schemas import Latitude, Longitude
from dairy_app.deliveries.models import CONFIRMATION_METHODS, DELIVERY_STATUSES
from dairy_app.deliveries.rules import REASON_CODES, Confirmation, Delivered, ExtraItem, Unplanned, Unread
from dairy_app.deliveries.service.confirmations import Correction
from dairy_app.deliveries.service.monthly_edits import DayEntry
from dairy_app.orders.models import ORDER_STATUSES, SHIFTS
from dairy_app.orders.schemas import MOST_ITEMS, DeliveryStatusOut, InvoiceOfOrder
from dairy_app.web import validate
from dairy_app.web.failures import MAX_FIELD_ERRORS, field_errors
from dairy_app.web.schemas import Choice, Day, Instant, Line, PageQuery, Paragraph, Quantity, Strict, page_of
from dairy_app.web.strict_json import Unstorable
from dairy_app.web.validate import Invalid

#: A morning of one dairy fits; a body of that many is still small.
MOST_CONFIRMATIONS = 1000
#: More kinds of goods than anybody asks for at a door.
MOST_EXTRAS = 20
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]+)?")
#: What a phone's clock may say. One without a battery begins in 1970; that is no reason to refuse a delivery.
_FIRST_CLOCK, _LAST_CLOCK = datetime(1960, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def clock_may_say(instant: datetime) -> None:
    """Refuse a moment that no phone's clock can mean. Raises ``Invalid``."""
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


class ExtraItemIn(Strict):
    """How much of one product was handed over though nobody had ordered it."""

    makes = ExtraItem
    product_id = fields.UUID(required=True)
    quantity = Quantity(required=True, above=True)


def _require_different(items: Sequence[ExtraItem], field: str) -> None:
    if len({item.product_id for item in items}) < len(items):
        raise Invalid("A product is listed twice.", field)


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
        validate=clock_may_say,
        metadata={
            "description": "By the phone's clock; kept beside the server's, never reckoned with.",
            "example": "2026-11-22T06:30:00+05:30",
        },
    )
    latitude = ReportedLatitude()
    longitude = ReportedLongitude()
    reason_code = Line(60, metadata={"description": f"One of {', '.join(REASON_CODES)}, or words of your own."})
    notes = Paragraph(2000)
    extra_items = fields.List(
        fields.Nested(ExtraItemIn),
        validate=validate.Length(max=MOST_EXTRAS),
        metadata={
            "description": "What else was handed over. It becomes an order of its own, priced as of the day and "
            "confirmed in full; the setting door_extras says who may."
        },
    )
    empties = fields.List(
        fields.Nested(EmptiesIn),
        validate=validate.Length(max=MOST_KINDS),
        metadata={"description": "Containers that came back; what went out is counted from what was delivered."},
    )
    not_in_example = ("extra_items", "empties")

    @validates_schema
    def nothing_delivered_is_nothing(self, data: dict[str, Any], **_: Any) -> None:
        brought = any(item.delivered_quantity for item in data.get("items", []))
        if data["status"] == "not_delivered" and brought:
            raise Invalid("not_delivered cannot have delivered quantities.", "items")

    @validates_schema
    def extras_differ(self, data: dict[str, Any], **_: Any) -> None:
        _require_different(data.get("extra_items", []), "extra_items")

    @validates_schema
    def empties_differ(self, data: dict[str, Any], **_: Any) -> None:
        require_different(data.get("empties", []))


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


class CorrectionOut(Strict):
    """What a correction came to."""

    order_id = fields.UUID()
    order_status = Choice(*ORDER_STATUSES)
    delivery_status = fields.Nested(DeliveryStatusOut)
    replayed = fields.Boolean(metadata={"description": "The same was confirmed before; nothing changed."})


class ConfirmationOut(CorrectionOut):
    """What a confirmation came to."""

    extra_order_id = fields.UUID(allow_none=True, metadata={"description": "The order of the extra items."})


class UnplannedIn(Strict):
    """Goods that reached a door without an order."""

    makes = Unplanned
    customer_id = fields.UUID(required=True)
    delivery_date = Day(required=True, metadata={"description": "Today; for admins also a day that is over."})
    shift = Choice(*SHIFTS, load_default="morning")
    items = fields.List(fields.Nested(ExtraItemIn), required=True, validate=validate.Length(min=1, max=MOST_EXTRAS))
    reason = Line(500, required=True)
    client_event_id = fields.UUID(metadata={"description": "The phone's own key: sent again, it is a repeat."})
    confirm = fields.Boolean(
        load_default=False,
        metadata={"description": "From an admin: an unusual quantity is meant.", "example": False},
    )

    @validates_schema
    def products_differ(self, data: dict[str, Any], **_: Any) -> None:
        _require_different(data["items"], "items")


class UnplannedOut(Strict):
    """The order that was made of an unplanned delivery, and the document it is on."""

    order_id = fields.UUID()
    delivery_status = fields.Nested(DeliveryStatusOut)
    invoice = fields.Nested(InvoiceOfOrder)


class MovedIn(Strict):
    """Whose door it really was."""

    to_customer_id = fields.UUID(required=True)
    reason = Line(500, required=True)


class MovedOut(UnplannedOut):
    """The order of whoever really got it; ``moved_from``: the order of which nothing was delivered after all."""

    moved_from = fields.UUID()


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
    extra_order_id = fields.UUID(allow_none=True)


class BatchOut(Strict):
    """What a batch came to; every confirmation has its result, in the order sent."""

    confirmed = fields.Integer()
    replayed = fields.Integer()
    rejected = fields.Integer()
    results = fields.List(fields.Nested(ResultOut))


class CorrectionIn(Strict):
    """What was really delivered: every product of the order with its quantity, or nothing at all."""

    makes = Correction
    not_in_example = ("status", "empties")
    items = fields.List(fields.Nested(DeliveredItem), validate=validate.Length(min=1, max=MOST_ITEMS))
    status = Choice("not_delivered")
    reason = Line(500, required=True)
    empties = fields.List(
        fields.Nested(EmptiesIn),
        validate=validate.Length(max=MOST_KINDS),
        metadata={"description": "What came back after all, of every kind; left out: as it was told."},
    )

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("items" in data) == ("status" in data):
            raise Invalid("Send either items or status.", "items")

    @validates_schema
    def empties_differ(self, data: dict[str, Any], **_: Any) -> None:
        require_different(data.get("empties", []))


class MonthlyEditIn(Strict):
    """A cell of the month's grid, typed anew."""

    makes = DayEntry
    customer_id = fields.UUID(required=True)
    product_id = fields.UUID(required=True)
    date = Day("iso", required=True)
    quantity = Quantity(required=True)
    shift = Choice(*SHIFTS)
    reason = Line(500, required=True)
    confirm = fields.Boolean(
        load_default=False,
        metadata={"description": "From an admin: an unusual quantity is meant.", "example": False},
    )


class MonthlyEditOut(Strict):
    """What became of it: an override of the standing order, or a correction of the delivery."""

    applied = fields.String(validate=validate.OneOf(("override", "correction")))
    subscription_id = fields.UUID(allow_none=True)
    order_id = fields.UUID(allow_none=True)


class DeliveryStatusQuery(PageQuery):
    """Which delivery statuses."""

    delivery_date = Day()
    delivery_date_from = Day(data_key="delivery_date[gte]")
    delivery_date_to = Day(data_key="delivery_date[lte]")
    status = Choice(*DELIVERY_STATUSES)
    delivery_boy_id = fields.UUID()
    confirmation_method = Choice(*CONFIRMATION_METHODS)


DeliveryStatusPage = page_of(DeliveryStatusOut, "DeliveryStatusPage")
