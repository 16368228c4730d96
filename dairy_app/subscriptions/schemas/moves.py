"""Moves of customers as clients send and see them."""

from typing import Any

from marshmallow import fields, validates_schema

from dairy_app.customers.rules import MAP_LINK
from dairy_app.customers.schemas import MAX_SEQUENCE
from dairy_app.subscriptions.service.moves import NewMove
from dairy_app.web import validate
from dairy_app.web.schemas import Day, Line, Strict, page_of
from dairy_app.web.validate import Invalid, Pattern

#: What goes with the first line of an address.
_REST = ("address_line2", "city", "pincode", "map_link")


class MoveIn(Strict):
    """What is different from a day on; at least one thing. With ``address_line1`` comes the whole new address."""

    makes = NewMove
    #: Their examples would be ids that nobody has.
    not_in_example = ("area_id", "delivery_boy_id")
    first = Day(required=True, data_key="from", metadata={"example": "2027-04-01"})
    address_line1 = Line(200)
    address_line2 = Line(200)
    city = Line(100)
    pincode = fields.String(validate=Pattern("^[1-9][0-9]{5}$", error="Must be six digits."))
    map_link = fields.String(
        validate=[validate.Length(max=1000), Pattern(MAP_LINK, error="Must be the https address of a map.")],
        metadata={"description": "The https address of a map.", "example": "https://maps.app.goo.gl/x"},
    )
    area_id = fields.UUID()
    delivery_boy_id = fields.UUID()
    stop_sequence = fields.Integer(strict=True, validate=validate.Range(0, MAX_SEQUENCE))

    @validates_schema
    def something_whole(self, data: dict[str, Any], **_: Any) -> None:
        if "address_line1" not in data:
            for name in _REST:
                if name in data:
                    raise Invalid("Goes with address_line1: an address is given whole.", name)
        if data.keys() <= {"first"}:
            raise Invalid("Say what changes: an address, an area, a delivery boy or a place.", "address_line1")


class MoveOut(Strict):
    """A move of a customer."""

    id = fields.UUID()
    customer_id = fields.UUID()
    moves_on = Day(data_key="from")
    address_line1 = fields.String(allow_none=True)
    address_line2 = fields.String(allow_none=True)
    city = fields.String(allow_none=True)
    pincode = fields.String(allow_none=True)
    map_link = fields.String(allow_none=True)
    area_id = fields.UUID(allow_none=True)
    delivery_boy_id = fields.UUID(allow_none=True)
    stop_sequence = fields.Integer(allow_none=True)
    applied_at = fields.DateTime(allow_none=True)
    entered_by = fields.UUID()
    created_at = fields.DateTime()


class MoveListed(MoveOut):
    """A move in a list."""

    area = fields.String(allow_none=True)
    delivery_boy_name = fields.String(allow_none=True)


MovePage = page_of(MoveListed, "MovePage")
