"""Orders as clients send and see them."""

from typing import Any

from marshmallow import fields, validates_schema

from dairy_app.catalogue.models import UNITS
from dairy_app.customers.schemas import Latitude, Longitude
from dairy_app.orders.models import ORDER_SOURCES, ORDER_STATUSES, ORDER_TYPES, PRICE_SOURCES, SHIFTS
from dairy_app.orders.policy import INTERNAL_FIELDS
from dairy_app.orders.service import NewItem, NewOrder, OrderChange
from dairy_app.web import validate
from dairy_app.web.schemas import (
    Choice,
    Day,
    Line,
    Money,
    PageQuery,
    Paragraph,
    Quantity,
    Several,
    Sort,
    Strict,
    UpdatedSince,
    page_of,
)
from dairy_app.web.validate import Invalid

#: More lines than any door gets; keeps one request bounded.
MOST_ITEMS = 100


class OrderItemIn(Strict):
    """One product of a new order. An admin may state a price, with a reason; else the server sets it."""

    makes = NewItem
    product_id = fields.UUID(required=True)
    quantity = Quantity(required=True, above=True)
    unit_price = Money(metadata={"description": "Admins only; needs price_reason."})
    price_reason = Line(200)

    @validates_schema
    def price_has_reason(self, data: dict[str, Any], **_: Any) -> None:
        if ("unit_price" in data) != ("price_reason" in data):
            raise Invalid("unit_price and price_reason go together.", "price_reason")


class _Differing(Strict):
    """What has items, each of another product."""

    @validates_schema
    def products_differ(self, data: dict[str, Any], **_: Any) -> None:
        seen = set()
        for position, item in enumerate(data.get("items", [])):
            if item.product_id in seen:
                raise Invalid("The product is listed twice.", "items", position, "product_id")
            seen.add(item.product_id)


class OrderPatch(_Differing):
    """Only what is sent changes; ``items``, when sent, are all of it."""

    makes = OrderChange
    delivery_date = Day()
    shift = Choice(*SHIFTS)
    items = fields.List(fields.Nested(OrderItemIn), validate=validate.Length(min=1, max=MOST_ITEMS))
    notes = Paragraph(2000, allow_none=True)
    confirm = fields.Boolean(
        load_default=False,
        metadata={
            "description": "From an admin: an unusual quantity, a small order, or one over the credit limit, is meant.",
            "example": False,
        },
    )


class OrderIn(_Differing):
    """A new one-time order."""

    makes = NewOrder
    customer_id = fields.UUID(metadata={"description": "May be left out by customers: their own."})
    delivery_date = Day(required=True)
    shift = Choice(*SHIFTS, load_default="morning")
    items = fields.List(fields.Nested(OrderItemIn), required=True, validate=validate.Length(min=1, max=MOST_ITEMS))
    notes = Paragraph(2000)
    confirm = fields.Boolean(
        load_default=False,
        metadata={
            "description": "From an admin: an unusual quantity, a small order, or one over the credit limit, is meant.",
            "example": False,
        },
    )


class CancelIn(Strict):
    """Why an order is cancelled."""

    reason = Line(500, required=True)


class OrderQuery(PageQuery):
    """Which orders."""

    customer_id = Several(fields.UUID())
    status = Several(Choice(*ORDER_STATUSES))
    delivery_date = Day()
    delivery_date_from = Day(data_key="delivery_date[gte]")
    delivery_date_to = Day(data_key="delivery_date[lte]")
    order_type = Several(Choice(*ORDER_TYPES))
    product_id = Several(fields.UUID(), metadata={"description": "With this product among its items."})
    area_id = Several(
        fields.UUID(), metadata={"description": "The order's own area, else its customer's; with the areas below it."}
    )
    delivery_boy_id = Several(
        fields.UUID(), metadata={"description": "On his round: the order's own, else its customer's."}
    )
    billed = fields.Boolean(metadata={"description": "Whether it is on an issued invoice."})
    updated_since = UpdatedSince()
    sort = Sort("delivery_date", "created_at", default="-delivery_date")


class OrderItemOut(Strict):
    """One product of an order: wanted, priced, delivered."""

    line_no = fields.Integer()
    product_id = fields.UUID()
    product_name = fields.String()
    unit = Choice(*UNITS)
    quantity = Quantity()
    unit_price = Money()
    price_source = Choice(*PRICE_SOURCES)
    delivered_quantity = Quantity(allow_none=True)
    item_status = Choice("full", "partial", "shortage", allow_none=True)


class DeliveryStatusOut(Strict):
    """What happened at the door. Who is not staff or does not audit gets fewer fields."""

    sometimes = INTERNAL_FIELDS
    id = fields.UUID()
    order_id = fields.UUID()
    status = Choice("delivered", "partially_delivered", "not_delivered")
    delivered_at = fields.DateTime(allow_none=True)
    delivery_date = Day()
    delivery_boy_id = fields.UUID(allow_none=True)
    confirmed_by_user_id = fields.UUID(allow_none=True)
    confirmed_by_name = fields.String(allow_none=True)
    confirmed_at = fields.DateTime()
    confirmation_method = Choice("delivery_boy", "shared_link", "admin", "import")
    ip_address = fields.String(allow_none=True)
    device_info = fields.String(allow_none=True)
    shared_link_id = fields.UUID(allow_none=True)
    client_event_id = fields.UUID(allow_none=True)
    device_time = fields.DateTime(allow_none=True, metadata={"description": "By the phone's own clock."})
    latitude = Latitude(allow_none=True)
    longitude = Longitude(allow_none=True)
    reason_code = fields.String(allow_none=True)
    notes = fields.String(allow_none=True)
    corrected_at = fields.DateTime(allow_none=True)
    corrected_by_user_id = fields.UUID(allow_none=True)
    correction_reason = fields.String(allow_none=True)


class InvoiceOfOrder(Strict):
    """The document an order is on; a draft has no number."""

    id = fields.UUID()
    number = fields.String(allow_none=True)
    status = Choice("draft", "issued", "void", "external")


class OrderOut(Strict):
    """An order with its items, its delivery and its document."""

    id = fields.UUID()
    customer_id = fields.UUID()
    customer_code = fields.String()
    customer_name = fields.String()
    order_type = Choice(*ORDER_TYPES)
    subscription_id = fields.UUID(allow_none=True)
    delivery_date = Day()
    shift = Choice(*SHIFTS)
    status = Choice(*ORDER_STATUSES)
    source = Choice(*ORDER_SOURCES)
    address = fields.Dict(allow_none=True)
    notes = fields.String(allow_none=True)
    delivered_on = Day(allow_none=True)
    delivered_at = fields.DateTime(allow_none=True)
    delivery_confirmed = fields.Boolean()
    cancelled_at = fields.DateTime(allow_none=True)
    cancel_reason = fields.String(allow_none=True)
    items = fields.List(fields.Nested(OrderItemOut))
    total_amount = Money(metadata={"description": "Rupees, for what was ordered; the delivered is billed."})
    delivery_status = fields.Nested(DeliveryStatusOut, allow_none=True)
    invoice = fields.Nested(InvoiceOfOrder, allow_none=True)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class OwnRulesQuery(Strict):
    """Whose rules."""

    customer_id = fields.UUID(load_default=None, metadata={"description": "Admins name one; a customer has its own."})


class OwnPriceOut(Strict):
    """What the customer pays for a product today."""

    product_id = fields.UUID()
    name = fields.String()
    unit = Choice(*UNITS)
    price = Money(metadata={"description": "Rupees per unit."})
    is_agreed = fields.Boolean(metadata={"description": "Agreed with this customer; else the list price."})


class OwnRulesOut(Strict):
    """By which rules a customer orders."""

    dairy_name = fields.String(allow_none=True)
    dairy_phone = fields.String(allow_none=True)
    time_zone = fields.String()
    cutoff_morning = fields.Time(allow_none=True, metadata={"description": "Of the day before; null: none."})
    cutoff_evening = fields.Time(allow_none=True, metadata={"description": "Of the day before; null: none."})
    last_order_date = Day(metadata={"description": "The last day for which an order may be placed today."})
    minimum_order_amount = Money(
        allow_none=True, metadata={"description": "Rupees that an order comes to at least; null: any amount."}
    )
    products = fields.List(fields.Nested(OwnPriceOut), metadata={"description": "What is sold and has a price today."})


OrderPage = page_of(OrderOut, "OrderPage")
