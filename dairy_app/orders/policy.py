"""Who sees which orders, and how much of a delivery status."""

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from dairy_app.customers.models import Customer
from dairy_app.customers.queries import visible_customers
from dairy_app.orders.models import Order
from dairy_app.web.access import Actor, Role

#: From where and with what it was confirmed: for the dairy's own people.
_AUDIT_FIELDS = frozenset({"ip_address", "device_info", "device_time", "latitude", "longitude", "shared_link_id"})
#: What staff noted among themselves is not the customer's business; when and by whom it was brought is.
INTERNAL_FIELDS = _AUDIT_FIELDS | {
    "delivery_boy_id",
    "confirmed_by_user_id",
    "client_event_id",
    "notes",
    "corrected_by_user_id",
    "correction_reason",
}


def visible_orders(actor: Actor) -> ColumnElement[bool]:
    """The rows of ``orders`` an actor may see.

    Admin and accountant all; a delivery boy his round; marketing staff their own customers'; a customer
    its own.
    """
    match actor.role:
        case Role.ADMIN | Role.ACCOUNTANT:
            return true()
        case Role.DELIVERY_BOY:
            own = select(Customer.id).where(visible_customers(actor))
            return or_(
                Order.delivery_boy_id == actor.user_id,
                and_(Order.delivery_boy_id.is_(None), Order.customer_id.in_(own)),
            )
        case Role.MARKETING_STAFF:
            return Order.customer_id.in_(select(Customer.id).where(visible_customers(actor)))
        case Role.CUSTOMER if actor.customer_id is not None:
            return Order.customer_id == actor.customer_id
    return false()


def hidden_status_fields(role: Role) -> frozenset[str]:
    """The fields of a delivery status that ``role`` does not get."""
    match role:
        case Role.ADMIN | Role.ACCOUNTANT | Role.DELIVERY_BOY:
            return frozenset()
        case Role.MARKETING_STAFF:
            return _AUDIT_FIELDS
        case _:
            return INTERNAL_FIELDS
