"""Standing orders as clients send and see them."""

from typing import Any

from marshmallow import fields, validates_schema

from dairy_app.catalogue.models import UNITS
from dairy_app.catalogue.schemas import PriceOut, ProductOut
from dairy_app.customers.schemas import CustomerPriceOut
from dairy_app.orders.models import ORDER_SOURCES, ORDER_STATUSES
from dairy_app.orders.schemas import OrderItemOut
from dairy_app.subscriptions.models import CHANNELS, MODES, OVERRIDE_KINDS, SHIFTS, SUBSCRIPTION_STATUSES
from dairy_app.subscriptions.rules.wishes import (
    DayQuantity,
    Ending,
    NewPause,
    NewSubscription,
    PauseChange,
    SubscriptionChange,
)
from dairy_app.subscriptions.schemas.schedules import (
    SAID_CHANNELS,
    ScheduleOut,
    WeekdayQuantities,
    WeekdayQuantitiesOut,
    Weekdays,
)
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Day, Line, Money, Month, PageQuery, Quantity, Strict, UpdatedSince, page_of
from dairy_app.web.validate import Invalid

#: What may decide a day: the rules of ``queries.due`` and of ``rules.decide``.
RULES = (
    "customer_not_active",
    "draft",
    "stopped",
    "paused",
    "not_started",
    "stop_date",
    "pause",
    "closed_day",
    "closed_day_moved",
    "credit_hold",
    *OVERRIDE_KINDS,
    "weekly_pattern",
    "alternate_days",
    "fixed_daily",
    "product_inactive",
    "none",
)


class _Rhythm(Strict):
    weekly_pattern = Weekdays()
    weekly_quantities = WeekdayQuantities()
    interval_days = fields.Integer(
        strict=True,
        validate=validate.Range(1, 365),
        metadata={"description": "With mode alternate_days: 2 by default."},
    )
    anchor_date = Day(metadata={"description": "With mode alternate_days: a day that counts; default the start."})
    default_quantity = Quantity()
    price_per_unit = Money(
        allow_none=True, metadata={"description": "Quoted to this customer, by staff; null: the price list."}
    )
    stop_date = Day(allow_none=True, metadata={"description": "The first day nothing comes any more."})
    auto_start = fields.Boolean()
    channel = Choice(*SAID_CHANNELS)
    confirm = fields.Boolean(
        load_default=False,
        metadata={
            "description": "One more of the same is meant; from an admin: an unusual quantity.",
            "example": False,
        },
    )


class SubscriptionIn(_Rhythm):
    """A new standing order: one product in one shift."""

    makes = NewSubscription
    customer_id = fields.UUID(metadata={"description": "May be left out by customers: their own."})
    product_id = fields.UUID(required=True)
    mode = Choice(*MODES, required=True)
    shift = Choice(*SHIFTS, load_default="morning")
    start_date = Day(metadata={"description": "Default: the first day that may still change."})
    status = Choice("draft", "active")


class SubscriptionPatch(_Rhythm):
    """Only what is sent changes."""

    makes = SubscriptionChange
    mode = Choice(*MODES)
    shift = Choice(*SHIFTS)
    start_date = Day()
    status = Choice("active")
    effective_from = Day(metadata={"description": "From when default_quantity holds, till further notice."})
    reason = Line(500)


class SubscriptionQuery(PageQuery):
    """Which standing orders."""

    customer_id = fields.UUID()
    product_id = fields.UUID()
    status = Choice(*SUBSCRIPTION_STATUSES)
    mode = Choice(*MODES)
    shift = Choice(*SHIFTS)
    updated_since = UpdatedSince()


class OverrideIn(Strict):
    """What comes on one day; 0 is a quantity."""

    makes = DayQuantity
    quantity = Quantity(required=True)
    kind = Choice(*OVERRIDE_KINDS, load_default="override")
    shift = Choice(*SHIFTS, allow_none=True)
    note = Line(500)
    channel = Choice(*SAID_CHANNELS)
    confirm = fields.Boolean(
        load_default=False,
        metadata={"description": "From an admin: an unusual quantity is meant.", "example": False},
    )


class PauseIn(Strict):
    """Nothing comes on these days, both included; without ``to`` until somebody resumes."""

    makes = NewPause
    first = Day(required=True, data_key="from")
    last = Day(allow_none=True, data_key="to", load_default=None)
    reason = Line(500)
    channel = Choice(*SAID_CHANNELS)


class PausePatch(Strict):
    """Only what is sent changes; ``to`` null: until somebody resumes."""

    makes = PauseChange
    first = Day(data_key="from")
    last = Day(allow_none=True, data_key="to")
    reason = Line(500)


class ResumeIn(Strict):
    """When deliveries go on."""

    first = Day(data_key="from", load_default=None, metadata={"description": "Default: the first open day."})


class StopIn(Strict):
    """When deliveries end."""

    makes = Ending
    stop_date = Day(metadata={"description": "The first day nothing comes; default the first open day."})
    reason = Line(500)
    channel = Choice(*SAID_CHANNELS)


class CalendarQuery(Strict):
    """Which month."""

    period = Month()
    month = Month(metadata={"deprecated": True, "description": "The old name of `period`."})

    @validates_schema
    def one_month(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise Invalid(validate.MISSING, "period")
        if len(data) > 1:
            raise Invalid("Send either period or month.", "period")


class CustomerCalendarQuery(Strict):
    """Which month."""

    period = Month(required=True)


class PauseOut(Strict):
    """A pause; ``to`` null: open."""

    id = fields.UUID()
    first = Day(data_key="from")
    last = Day(data_key="to", allow_none=True)
    reason = fields.String(allow_none=True)
    channel = Choice(*CHANNELS)
    requested_by = fields.UUID(allow_none=True)
    created_at = fields.DateTime()
    household_pause_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Shared by the pauses that a customer's standing orders got in one go."},
    )


class PauseOfHousehold(PauseOut):
    """The pause of one of a customer's standing orders."""

    subscription_id = fields.UUID()


class PauseOfCustomer(PauseOfHousehold):
    """A pause of one of a customer's standing orders, with its product."""

    product_name = fields.String()


class HouseholdPauseOut(Strict):
    """What a customer paused in one go; ``to`` null: open."""

    household_pause_id = fields.UUID()
    customer_id = fields.UUID()
    first = Day(data_key="from")
    last = Day(data_key="to", allow_none=True)
    reason = fields.String(allow_none=True)
    channel = Choice(*CHANNELS)
    requested_by = fields.UUID(allow_none=True)
    created_at = fields.DateTime()
    pauses = fields.List(
        fields.Nested(PauseOfHousehold), metadata={"description": "The pause of each standing order that shares it."}
    )


class OverrideOut(Strict):
    """What was said about one day, by whom and by which way."""

    date = Day()
    kind = Choice(*OVERRIDE_KINDS)
    quantity = Quantity()
    shift = Choice(*SHIFTS, allow_none=True)
    note = fields.String(allow_none=True)
    channel = Choice(*CHANNELS)
    requested_by = fields.UUID(allow_none=True)


class QuantityChangeOut(Strict):
    """A default quantity to come."""

    valid_from = Day()
    quantity = Quantity()
    reason = fields.String(allow_none=True)
    channel = Choice(*CHANNELS)
    requested_by = fields.UUID(allow_none=True)


class SubscriptionItemOut(Strict):
    """A standing order."""

    id = fields.UUID()
    customer_id = fields.UUID()
    product_id = fields.UUID()
    product_name = fields.String()
    unit = Choice(*UNITS)
    mode = Choice(*MODES)
    default_quantity = Quantity(metadata={"description": "The one in force today."})
    weekly_pattern = fields.List(fields.Integer(validate=validate.Range(0, 6)), allow_none=True)
    weekly_quantities = WeekdayQuantitiesOut()
    interval_days = fields.Integer(allow_none=True)
    anchor_date = Day(allow_none=True)
    shift = Choice(*SHIFTS)
    price_per_unit = Money(allow_none=True)
    changes_on = Day(allow_none=True)
    start_date = Day()
    stop_date = Day(allow_none=True)
    status = Choice(*SUBSCRIPTION_STATUSES)
    auto_start = fields.Boolean()
    last_delivery_date = Day(allow_none=True)
    last_delivery_at = fields.DateTime(allow_none=True)
    last_delivery_confirmed = fields.Boolean(allow_none=True)
    requested_by = fields.UUID(allow_none=True, metadata={"description": "Who asked for it to be as it is."})
    channel = Choice(*CHANNELS, allow_none=True)
    change_reason = fields.String(allow_none=True)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class SubscriptionOut(SubscriptionItemOut):
    """A standing order with what differs from it from today on."""

    pauses = fields.List(fields.Nested(PauseOut))
    overrides = fields.List(fields.Nested(OverrideOut))
    quantity_changes = fields.List(fields.Nested(QuantityChangeOut))
    changes = fields.List(
        fields.Nested(ScheduleOut),
        metadata={"description": "What it becomes from days to come on, the first one first."},
    )


REPRICED = "Pending orders of standing orders that take the new price."
KEPT = (
    "Open orders of those days that keep another price: one-time ones, those out for delivery, and those whose price"
    " was stated."
)


class SubscriptionChanged(SubscriptionOut):
    """A standing order after a change."""

    repriced_orders = fields.Integer(metadata={"description": f"{REPRICED} 0 unless the price was changed."})


class PriceSet(PriceOut):
    """A list price from a day on, and what became of orders made already."""

    repriced_orders = fields.Integer(metadata={"description": REPRICED})
    kept_orders = fields.Integer(metadata={"description": KEPT})


class CustomerPricesSet(page_of(CustomerPriceOut, "CustomerPricesPage")):  # type: ignore[misc]
    """The prices agreed for a product, and what became of orders made already."""

    repriced_orders = fields.Integer(metadata={"description": REPRICED})
    kept_orders = fields.Integer(metadata={"description": KEPT})


class ProductChanged(ProductOut):
    """A product after a change."""

    open_orders = fields.Integer(
        allow_none=True,
        metadata={"description": "Open orders that hold a product just taken off sale; null for any other change."},
    )


SubscriptionPage = page_of(SubscriptionItemOut, "SubscriptionPage")


class CalendarDay(Strict):
    """What comes on a day, the rule that says so, and what became of it."""

    date = Day()
    quantity = Quantity()
    shift = Choice(*SHIFTS)
    rule = Choice(
        *RULES,
        metadata={"description": "product_inactive: the product is off sale and no order of that day was made before."},
    )
    order_id = fields.UUID(allow_none=True)
    order_status = Choice(*ORDER_STATUSES, allow_none=True)
    delivery_status = fields.String(allow_none=True)
    delivered_quantity = Quantity(allow_none=True)
    product_id = fields.UUID(metadata={"description": "Of that day: a change may bring another."})
    product_name = fields.String()
    unit = Choice(*UNITS)


class CalendarOut(Strict):
    """A month of a standing order, day by day."""

    period = Month()
    month = Month(metadata={"deprecated": True, "description": "The old name of `period`."})
    days = fields.List(fields.Nested(CalendarDay))


class CustomerCalendarDay(CalendarDay):
    """What comes of one standing order on a day."""

    subscription_id = fields.UUID()


class OneTimeOrderOut(Strict):
    """An order for a single day."""

    id = fields.UUID()
    delivery_date = Day()
    shift = Choice(*SHIFTS)
    status = Choice(*ORDER_STATUSES)
    source = Choice(*ORDER_SOURCES)
    items = fields.List(fields.Nested(OrderItemOut))


class CustomerCalendarOut(Strict):
    """A month of a customer: all standing orders, day by day, by product, and the orders of single days."""

    customer_id = fields.UUID()
    period = Month()
    archived = fields.Boolean(
        metadata={"description": "Whether the month's orders are archived: what came of each day stands on the bill."}
    )
    days = fields.List(fields.Nested(CustomerCalendarDay))
    one_time_orders = fields.List(fields.Nested(OneTimeOrderOut))


class ShiftOfDay(Strict):
    """Until when customers may change a shift of a day."""

    shift = Choice(*SHIFTS)
    changeable_until = fields.AwareDateTime()
    is_open = fields.Boolean()


class CustomerDayOut(Strict):
    """One day of a customer: what its standing orders bring, and until when customers may change it."""

    customer_id = fields.UUID()
    date = Day()
    shifts = fields.List(fields.Nested(ShiftOfDay))
    standing_orders = fields.List(fields.Nested(CustomerCalendarDay))


class GenerateIn(Strict):
    """Which day's orders to make."""

    delivery_date = Day(required=True)


class ProductMade(Strict):
    """How much of a product the new orders hold."""

    product_id = fields.UUID()
    product_name = fields.String()
    unit = Choice(*UNITS)
    orders = fields.Integer()
    quantity = Quantity()


class AreaMade(Strict):
    """How many new orders go to an area; null: customers without one."""

    area_id = fields.UUID(allow_none=True)
    area = fields.String(allow_none=True)
    orders = fields.Integer()


class Blocked(Strict):
    """A standing order that is due and cannot become an order."""

    subscription_id = fields.UUID()
    customer_id = fields.UUID()
    product_id = fields.UUID()
    date = Day(attribute="day")
    code = Choice("no_price", "product_inactive")


class GeneratedOut(Strict):
    """What making a day's orders came to."""

    delivery_date = Day()
    created = fields.Integer()
    skipped_existing = fields.Integer()
    by_product = fields.List(fields.Nested(ProductMade))
    by_area = fields.List(fields.Nested(AreaMade))
    held = fields.Integer(metadata={"description": "Due, but the customer is at its credit limit."})
    blocked = fields.Integer(metadata={"description": "Due, but the product has no price or is no longer sold."})
    blocked_first = fields.List(fields.Nested(Blocked))
