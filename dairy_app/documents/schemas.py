"""Documents as clients see them, and how their customers are told."""

from typing import Any

from marshmallow import Schema, fields, post_load

from dairy_app.documents.service.documents import RunTelling, Telling
from dairy_app.outbox.models import CHANNELS
from dairy_app.web import validate
from dairy_app.web.schemas import Choice, Day, Money, Strict

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
