"""Closed days as clients send and see them."""

from marshmallow import fields

from dairy_app.orders.models import SHIFTS
from dairy_app.subscriptions.rules.wishes import NewClosedDay
from dairy_app.web.schemas import Choice, Day, Line, PageQuery, Strict, page_of


class ClosedDayIn(Strict):
    """A day on which nothing is brought: all of it, a shift, or an area with all areas below it."""

    makes = NewClosedDay
    day = Day(required=True, metadata={"example": "2026-12-25"})
    shift = Choice(*SHIFTS, allow_none=True, load_default=None)
    area_id = fields.UUID(allow_none=True, load_default=None)
    reason = Line(500, required=True)
    deliver_on = Day(
        allow_none=True,
        load_default=None,
        metadata={
            "description": "The day that gets its quantities besides its own, before or after it; null: none.",
            "example": "2026-12-24",
        },
    )
    leave_out = fields.Boolean(
        load_default=False,
        metadata={"description": "Orders that are out for delivery or confirmed stay as they are.", "example": False},
    )


class ClosedDaysQuery(PageQuery):
    """Which days."""

    first = Day(data_key="from", load_default=None)
    last = Day(data_key="to", load_default=None)


class ClosedDayOut(Strict):
    """A day on which nothing is brought."""

    id = fields.UUID()
    day = Day()
    shift = Choice(*SHIFTS, allow_none=True)
    area_id = fields.UUID(allow_none=True)
    area = fields.String(allow_none=True)
    reason = fields.String()
    deliver_on = Day(allow_none=True)
    closed_by = fields.UUID(allow_none=True)
    created_at = fields.DateTime()


class DayClosed(ClosedDayOut):
    """A day that was closed, and what that did to orders."""

    cancelled_orders = fields.Integer(metadata={"description": "Pending orders of standing orders that it cancelled."})
    cancelled_one_time_orders = fields.Integer(
        metadata={"description": "Pending one-time orders that it cancelled; they are not moved to another day."}
    )
    moved_orders = fields.Integer(
        metadata={"description": "Pending orders of `deliver_on` that hold the quantities of closed days now."}
    )
    left_out = fields.Integer(
        metadata={"description": "Orders out for delivery or confirmed, which stay as they are (`leave_out`)."}
    )


ClosedDayPage = page_of(ClosedDayOut, "ClosedDayPage")
