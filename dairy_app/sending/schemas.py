"""Messages as clients see them."""

from marshmallow import Schema, fields

from dairy_app.outbox.models import CHANNELS, KINDS, MESSAGE_STATUSES
from dairy_app.sending.service.outbox import Failure
from dairy_app.web.schemas import Choice, Line, PageQuery, Sort, Strict, page_of


class OutboxQuery(PageQuery):
    """Which messages."""

    status = Choice(*MESSAGE_STATUSES, load_default=None)
    channel = Choice(*CHANNELS, load_default=None)
    kind = Choice(*KINDS, load_default=None)
    invoice_id = fields.UUID(load_default=None)
    customer_id = fields.UUID(load_default=None)
    user_id = fields.UUID(load_default=None)
    billing_run_id = fields.UUID(load_default=None, metadata={"description": "About the invoices that a run issued."})
    sort = Sort("created_at", default="created_at")


class OutboxMessageOut(Schema):
    """One message as it is to be sent; the text of a secret one is shown to nobody."""

    id = fields.UUID()
    kind = Choice(*KINDS)
    customer_id = fields.UUID(allow_none=True)
    user_id = fields.UUID(allow_none=True)
    invoice_id = fields.UUID(allow_none=True)
    channel = Choice(*CHANNELS)
    recipient = fields.String(metadata={"example": "+919812345678"})
    language = fields.String()
    subject = fields.String(allow_none=True, metadata={"example": "Sunrise Dairy: INV/2627/0000042, ₹1,240.00"})
    body = fields.String(attribute="shown_body", allow_none=True, metadata={"example": "Dear Meera Joshi, …"})
    secret = fields.Boolean()
    status = Choice(*MESSAGE_STATUSES)
    attempts = fields.Integer()
    last_error = fields.String(allow_none=True, metadata={"example": "no such number"})
    error = fields.String(
        allow_none=True,
        metadata={"deprecated": True, "description": "The old name of `last_error`.", "example": "no such number"},
    )
    not_before = fields.DateTime()
    expires_at = fields.DateTime(allow_none=True)
    leased_until = fields.DateTime(allow_none=True)
    sent_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()


class OutboxMessageListed(OutboxMessageOut):
    """A message with the names of what it is about."""

    customer_code = fields.String(allow_none=True)
    customer_name = fields.String(allow_none=True)
    user_name = fields.String(allow_none=True)
    invoice_number = fields.String(allow_none=True)


class FailedIn(Strict):
    """What a sender failed with. With ``retry`` the message goes on waiting."""

    makes = Failure
    error = Line(500, required=True, metadata={"example": "no such number"})
    retry = fields.Boolean(load_default=False, truthy={True}, falsy={False})


OutboxPage = page_of(OutboxMessageListed, "OutboxPage")
