"""Placing and cancelling orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.catalogue.models import Product
from dairy_app.catalogue.rules import require_whole
from dairy_app.common.clock import now
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.customers.models import Customer
from dairy_app.customers.queries import get_visible_customer, move_on, prices_for
from dairy_app.orders.models import Order, OrderItem
from dairy_app.orders.queries import area_name, get_visible_order, products_by_id
from dairy_app.orders.rules import LONGEST_AHEAD, cutoff_of, is_orderable, may_become
from dairy_app.web.access import Actor, Role


@dataclass(frozen=True, slots=True)
class NewItem:
    """One product of a new order. A price that is stated has a reason."""

    product_id: UUID
    quantity: Decimal
    unit_price: Decimal | None = None
    price_reason: str | None = None


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A one-time order that is wanted. Without ``customer_id`` the caller's own."""

    delivery_date: date
    items: Sequence[NewItem]
    shift: str = "morning"
    customer_id: UUID | None = None
    notes: str | None = None


def place_order(session: Session, actor: Actor, wanted: NewOrder, source: str | None = None) -> UUID:
    """Place a one-time order and return its id. Prices are those of the planned day, set here.

    A price of nothing that an admin states is marked free; else no invoice with it could ever be issued.
    ``source`` says where the wish came from, when not from the actor.
    Raises customer_not_found, customer_stopped, validation_failed (date), cutoff_passed, product_not_found,
    product_inactive, no_price, forbidden (a price stated by somebody else than an admin).
    """
    customer = _customer_for(session, actor, wanted.customer_id)
    if customer.status == "stopped":
        raise Problem("customer_stopped")
    day, shift = wanted.delivery_date, wanted.shift
    first = today(session)
    if not is_orderable(day, first):
        raise invalid("/delivery_date", f"Must be from {first} to {first + LONGEST_AHEAD}.")
    _refuse_after_cutoff(session, actor, day, shift)
    items, reasons = _priced(session, actor, customer, day, wanted.items)
    moved = move_on(session, customer.id, day)
    order = Order(
        customer_id=customer.id,
        delivery_date=day,
        shift=shift,
        delivery_boy_id=moved and moved.delivery_boy_id,
        area_id=moved and moved.area_id,
        placed_by=actor.user_id,
        source=source or ("customer" if actor.role == Role.CUSTOMER else "staff"),
        address=_address(session, customer, moved),
        notes="\n".join([*filter(None, [wanted.notes]), *reasons]) or None,
    )
    session.add(order)
    session.flush()
    session.add_all(OrderItem(order_id=order.id, **item) for item in items)
    session.flush()
    return order.id


def cancel_order(session: Session, actor: Actor, order_id: UUID, reason: str) -> None:
    """Cancel an order that has not been delivered; a customer only until the cut-off.

    Raises order_not_found, illegal_transition, cutoff_passed.
    """
    order = get_visible_order(session, actor, order_id)
    if not may_become(order.status, "CANCELLED"):
        raise Problem("illegal_transition", f"The order is {order.status}.")
    _refuse_after_cutoff(session, actor, order.delivery_date, order.shift)
    order.status, order.cancelled_at, order.cancel_reason = "CANCELLED", now(), reason
    session.flush()


def _customer_for(session: Session, actor: Actor, customer_id: UUID | None) -> Customer:
    """The customer ordered for: a customer login's own when not named."""
    wanted = customer_id or actor.customer_id
    if wanted is None:
        if actor.role == Role.CUSTOMER:
            raise Problem("customer_not_found", "This login is not linked to a customer.")
        raise invalid("/customer_id", "Missing data for required field.", "required")
    return get_visible_customer(session, actor, wanted)


def _refuse_after_cutoff(session: Session, actor: Actor, day: date, shift: str) -> None:
    """Customers may change a shift until the cut-off of the day before; staff always."""
    if actor.role != Role.CUSTOMER:
        return
    rules = business_settings(session)
    hour = rules.cutoff_morning if shift == "morning" else rules.cutoff_evening
    last = cutoff_of(day, hour, rules.time_zone)
    if now() >= last:
        raise Problem("cutoff_passed", f"Changes for {day} were possible until {last.isoformat()}.")


def _priced(
    session: Session, actor: Actor, customer: Customer, day: date, wanted: Sequence[NewItem]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of ``order_items`` with their prices, and the reasons for prices an admin stated."""
    ids = [item.product_id for item in wanted]
    products, prices = products_by_id(session, ids), prices_for(session, customer.id, ids, day)
    rows, reasons = [], []
    for position, item in enumerate(wanted):
        pointer = f"/items/{position}/product_id"
        product = _sold(products.get(item.product_id), pointer)
        require_whole(product.unit, item.quantity, f"/items/{position}/quantity")
        row: dict[str, Any] = {"line_no": position + 1, "product_id": product.id, "quantity": item.quantity}
        if item.unit_price is not None:
            if actor.role != Role.ADMIN:
                raise Problem("forbidden", "Only an admin may state a price.")
            row |= {"unit_price": item.unit_price, "price_source": "override" if item.unit_price else "free"}
            reasons.append(f"Price of {product.name} ({item.unit_price:.2f}): {item.price_reason}")
        elif product.id in prices:
            row["unit_price"], source = prices[product.id]
            row["price_source"] = "free" if source == "customer" and not row["unit_price"] else source
        else:
            detail = f"{product.name} has no price on {day}."
            raise Problem("no_price", detail, [FieldError(pointer, "no_price", detail)])
        rows.append(row)
    return rows, reasons


def _sold(product: Product | None, pointer: str) -> Product:
    """The product, if it exists and is sold."""
    if product is None:
        error = FieldError(pointer, "product_not_found", "No such product.")
        raise Problem("product_not_found", errors=[error])
    if not product.is_active:
        detail = f"{product.name} is no longer sold."
        raise Problem("product_inactive", detail, [FieldError(pointer, "product_inactive", detail)])
    return product


def _address(session: Session, customer: Customer, moved: Row[Any] | None) -> dict[str, Any]:
    """Where to bring it, as it is known now: a customer who moves does not move past orders."""
    parts = ("address_line1", "address_line2", "city", "state_code", "pincode", "map_link")
    address = {name: getattr(customer, name) for name in parts}
    if moved is None:
        return {**address, "area": area_name(session, customer.area_id)}
    told = moved._mapping
    address |= {name: told[name] for name in ("city", "pincode") if told[name] is not None}
    if moved.address_line1 is not None:
        address |= {name: told[name] for name in ("address_line1", "address_line2", "map_link")}
    return {**address, "area": area_name(session, moved.area_id or customer.area_id)}
