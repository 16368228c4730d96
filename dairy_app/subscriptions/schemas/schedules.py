"""Changes of standing orders from a day on as clients send and see them, and weekdays."""

from typing import Any

from marshmallow import fields, validates_schema

from dairy_app.catalogue.models import UNITS
from dairy_app.subscriptions.models import CHANNELS, MODES, SHIFTS
from dairy_app.subscriptions.rules.standing_orders import NOTHING
from dairy_app.subscriptions.rules.wishes import ScheduleChange
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Day, Line, Money, Quantity, Strict, Unnamed
from dairy_app.web.validate import Coded, Invalid

#: What a person may say; the others are set by the way a change came.
SAID_CHANNELS = tuple(channel for channel in CHANNELS if channel not in ("import", "shared_link"))


class Weekdays(fields.List[int]):
    """Weekdays, 0 = Monday, each once; at least one."""

    def __init__(self, **kwargs: Any) -> None:
        day = fields.Integer(strict=True, validate=validate.Range(0, 6))
        super().__init__(day, validate=validate.Length(1, 7, error=Coded("Choose one to seven weekdays.")), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        days = super()._deserialize(value, attr, data, **kwargs)
        if len(set(days)) < len(days):
            raise Invalid("A weekday is listed twice.")
        return sorted(days)


class OfWeekdays(Strict):
    """A quantity for each weekday; 0: nothing comes."""

    mon = Quantity(load_default=NOTHING)
    tue = Quantity(load_default=NOTHING)
    wed = Quantity(load_default=NOTHING)
    thu = Quantity(load_default=NOTHING)
    fri = Quantity(load_default=NOTHING)
    sat = Quantity(load_default=NOTHING)
    sun = Quantity(load_default=NOTHING)


class OfWeekdaysOut(OfWeekdays):
    """How much comes on each weekday."""


class WeekdayQuantities(Unnamed):
    """Quantities by the names of weekdays; kept as a list, Monday first."""

    def __init__(self) -> None:
        super().__init__(OfWeekdays, allow_none=True)


class WeekdayQuantitiesOut(Unnamed):
    """The same in an answer, where there are always all seven."""

    def __init__(self) -> None:
        super().__init__(OfWeekdaysOut, allow_none=True)


class ScheduleIn(Strict):
    """What is different from a day on; what is not sent is as on the day before."""

    makes = ScheduleChange
    #: Its example would be an id that nobody has.
    not_in_example = ("product_id",)
    first = Day(required=True, data_key="from", metadata={"description": "The first day that is different."})
    product_id = fields.UUID()
    mode = Choice(*MODES)
    default_quantity = Quantity()
    weekly_pattern = Weekdays()
    weekly_quantities = WeekdayQuantities()
    interval_days = fields.Integer(
        strict=True,
        validate=validate.Range(1, 365),
        metadata={"description": "With mode alternate_days: 2 by default."},
    )
    anchor_date = Day(metadata={"description": "With mode alternate_days: a day that counts; default `from`."})
    shift = Choice(*SHIFTS)
    price_per_unit = Money(
        allow_none=True,
        metadata={"description": "Quoted to this customer, by staff; null, or with another product: the price list."},
    )
    reason = Line(500)
    channel = Choice(*SAID_CHANNELS)
    replace_later = fields.Boolean(
        load_default=False,
        metadata={"description": "Changes of that day and later give way to this one.", "example": False},
    )
    confirm = fields.Boolean(
        load_default=False,
        metadata={
            "description": "One more of the same is meant; from an admin: an unusual quantity.",
            "example": False,
        },
    )

    @validates_schema
    def something(self, data: dict[str, Any], **_: Any) -> None:
        if data.keys() <= {"first", "reason", "channel", "replace_later", "confirm"}:
            raise Invalid("Say what changes.", "default_quantity")


class ScheduleOut(Strict):
    """What a standing order is from a day to a day; ``to`` null: until the next change."""

    id = fields.UUID()
    subscription_id = fields.UUID()
    first = Day(data_key="from")
    last = Day(data_key="to", allow_none=True)
    product_id = fields.UUID()
    product_name = fields.String()
    unit = Choice(*UNITS)
    mode = Choice(*MODES)
    default_quantity = Quantity(metadata={"description": "The one in force on the first day."})
    weekly_pattern = fields.List(fields.Integer(validate=validate.Range(0, 6)), allow_none=True)
    weekly_quantities = WeekdayQuantitiesOut()
    interval_days = fields.Integer(allow_none=True)
    anchor_date = Day(allow_none=True)
    shift = Choice(*SHIFTS)
    price_per_unit = Money(allow_none=True)
    reason = fields.String(allow_none=True)
    channel = Choice(*CHANNELS)
    requested_by = fields.UUID(allow_none=True)
    created_at = fields.DateTime()
