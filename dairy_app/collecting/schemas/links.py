"""Links by which customers pay, as clients see them. Amounts are rupees."""

from marshmallow import Schema, fields

from dairy_app.collecting.models import GATEWAYS, LINK_STATUSES
from dairy_app.collecting.rules.links import NewLink
from dairy_app.web.schemas import Choice, Instant, Money, PageQuery, Strict, page_of


class PaymentLinkIn(Strict):
    """A link for what is open of an invoice, or for what a customer owes; ``amount``: for so much instead."""

    makes = NewLink
    customer_id = fields.UUID(load_default=None)
    invoice_id = fields.UUID(load_default=None)
    amount = Money(load_default=None, above=True)
    expires_at = Instant(load_default=None)

    not_in_example = ("invoice_id", "expires_at")


class PaymentLinkQuery(PageQuery):
    """Which links."""

    customer_id = fields.UUID(load_default=None)
    invoice_id = fields.UUID(load_default=None)
    status = Choice(*LINK_STATUSES, load_default=None)


class PaymentLinkOut(Schema):
    """A link. ``url`` is what the customer gets; null until the gateway has answered."""

    id = fields.UUID()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    invoice_id = fields.UUID(allow_none=True)
    invoice_number = fields.String(allow_none=True)
    amount = Money()
    gateway = Choice(*GATEWAYS)
    gateway_id = fields.String(allow_none=True)
    url = fields.String(allow_none=True, metadata={"example": "https://rzp.io/rzp/twH5w1Y"})
    description = fields.String(metadata={"example": "Sunrise Dairy: INV/2627/0000042"})
    status = Choice(*LINK_STATUSES)
    expires_at = fields.DateTime()
    paid_at = fields.DateTime(allow_none=True)
    last_error = fields.String(allow_none=True)
    created_by = fields.UUID()
    created_at = fields.DateTime()


PaymentLinkPage = page_of(PaymentLinkOut, "PaymentLinkPage")
