"""Who sees which standing orders, and which of their fields each role may set."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, false, or_, select, true

from dairy_app.common.errors import FieldError, Problem
from dairy_app.customers.models import Area, Customer
from dairy_app.customers.queries import areas_around, visible_customers
from dairy_app.orders.models import ClosedDay
from dairy_app.subscriptions.models import Subscription
from dairy_app.web.access import Actor, Role

#: What a household decides about its own milk. Not its price, nor whether the dairy has released it.
_OWN_RHYTHM = frozenset(
    [
        "mode",
        "default_quantity",
        "weekly_pattern",
        "weekly_quantities",
        "interval_days",
        "anchor_date",
        "shift",
        "reason",
        "confirm",
    ]
)
OWN_FIELDS = _OWN_RHYTHM | {"effective_from"}
#: In a change from a day on.
OWN_CHANGE_FIELDS = _OWN_RHYTHM | {"first", "product_id", "channel", "replace_later"}
#: In a new one, besides.
OWN_NEW_FIELDS = OWN_FIELDS | {"customer_id", "product_id", "start_date", "stop_date", "channel"}


def visible_subscriptions(actor: Actor) -> ColumnElement[bool]:
    """Admin all, marketing staff their customers', a customer its own; nobody else has to do with them."""
    match actor.role:
        case Role.ADMIN:
            return true()
        case Role.MARKETING_STAFF | Role.CUSTOMER:
            return Subscription.customer_id.in_(select(Customer.id).where(visible_customers(actor)))
        case _:
            return false()


def visible_closed_days(actor: Actor) -> ColumnElement[bool]:
    """The dairy's own people see all closings, a customer those of the whole dairy and of where it lives."""
    if actor.role is not Role.CUSTOMER:
        return true()
    home = Area.id.in_(select(Customer.area_id).where(visible_customers(actor)))
    return or_(ClosedDay.area_id.is_(None), ClosedDay.area_id.in_(areas_around(home)))


def check_fields(actor: Actor, fields: Iterable[str], own: frozenset[str]) -> None:
    """Raise ``forbidden``, naming the fields, unless the actor may set all of them."""
    if actor.role is not Role.CUSTOMER:
        return
    refused = sorted(set(fields) - own)
    if refused:
        errors = [FieldError(f"/{name}", "forbidden", "Your role may not set this.") for name in refused]
        raise Problem("forbidden", f"Your role may not set: {', '.join(refused)}", errors)


def check_quote(actor: Actor, fields: Mapping[str, Any], minimum_price: Decimal | None) -> None:
    """Only an admin gives things away, or below the product's floor: raise ``forbidden`` for a quote that does."""
    quoted = fields.get("price_per_unit")
    if quoted is None or actor.role is Role.ADMIN:
        return
    if quoted == 0:
        detail = "Only an admin may quote a price of nothing."
    elif minimum_price is not None and quoted < minimum_price:
        detail = f"Only an admin may quote less than {minimum_price:.2f} for this product."
    else:
        return
    raise Problem("forbidden", detail, [FieldError("/price_per_unit", "forbidden", detail)])


def channel_of(actor: Actor, said: str | None) -> str:
    """How the change reached the dairy: a customer's own by the app, staff say, else ``staff``."""
    return "app" if actor.role is Role.CUSTOMER else said or "staff"
