"""Events and endpoints as other programs send and see them."""

import re
from typing import Any

from marshmallow import Schema, fields

from dairy_app.common.errors import Problem
from dairy_app.events.models import DELIVERY_STATUSES, KINDS
from dairy_app.events.rules import EndpointChange, NewEndpoint
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Line, PageQuery, Strict, page_of

OBJECT_TYPES = tuple(dict.fromkeys(kind.partition(".")[0] for kind in KINDS))
MOST_EVENTS = 1000
#: As far as a bigint goes.
LARGEST_ID = 2**63 - 1
_WHOLE = re.compile(r"[0-9]{1,19}")


def id_in_path(written: str) -> int:
    """The id of an event that is part of an address. Raises event_not_found."""
    if not _WHOLE.fullmatch(written) or int(written) > LARGEST_ID:
        raise Problem("event_not_found")
    return int(written)


class EventsQuery(Strict):
    """From where, and which. ``kind`` may be given several times; without it all kinds are listed."""

    after = fields.Integer(
        strict=False, load_default=0, validate=validate.Range(0, LARGEST_ID), metadata={"example": 0}
    )
    kind = fields.List(Choice(*KINDS), load_default=list)
    limit = fields.Integer(strict=False, load_default=100, validate=validate.Range(1, MOST_EVENTS))


class EventOut(Schema):
    """Something that happened. ``data`` holds what helps to decide whether the object has to be asked for."""

    id = fields.Integer()
    at = fields.DateTime()
    kind = Choice(*KINDS)
    object_type = Choice(*OBJECT_TYPES)
    object_id = fields.UUID()
    data = fields.Dict(metadata={"example": {"customer_id": "0198f2c4-7a11-7c3e-9d55-1f2e3d4c5b6a"}})


class EventsOut(Schema):
    """Some events in their order. An empty page may have ``more`` behind it, of other kinds until there."""

    items = fields.List(fields.Nested(EventOut))
    next_after = fields.Integer(metadata={"example": 4711})
    more = fields.Boolean()


class WebhookMessage(Schema):
    """What is sent to an endpoint: an event, as Standard Webhooks asks."""

    type = Choice(*KINDS)
    timestamp = fields.DateTime()
    data = fields.Dict(
        metadata={"description": "`id`, `object_type` and `object_id` of the event, and what else its `data` holds."}
    )


class WebhookEndpointIn(Strict):
    """An address that is to be told of events from now on; no ``kinds``: of all."""

    makes = NewEndpoint
    url = Line(500, required=True, metadata={"example": "https://shop.example/dairy-events"})
    kinds = fields.List(Choice(*KINDS), load_default=list, validate=validate.Length(max=len(KINDS)))
    description = Line(200, load_default=None, allow_none=True)


class WebhookEndpointPatch(Strict):
    """Only what is sent changes."""

    makes = EndpointChange
    url = Line(500, metadata={"example": "https://shop.example/dairy-events"})
    kinds = fields.List(Choice(*KINDS), validate=validate.Length(max=len(KINDS)))
    description = Line(200, allow_none=True)
    active = fields.Boolean(truthy={True}, falsy={False})


class WebhookEndpointOut(Schema):
    """An address that is told of events; its secret was shown when it was made."""

    id = fields.UUID()
    url = fields.String()
    description = fields.String(allow_none=True)
    kinds = fields.List(Choice(*KINDS))
    active = fields.Boolean()
    secret_since = fields.DateTime()
    former_secret_until = fields.DateTime(allow_none=True)
    rests_until = fields.DateTime(allow_none=True)
    created_by = fields.UUID(allow_none=True)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class WebhookEndpointMadeOut(WebhookEndpointOut):
    """A new endpoint, or one with a new secret: it is shown this once."""

    sometimes = ("secret",)
    secret = fields.String(metadata={"example": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw8fM5HgQ9JkE="})


class WebhookEndpointsOut(Schema):
    """All endpoints; there are few."""

    items = fields.List(fields.Nested(WebhookEndpointOut))


class WebhookDeliveriesQuery(PageQuery):
    """Which deliveries."""

    status = Choice(*DELIVERY_STATUSES, load_default=None)


class WebhookDeliveryOut(Schema):
    """What became of telling an endpoint of an event."""

    endpoint_id = fields.UUID()
    event_id = fields.Integer()
    at = fields.DateTime()
    kind = Choice(*KINDS)
    object_type = Choice(*OBJECT_TYPES)
    object_id = fields.UUID()
    status = Choice(*DELIVERY_STATUSES)
    attempts = fields.Integer()
    due_at = fields.DateTime()
    answer_status = fields.Integer(allow_none=True)
    last_error = fields.String(allow_none=True)
    delivered_at = fields.DateTime(allow_none=True)


WebhookDeliveryPage: Any = page_of(WebhookDeliveryOut, "WebhookDeliveryPage")
