"""Goods that reached a door without an order: what nobody planned, and what went to the wrong door."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import require_open_books, require_usual, today
from dairy_app.common.clock import now
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.containers.queries import empties_of_order, has_too_few
from dairy_app.customers.models import Customer
from dairy_app.customers.queries import followed, get_visible_customer, move_on
from dairy_app.deliveries import bulk, queries
from dairy_app.deliveries.rules import Confirmer, DoorOrder, ExtraItem, Unplanned
from dairy_app.deliveries.service.confirmations import Correction, correct
from dairy_app.orders.bulk import lock_with_payers
from dairy_app.orders.queries import get_visible_order, products_by_id, visible_order_view
from dairy_app.orders.service import address_of
from dairy_app.web.access import Actor, Role


def deliver_unplanned(session: Session, actor: Actor, confirmer: Confirmer, wanted: Unplanned) -> UUID:
    """Write down a delivery that no order asked for: an order made at the door, confirmed in full; its id.

    Prices are those of the day. A delivery boy does so today only, for customers of his round, and is bound by the
    settings ``door_extras`` and ``door_extra_limit``. The same ``client_event_id`` with the same delivery is a repeat.
    Raises customer_not_found, customer_stopped, delivery_date_in_future, forbidden, period_closed, validation_failed
    (before the customer began), already_exists (the key was used for another delivery), product_not_found,
    product_inactive, no_price, extra_above_limit, quantity_unusual (unless an admin confirms it).
    """
    day, is_boy = wanted.delivery_date, actor.role == Role.DELIVERY_BOY
    if is_boy:  # the office is told, and enters it there
        wanted = replace(wanted, customer_id=followed(session, wanted.customer_id))
    lock_with_payers(session, [wanted.customer_id])
    customer = _reached(session, actor, wanted.customer_id, day)
    made = _repeat_of(session, wanted)
    if made is not None:
        return made
    _require_day(session, customer, day, only_today=is_boy)
    if not (wanted.confirm and actor.role is Role.ADMIN):
        _require_usual(session, wanted.items)
    priced = _priced(session, wanted.items, customer, day, method=confirmer.method if is_boy else None)
    at = now()
    moved = move_on(session, customer.id, day)
    order = DoorOrder(
        customer_id=customer.id,
        priced=priced,
        day=day,
        shift=wanted.shift,
        address=address_of(session, customer, moved),
        notes=wanted.reason,
        delivery_boy_id=actor.user_id if is_boy else (moved and moved.delivery_boy_id) or customer.delivery_boy_id,
        area_id=(moved and moved.area_id) or customer.area_id,
        delivered_at=at,
        client_event_id=wanted.client_event_id,
    )
    return bulk.write_door_order(session, order, confirmer, at=at)


def move_delivery(
    session: Session, actor: Actor, confirmer: Confirmer, order_id: UUID, to_customer_id: UUID, reason: str
) -> UUID:
    """Put a delivery right that went to another door than its order's: off the one, onto the other; the new order's id.

    Of the order nothing was delivered after all; whoever got it has an order made at the door, of the same day and the
    same quantities, at its own prices; what came back there is its own. In one transaction, under the locks of both.
    Raises order_not_found, customer_not_found, customer_stopped, validation_failed (the same customer),
    illegal_transition (nothing was delivered), invoice_issued, period_closed, no_price, more_back_than_out.
    """
    whose: UUID = visible_order_view(session, actor, order_id)["customer_id"]
    if whose == to_customer_id:
        raise invalid("/to_customer_id", "Must be another customer than the order's.")
    lock_with_payers(session, [whose, to_customer_id])
    order = get_visible_order(session, actor, order_id)
    to = get_visible_customer(session, actor, to_customer_id)
    brought = [
        ExtraItem(item.product_id, item.delivered_quantity)
        for item in queries.delivered_items(session, order_id)
        if item.delivered_quantity
    ]
    if order.delivered_on is None or order.delivered_at is None or not brought:
        raise Problem("illegal_transition", f"Nothing was delivered of the order; it is {order.status}.")
    day, moment, shift = order.delivered_on, order.delivered_at, order.shift
    came_back = empties_of_order(session, order_id)
    corrected = correct(session, actor, order_id, Correction(reason, status="not_delivered", empties=[]))
    _require_day(session, to, day, only_today=False)
    move = move_on(session, to.id, day)
    got = DoorOrder(
        customer_id=to.id,
        priced=_priced(session, brought, to, day, method=None, was_sold=True),
        day=day,
        shift=shift,
        address=address_of(session, to, move),
        notes=reason,
        delivery_boy_id=(corrected.delivery_status or {}).get("delivery_boy_id"),
        area_id=(move and move.area_id) or to.area_id,
        delivered_at=moment,
    )
    made = bulk.write_door_order(session, got, confirmer, at=now())
    if came_back:
        bulk.write_empties(session, made, came_back)
        if has_too_few(session, to.id):
            raise Problem("more_back_than_out", f"{to.name} has less than came back.")
    return made


def _reached(session: Session, actor: Actor, customer_id: UUID, day: date) -> Customer:
    """The customer, if the actor delivers to it on that day."""
    if actor.role != Role.DELIVERY_BOY:
        return get_visible_customer(session, actor, customer_id)
    found = queries.customer_on_round(session, customer_id, actor.user_id, day)
    if found is None:
        raise Problem("customer_not_found")
    return found


def _repeat_of(session: Session, wanted: Unplanned) -> UUID | None:
    """The order that this very delivery was written down as before."""
    known = queries.order_of_event(session, wanted.client_event_id) if wanted.client_event_id else None
    if known is None:
        return None
    told = {str(item.product_id): item.quantity for item in wanted.items}
    written = {product: Decimal(quantity) for product, quantity in (known.quantities or {}).items()}
    same = (wanted.customer_id, wanted.delivery_date, wanted.shift, told)
    if known.source != "door" or same != (known.customer_id, known.delivery_date, known.shift, written):
        raise Problem("already_exists", "The client_event_id was used for another delivery.")
    order_id: UUID = known.id
    return order_id


def _require_day(session: Session, customer: Customer, day: date, *, only_today: bool) -> None:
    """Raise unless the customer may have got something on that day that is written down now."""
    current = today(session)
    if day > current:
        raise Problem("delivery_date_in_future", f"{day} has not come yet.")
    if only_today and day < current:
        raise Problem("forbidden", f"What was delivered on {day} can be entered by an admin only.")
    if customer.status == "stopped":
        raise Problem("customer_stopped")
    require_open_books(session, day)
    first = queries.first_day_of(session, customer.id)
    if day < first:
        raise invalid("/delivery_date", f"The customer began on {first}.")


def _require_usual(session: Session, items: Sequence[ExtraItem]) -> None:
    """Raise ``quantity_unusual`` for more than one order usually holds of a product that exists."""
    products = products_by_id(session, [item.product_id for item in items])
    for place, item in enumerate(items):
        if item.product_id in products:
            require_usual(session, products[item.product_id].unit, {f"/items/{place}/quantity": item.quantity})


def _priced(
    session: Session,
    items: Sequence[ExtraItem],
    customer: Customer,
    day: date,
    *,
    method: str | None,
    was_sold: bool = False,
) -> str:
    judged = bulk.judge_extras(session, items, customer.id, day, method=method, was_sold=was_sold)
    if judged.code is not None:
        at_field = [] if judged.place is None else [FieldError(f"/items/{judged.place}", judged.code, judged.detail)]
        raise Problem(judged.code, judged.detail, at_field)
    priced: str = judged.priced
    return priced
