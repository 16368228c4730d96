"""Placing and cancelling orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.business.rules import check_usual
from dairy_app.catalogue.models import Product
from dairy_app.catalogue.rules import require_whole
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.common.clock import now
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.customers.models import Customer
from dairy_app.customers.queries import get_visible_customer, move_on, price_list_of, prices_for
from dairy_app.customers.rules import Moved
from dairy_app.orders import bulk
from dairy_app.orders.models import Order, OrderItem
from dairy_app.orders.queries import (
    area_name,
    closing_of,
    exposure_of,
    get_visible_order,
    has_credit_limit,
    items_of_order,
    products_by_id,
)
from dairy_app.orders.rules import (
    LONGEST_AHEAD,
    STATED,
    cutoff_of,
    is_orderable,
    may_become,
    ordered_value,
    parted_notes,
    price_note,
)
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
    """A one-time order that is wanted. Without ``customer_id`` the caller's own.

    ``confirm``: said by an admin, an unusual quantity, a small order or one over the credit limit is meant.
    """

    delivery_date: date
    items: Sequence[NewItem]
    shift: str = "morning"
    customer_id: UUID | None = None
    notes: str | None = None
    confirm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """What shall be different in a one-time order; what is UNSET stays as it is. ``items`` are all of it."""

    delivery_date: date | Unset = UNSET
    shift: str | Unset = UNSET
    items: Sequence[NewItem] | Unset = UNSET
    notes: str | Unset | None = UNSET
    confirm: bool = False


def place_order(session: Session, actor: Actor, wanted: NewOrder, source: str | None = None) -> UUID:
    """Place a one-time order and return its id. Prices are those of the planned day, set here.

    A price of nothing that an admin states is marked free; else no invoice with it could ever be issued.
    ``source`` says where the wish came from, when not from the actor.
    Raises customer_not_found, customer_merged, customer_stopped, validation_failed (date), cutoff_passed, day_closed,
    product_not_found, product_inactive, no_price, quantity_unusual, below_minimum, credit_hold, forbidden (a price not
    stated by an admin).
    """
    customer = _customer_for(session, actor, wanted.customer_id)
    held_to = _has_limit(session, actor, customer, confirm=wanted.confirm)
    if held_to:  # the mutex of the money, before what decides is read
        bulk.lock_with_payers(session, [customer.id])
        customer = get_visible_customer(session, actor, customer.id, lock=True)
    if customer.merged_into is not None:
        raise Problem("customer_merged", facts={"merged_into": str(customer.merged_into)})
    if customer.status == "stopped":
        raise Problem("customer_stopped")
    day, shift = wanted.delivery_date, wanted.shift
    _require_orderable(session, day)
    _refuse_after_cutoff(session, actor, day, shift)
    refuse_closed(session, customer.id, day, shift, "/delivery_date")  # also of staff: who wants to deliver reopens it
    items, reasons = _priced(session, actor, customer, day, wanted.items, {}, {}, confirm=wanted.confirm)
    _refuse_small(session, actor, items, confirm=wanted.confirm)
    moved = move_on(session, customer.id, day)
    order = Order(
        customer_id=customer.id,
        delivery_date=day,
        shift=shift,
        delivery_boy_id=moved and moved.delivery_boy_id,
        area_id=moved and moved.area_id,
        placed_by=actor.user_id,
        source=source or ("customer" if actor.role == Role.CUSTOMER else "staff"),
        address=address_of(session, customer, moved),
        notes="\n".join([*filter(None, [wanted.notes]), *reasons]) or None,
    )
    session.add(order)
    session.flush()
    session.add_all(OrderItem(order_id=order.id, **item) for item in items)
    session.flush()
    if held_to:
        _refuse_over_limit(session, customer)
    return order.id


def change_order(session: Session, actor: Actor, order_id: UUID, change: OrderChange) -> None:
    """Change a one-time order that nobody set out with; a customer until the cut-off of its day, and of the new one.

    What stays on its day keeps the price that was promised, unless a customer wants more at a price that was stated;
    the rest, and everything on another day, gets the price of the day. Raises order_not_found, illegal_transition (out,
    confirmed, cancelled, or made of a standing order), cutoff_passed, day_closed, customer_stopped, validation_failed
    (date), product_not_found, product_inactive, no_price, quantity_unusual, below_minimum, credit_hold (an order that
    grows), forbidden.
    """
    order = get_visible_order(session, actor, order_id)
    if order.order_type != "one_time":
        raise Problem("illegal_transition", "The order is made of a standing order: change the quantity of its day.")
    if order.status != "PENDING":
        raise Problem("illegal_transition", f"The order is {order.status}.")
    asked = sent(change)
    _refuse_after_cutoff(session, actor, order.delivery_date, order.shift)
    day, shift = asked.get("delivery_date", order.delivery_date), asked.get("shift", order.shift)
    if day != order.delivery_date:
        _require_orderable(session, day)
    if (day, shift) != (order.delivery_date, order.shift):
        _refuse_after_cutoff(session, actor, day, shift)
        refuse_closed(session, order.customer_id, day, shift, "/delivery_date")
    customer = get_visible_customer(session, actor, order.customer_id)
    if customer.status == "stopped":
        raise Problem("customer_stopped")
    there = items_of_order(session, order_id)
    noted, of_prices = parted_notes(order.notes)
    worth = _worth(there)
    reasons: list[str] = []
    if "items" in asked or day != order.delivery_date:
        promised = {each.product_id: each for each in there} if day == order.delivery_date else {}
        wanted = asked.get("items", [NewItem(each.product_id, each.quantity) for each in there])
        before = {each.product_id: each.quantity for each in there}
        confirm = change.confirm
        items, reasons = _priced(session, actor, customer, day, wanted, promised, before, confirm=confirm)
        _refuse_small(session, actor, items, worth, confirm=confirm)
        for each in there:
            session.delete(each)
        session.flush()
        session.add_all(OrderItem(order_id=order_id, **item) for item in items)
        of_prices = _reasons_kept(session, of_prices, items)
    if "notes" in asked:
        noted = [asked["notes"]] if asked["notes"] else []
    order.notes = "\n".join([*noted, *of_prices, *reasons]) or None
    if day != order.delivery_date:  # who goes there, and where it is brought, are as for a new order of that day
        moved = move_on(session, customer.id, day)
        order.delivery_boy_id = moved.delivery_boy_id if moved else None
        order.area_id = moved.area_id if moved else None
        order.address = address_of(session, customer, moved)
    order.delivery_date, order.shift = day, shift
    order.updated_at = func.now()  # also where only an item is another
    session.flush()
    grows = _worth(items_of_order(session, order_id)) > worth
    if grows and _has_limit(session, actor, customer, confirm=change.confirm):
        _refuse_over_limit(session, customer)


def _reasons_kept(session: Session, notes: Sequence[str], items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those lines of ``price_note`` whose price still stands in ``items``."""
    stated = [item for item in items if item["price_source"] in STATED]
    names = products_by_id(session, [item["product_id"] for item in stated])
    kept = tuple(price_note(names[item["product_id"]].name, item["unit_price"], "") for item in stated)
    return [line for line in notes if line.startswith(kept)]


def _require_orderable(session: Session, day: date) -> None:
    first = today(session)
    if not is_orderable(day, first):
        raise invalid("/delivery_date", f"Must be from {first} to {first + LONGEST_AHEAD}.")


def cancel_order(session: Session, actor: Actor, order_id: UUID, reason: str) -> None:
    """Cancel an order that has not been delivered; a customer only until the cut-off.

    What a closed day had cancelled does not come back when the day is reopened. Raises order_not_found,
    illegal_transition, cutoff_passed.
    """
    order = get_visible_order(session, actor, order_id)
    if not may_become(order.status, "CANCELLED") and order.closed_day_id is None:
        raise Problem("illegal_transition", f"The order is {order.status}.")
    _refuse_after_cutoff(session, actor, order.delivery_date, order.shift)
    order.status, order.cancelled_at, order.cancel_reason, order.closed_day_id = "CANCELLED", now(), reason, None
    session.flush()


def own_rules(session: Session, actor: Actor, customer_id: UUID | None) -> dict[str, Any]:
    """By which rules a customer orders: cut-offs, its prices of today in rupees per unit, the dairy's phone.

    Raises customer_not_found, validation_failed (an admin names none).
    """
    customer, rules, day = _customer_for(session, actor, customer_id), business_settings(session), today(session)
    return {
        "dairy_name": rules.business_name,
        "dairy_phone": rules.phone,
        "time_zone": rules.time_zone,
        "cutoff_morning": rules.cutoff_morning,
        "cutoff_evening": rules.cutoff_evening,
        "last_order_date": day + LONGEST_AHEAD,
        "minimum_order_amount": rules.minimum_order_amount,
        "products": price_list_of(session, customer.id, day),
    }


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


def refuse_closed(session: Session, customer_id: UUID, day: date, shift: str, pointer: str) -> None:
    """Raise ``day_closed`` when nothing is delivered to a customer in that shift. Closing waits until the end."""
    bulk.hold_closings(session)
    closed = closing_of(session, customer_id, day, shift)
    if closed is not None:
        detail = f"Nothing is delivered on {day}: {closed.reason}"
        raise Problem("day_closed", detail, [FieldError(pointer, "day_closed", detail)])


def _priced(
    session: Session,
    actor: Actor,
    customer: Customer,
    day: date,
    wanted: Sequence[NewItem],
    promised: Mapping[UUID, OrderItem],
    ordered: Mapping[UUID, Decimal],
    *,
    confirm: bool,
) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of ``order_items`` with their prices, and the reasons for prices an admin stated.

    ``promised``: what was ordered for that day before, by product: it keeps its price, and may be off sale by now. Of
    what an admin gave away or let go for less, a customer gets no more at that price.
    ``ordered``: the quantities of before, on any day: more of it than is usual must be confirmed by an admin.
    """
    confirmed = confirm and actor.role is Role.ADMIN
    most = {} if confirmed else business_settings(session).max_order_quantity
    ids = [item.product_id for item in wanted]
    products, prices = products_by_id(session, ids), prices_for(session, customer.id, ids, day)
    rows, reasons = [], []
    for position, item in enumerate(wanted):
        pointer = f"/items/{position}/product_id"
        before = promised.get(item.product_id)
        product = _sold(products.get(item.product_id), pointer, was_sold=before is not None)
        require_whole(product.unit, item.quantity, f"/items/{position}/quantity")
        if item.quantity > ordered.get(product.id, 0):
            check_usual(most.get(product.unit), item.quantity, product.unit, f"/items/{position}/quantity")
        row: dict[str, Any] = {"line_no": position + 1, "product_id": product.id, "quantity": item.quantity}
        if item.unit_price is not None:
            if actor.role != Role.ADMIN:
                raise Problem("forbidden", "Only an admin may state a price.")
            row |= {"unit_price": item.unit_price, "price_source": "override" if item.unit_price else "free"}
            reasons.append(price_note(product.name, item.unit_price, item.price_reason))
        elif before is not None and (
            actor.role is Role.ADMIN or before.price_source not in STATED or item.quantity <= before.quantity
        ):
            row |= {"unit_price": before.unit_price, "price_source": before.price_source}
        elif product.id in prices:
            row["unit_price"], source = prices[product.id]
            row["price_source"] = "free" if source == "customer" and not row["unit_price"] else source
        else:
            detail = f"{product.name} has no price on {day}."
            raise Problem("no_price", detail, [FieldError(pointer, "no_price", detail)])
        rows.append(row)
    return rows, reasons


def _refuse_small(
    session: Session, actor: Actor, items: Sequence[Mapping[str, Any]], before: Decimal | None = None, *, confirm: bool
) -> None:
    """Raise ``below_minimum`` for an order that is worth less than the dairy's minimum, unless an admin confirms it.

    ``before``: what it was worth until now; a small one that grows, or stays as it is, is not refused.
    """
    least = business_settings(session).minimum_order_amount
    worth = ordered_value((item["quantity"], item["unit_price"]) for item in items)
    if least is None or worth >= least or (confirm and actor.role is Role.ADMIN):
        return
    if before is None or worth < before:
        detail = f"The order comes to {worth:.2f} rupees; {least:.2f} is the least. An admin may confirm it."
        facts = {"minimum_order_amount": f"{least:.2f}", "total_amount": f"{worth:.2f}"}
        raise Problem("below_minimum", detail, [FieldError("/items", "below_minimum", detail)], facts=facts)


def _worth(items: Sequence[OrderItem]) -> Decimal:
    return ordered_value((each.quantity, each.unit_price) for each in items)


def _has_limit(session: Session, actor: Actor, customer: Customer, *, confirm: bool) -> bool:
    """Whether an order is held to the credit limit of who pays: where the dairy wants it, and no admin confirms."""
    has_limit = customer.credit_limit is not None or customer.payment_terms == "prepaid"
    if customer.billed_to is not None:
        has_limit = has_credit_limit(session, customer.billed_to)
    is_held = has_limit and business_settings(session).on_credit_limit == "hold"
    return is_held and not (confirm and actor.role is Role.ADMIN)


def _refuse_over_limit(session: Session, customer: Customer) -> None:
    """Raise ``credit_hold`` when who pays, its row locked, is over its limit with the order that is written.

    How much somebody else owes who pays for it, a customer is not told.
    """
    found = exposure_of(session, customer.billed_to or customer.id, today(session))
    if found.credit_limit is None or found.exposure <= found.credit_limit:
        return
    if customer.billed_to is not None:
        raise Problem("credit_hold", "Who pays for the customer is at its limit. An admin may confirm the order.")
    detail = (
        f"With this order {found.exposure:.2f} rupees would be owed, delivered or ordered; the limit is"
        f" {found.credit_limit:.2f}. A payment makes room; an admin may confirm it."
    )
    facts = {"exposure": f"{found.exposure:.2f}", "credit_limit": f"{found.credit_limit:.2f}"}
    raise Problem("credit_hold", detail, [FieldError("/items", "credit_hold", detail)], facts=facts)


def _sold(product: Product | None, pointer: str, *, was_sold: bool) -> Product:
    """The product, if it exists and is sold, or was when it was ordered."""
    if product is None:
        error = FieldError(pointer, "product_not_found", "No such product.")
        raise Problem("product_not_found", errors=[error])
    if not (product.is_active or was_sold):
        detail = f"{product.name} is no longer sold."
        raise Problem("product_inactive", detail, [FieldError(pointer, "product_inactive", detail)])
    return product


def address_of(session: Session, customer: Customer, moved: Moved | None) -> dict[str, Any]:
    """Where to bring an order, as it is known now: a customer who moves does not move past orders."""
    parts = ("address_line1", "address_line2", "city", "state_code", "pincode", "map_link")
    address = {name: getattr(customer, name) for name in parts}
    if moved is None:
        return {**address, "area": area_name(session, customer.area_id)}
    address |= {name: told for name in ("city", "pincode") if (told := getattr(moved, name)) is not None}
    if moved.address_line1 is not None:
        address |= {name: getattr(moved, name) for name in ("address_line1", "address_line2", "map_link")}
    return {**address, "area": area_name(session, moved.area_id or customer.area_id)}
