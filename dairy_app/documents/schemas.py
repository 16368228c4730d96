"""Documents and messages as clients see them."""

from typing import Any

from marshmallow import Schema, fields, post_load

from dairy_app.documents.models import CHANNELS, MESSAGE_STATUSES
from dairy_app.documents.service.documents import Failure, RunTelling, Telling
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Day, Line, Money, PageQuery, Sort, Strict, page_of

_LANGUAGE = {"example": "hi", "description": "Of the dairy's two languages; default: the customer's, else the dairy's."}


class LanguageQuery(Strict):
    """In which language."""

    language = fields.String(load_default=None, validate=validate.Length(max=20), metadata=_LANGUAGE)
    lang = fields.String(
        validate=validate.Length(max=20),
        metadata={"deprecated": True, "description": "The old name of `language`."},
    )

    @post_load
    def one_name(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"lang": data["language"] or data.get("lang")}


class ShareIn(Strict):
    """How to tell the customer. ``queue`` puts the message into the outbox."""

    makes = Telling
    language = fields.String(load_default=None, validate=validate.Length(max=20), metadata=_LANGUAGE)
    channel = Choice(*CHANNELS, load_default="whatsapp")
    queue = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class ShareOut(Schema):
    """The customer's link, and words that go with it. ``whatsapp_url`` opens a chat with them typed in."""

    url = fields.String(
        metadata={"example": "https://milk.dairy.example/i/AZnzpFtsfY6fASNFZ4mrzbQ2Lw8nUu1xq0vT5cKdYbA"}
    )
    language = fields.String()
    subject = fields.String(metadata={"example": "Sunrise Dairy: INV/2627/0000042, ₹1,240.00"})
    message = fields.String(metadata={"example": "Dear Meera Joshi, …"})
    whatsapp_url = fields.String(
        allow_none=True, metadata={"example": "https://wa.me/919812345678?text=Dear%20Meera%20Joshi"}
    )
    outbox_id = fields.UUID(allow_none=True)


class PayLinksOut(Schema):
    """How a bill is paid by UPI, as of today; a link is null when there is nothing to pay, or nowhere to pay it."""

    as_of = Day()
    balance = Money()
    balance_link = fields.String(allow_none=True, metadata={"example": "upi://pay?pa=sunrise@upi&am=1240.00&cu=INR"})
    balance_due = Money()
    own_link = fields.String(allow_none=True, metadata={"example": "upi://pay?pa=sunrise@upi&am=740.00&cu=INR"})


class RunMessagesIn(Strict):
    """By which channel a run's customers are told."""

    makes = RunTelling
    channel = Choice(*CHANNELS, load_default="whatsapp")
    language = fields.String(load_default=None, validate=validate.Length(max=20), metadata=_LANGUAGE)
    only_open = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={"description": "Leave out invoices on which nothing is left to pay."},
    )


class RunMessagesOut(Schema):
    """Documents of the run: queued now, queued or sent before, without an address for the channel, paid."""

    queued = fields.Integer()
    already = fields.Integer()
    without_address = fields.Integer()
    paid = fields.Integer(metadata={"description": "Left out by `only_open`: nothing is left to pay on them."})


class OutboxQuery(PageQuery):
    """Which messages."""

    status = Choice(*MESSAGE_STATUSES, load_default=None)
    channel = Choice(*CHANNELS, load_default=None)
    invoice_id = fields.UUID(load_default=None)
    customer_id = fields.UUID(load_default=None)
    billing_run_id = fields.UUID(load_default=None, metadata={"description": "About the invoices that a run issued."})
    sort = Sort("created_at", default="created_at")


class OutboxMessageOut(Schema):
    """One message as it is to be sent."""

    id = fields.UUID()
    customer_id = fields.UUID()
    invoice_id = fields.UUID(allow_none=True)
    channel = Choice(*CHANNELS)
    recipient = fields.String(metadata={"example": "+919812345678"})
    language = fields.String()
    subject = fields.String(allow_none=True, metadata={"example": "Sunrise Dairy: INV/2627/0000042, ₹1,240.00"})
    body = fields.String(metadata={"example": "Dear Meera Joshi, …"})
    status = Choice(*MESSAGE_STATUSES)
    attempts = fields.Integer()
    error = fields.String(allow_none=True, metadata={"example": "no such number"})
    sent_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()


class OutboxMessageListed(OutboxMessageOut):
    """A message in a list."""

    customer_code = fields.String()
    customer_name = fields.String()
    invoice_number = fields.String(allow_none=True)


class FailedIn(Strict):
    """What a sender failed with. With ``retry`` the message goes on waiting."""

    makes = Failure
    error = Line(500, required=True, metadata={"example": "no such number"})
    retry = fields.Boolean(load_default=False, truthy={True}, falsy={False})


OutboxPage = page_of(OutboxMessageListed, "OutboxPage")
