"""Confirmations and delivery statuses as clients send and see them."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from dairy_app.common.schemas import Choice, Day, Line, PageQuery, Paragraph, Quantity, Strict, page_of
from dairy_app.deliveries.models import CONFIRMATION_METHODS, DELIVERY_STATUSES
from dairy_app.orders.schemas import MOST_ITEMS, DeliveryStatusOut


class DeliveredItem(Strict):
    """How much of one product was brought."""

    product_id = fields.UUID(required=True)
    delivered_quantity = Quantity(required=True)


class ConfirmationIn(Strict):
    """What happened at one door. Without ``items`` all of the order was brought."""

    order_id = fields.UUID(required=True)
    customer_id = fields.UUID(metadata={"description": "Checked against the order when sent."})
    delivery_date = Day(metadata={"description": "Default: the day of delivered_at, else today."})
    status = Choice("delivered", "not_delivered", required=True)
    items = fields.List(fields.Nested(DeliveredItem), validate=validate.Length(max=MOST_ITEMS))
    delivered_at = fields.AwareDateTime(format="iso")
    client_event_id = fields.UUID()
    reason_code = Line(60)
    notes = Paragraph(2000)

    @validates_schema
    def nothing_delivered_is_nothing(self, data: dict[str, Any], **_: Any) -> None:
        brought = any(item["delivered_quantity"] for item in data.get("items", []))
        if data["status"] == "not_delivered" and brought:
            raise ValidationError("not_delivered cannot have delivered quantities.", "items")


class ConfirmationOut(Strict):
    """What a confirmation came to."""

    order_id = fields.UUID()
    order_status = fields.String()
    delivery_status = fields.Nested(DeliveryStatusOut)
    replayed = fields.Boolean(metadata={"description": "The same was confirmed before; nothing changed."})


class DeliveryStatusQuery(PageQuery):
    """Which delivery statuses."""

    delivery_date = Day()
    delivery_date_from = Day(data_key="delivery_date[gte]")
    delivery_date_to = Day(data_key="delivery_date[lte]")
    status = Choice(*DELIVERY_STATUSES)
    delivery_boy_id = fields.UUID()
    confirmation_method = Choice(*CONFIRMATION_METHODS)


DeliveryStatusPage = page_of(DeliveryStatusOut, "DeliveryStatusPage")
