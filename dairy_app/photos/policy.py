"""Who sees which photos, and how much of who took them."""

from datetime import date

from sqlalchemy import ColumnElement, and_

from dairy_app.orders.models import Order
from dairy_app.orders.policy import visible_orders
from dairy_app.web.access import Actor, Role

#: Who of the dairy took it is not the customer's business; a name it knows from the delivery.
INTERNAL_FIELDS = frozenset({"taken_by", "shared_link_id"})


def visible_photos(actor: Actor, today: date) -> ColumnElement[bool]:
    """The orders whose photo an actor may see: those that it sees; a delivery boy's only on the day itself."""
    orders = visible_orders(actor)
    return and_(orders, Order.delivery_date == today) if actor.role is Role.DELIVERY_BOY else orders


def hidden_photo_fields(role: Role) -> frozenset[str]:
    """The fields of a photo that ``role`` does not get."""
    return INTERNAL_FIELDS if role is Role.CUSTOMER else frozenset()
