"""What gateways told, as clients see it. Amounts are rupees."""

from marshmallow import Schema, fields

from dairy_app.collecting.models import EVENT_OBJECTS, EVENT_STATUSES, GATEWAYS
from dairy_app.collecting.rules.events import Decision
from dairy_app.receivables.models import PAYMENT_METHODS
from dairy_app.web.schemas import Choice, Day, Line, Money, PageQuery, Several, Strict, page_of


class EventTakenOut(Schema):
    """How the event stands after it was taken."""

    status = Choice(*EVENT_STATUSES)


class GatewayEventQuery(PageQuery):
    """Which events. ``status=held&status=waiting`` are those that need a person."""

    status = Several(Choice(*EVENT_STATUSES))
    kind = Line(100, load_default=None)
    gateway_payment_id = Line(100, load_default=None)
    payment_link_id = fields.UUID(load_default=None)


class GatewayEventOut(Schema):
    """Something that a gateway told, and what was booked of it."""

    id = fields.UUID()
    gateway = Choice(*GATEWAYS)
    event_id = fields.String(metadata={"example": "Qflf0OoLrZsFrN"})
    kind = fields.String(allow_none=True, metadata={"example": "payment.captured"})
    object_type = Choice(*EVENT_OBJECTS, allow_none=True)
    gateway_payment_id = fields.String(allow_none=True)
    gateway_refund_id = fields.String(allow_none=True)
    gateway_link_id = fields.String(allow_none=True)
    amount = Money(allow_none=True)
    currency = fields.String(allow_none=True, metadata={"example": "INR"})
    method = fields.String(allow_none=True, metadata={"example": "netbanking"})
    happened_at = fields.DateTime(allow_none=True)
    status = Choice(*EVENT_STATUSES)
    reason = fields.String(allow_none=True, metadata={"example": "amount_differs"})
    detail = fields.String(allow_none=True)
    payment_link_id = fields.UUID(allow_none=True)
    customer_id = fields.UUID(allow_none=True)
    customer_code = fields.String(allow_none=True)
    customer_name = fields.String(allow_none=True)
    payment_id = fields.UUID(allow_none=True)
    receipt_no = fields.String(allow_none=True)
    refund_id = fields.UUID(allow_none=True)
    voucher_no = fields.String(allow_none=True)
    decided_by = fields.UUID(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()


class GatewayEventInFull(GatewayEventOut):
    """An event with its body, as it came."""

    body = fields.String(metadata={"example": '{"event": "payment.captured"}'})


GatewayEventPage = page_of(GatewayEventOut, "GatewayEventPage")


class BookEventIn(Strict):
    """What a person says of an event; what is left out is as the event has it."""

    makes = Decision
    customer_id = fields.UUID(load_default=None, allow_none=True)
    received_on = Day(load_default=None, allow_none=True)
    method = Choice(*(each for each in PAYMENT_METHODS if each != "cash"), load_default=None, allow_none=True)


class DismissEventIn(Strict):
    """Why an event is not to be booked."""

    reason = Line(500, required=True, shortest=3)
