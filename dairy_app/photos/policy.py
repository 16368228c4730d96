"""Who sees which photos, and how much of who took them."""

from datetime import date

from sqlalchemy import ColumnElement, and_, exists, not_

from dairy_app.deliveries.models import DeliveryStatus
from dairy_app.orders.models import Order
from dairy_app.orders.policy import visible_orders
from dairy_app.web.access import Actor, Role

#: Who of the dairy took it is not the customer's business; a name it knows from the delivery.
INTERNAL_FIELDS = frozenset({"taken_by", "shared_link_id"})


def visible_photos(actor: Actor, today: date) -> ColumnElement[bool]:
    """The orders whose photo an actor may see: those that it sees; a delivery boy's only on the day itself.

    A customer not where the office corrected the delivery to none: then the photo may be of another one's door.
    """
    orders = visible_orders(actor)
    if actor.role is Role.CUSTOMER:
        taken_back = exists().where(
            DeliveryStatus.order_id == Order.id,
            DeliveryStatus.status == "not_delivered",
            DeliveryStatus.corrected_at.is_not(None),
        )
        return and_(orders, not_(taken_back))
    return and_(orders, Order.delivery_date == today) if actor.role is Role.DELIVERY_BOY else orders


def hidden_photo_fields(role: Role) -> frozenset[str]:
    """The fields of a photo that ``role`` does not get."""
    return INTERNAL_FIELDS if role is Role.CUSTOMER else frozenset()
