"""Changing standing orders. Whatever changes, the orders that already exist follow in the same transaction.

Every change takes the same road: the customer's lock, the standing order's, then the rules, then the rows, then
``follow``. Which day may still change is judged by ``open_days``. Pauses have a module of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.business.queries import require_usual, today
from dairy_app.catalogue import service as catalogue
from dairy_app.catalogue.queries import minimum_price, product_row, unit_of
from dairy_app.catalogue.rules import require_whole
from dairy_app.common.changes import sent
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.customers.models import Customer
from dairy_app.customers.queries import get_visible_customer, prices_for
from dairy_app.customers.service import customers
from dairy_app.orders import service as orders
from dairy_app.orders.models import Order
from dairy_app.orders.queries import get_visible_order
from dairy_app.subscriptions.bulk import orders as bulk
from dairy_app.subscriptions.bulk import schedules
from dairy_app.subscriptions.bulk import standing_orders as rows
from dairy_app.subscriptions.models import Subscription, SubscriptionOverride, SubscriptionQuantity
from dairy_app.subscriptions.policy import OWN_FIELDS, OWN_NEW_FIELDS, channel_of, check_fields, check_quote
from dairy_app.subscriptions.queries import standing_orders as queries
from dairy_app.subscriptions.queries.schedules import TERMS, equal_order, terms_on
from dairy_app.subscriptions.rules.rhythm import (
    changed,
    check_beginning,
    check_stop,
    check_whole,
    needs_quantity,
    quantities_of,
    with_days,
    with_interval,
)
from dairy_app.subscriptions.rules.standing_orders import RELEASES, require_active, without_price
from dairy_app.subscriptions.rules.wishes import DayQuantity, Ending, NewSubscription, SubscriptionChange
from dairy_app.subscriptions.service.following import follow, follow_customers, insert_beside
from dairy_app.subscriptions.service.open_days import (
    ONE_DAY,
    first_open_day,
    first_unsettled_day,
    refuse_settled,
    require_open,
    require_span,
)
from dairy_app.web.access import Actor, Role

#: What of a customer its orders follow.
_FOLLOWED = ("status", "trial_start_date", "area", "area_id")


def subscribe(session: Session, actor: Actor, asked: NewSubscription) -> UUID:
    """A new standing order; its id. Days whose orders are made already get theirs at once.

    It begins on the first day the actor may still change unless ``start_date`` says otherwise. Raises
    customer_not_found, customer_stopped, product_not_found, product_inactive, no_price, cutoff_passed, forbidden
    (a customer that quotes a price), validation_failed, and unless it is confirmed already_exists (it gets the product
    in that shift already) and quantity_unusual.
    """
    wanted = sent(asked)
    check_fields(actor, wanted, OWN_NEW_FIELDS)
    confirmed = wanted.pop("confirm")
    check_quote(actor, wanted, minimum_price(session, wanted.get("product_id")))
    customer_id = wanted.get("customer_id") or actor.customer_id
    if customer_id is None:
        raise invalid("/customer_id", "Missing data for required field.", "required")
    bulk.hold_generation(session)
    customer = get_visible_customer(session, actor, customer_id, lock=True)
    if customer.status == "stopped":
        raise Problem("customer_stopped")
    row = {name: value for name, value in wanted.items() if name not in ("reason", "channel")}
    opening = first_open_day(session, actor, [], wanted["shift"])
    row |= _said(actor, wanted.get("channel"), wanted.get("reason"))
    row |= {"customer_id": customer.id, "start_date": wanted.get("start_date") or opening}
    if actor.role is Role.CUSTOMER:
        require_open(session, actor, row["start_date"], wanted["shift"], None, "/start_date")
    row = with_interval(with_days(row))
    check_beginning(row)
    require_sold(
        session, customer.id, row["product_id"], row["start_date"], row.get("price_per_unit"), quantities_of(row)
    )
    refuse_unusual(session, actor, row["product_id"], quantities_of(row), confirmed=confirmed)
    if not confirmed:
        refuse_another(session, customer.id, row["product_id"], row["shift"], row["start_date"])
    made = rows.insert_subscription(session, row)
    follow(session, [made], "The standing order began.")
    return made


def lock_to_change(session: Session, actor: Actor, subscription_id: UUID) -> Subscription:
    """A standing order, locked after its customer, and before both the making of orders is kept out.

    In this order everywhere: making orders has its own lock when it comes to the customers who move. Raises
    ``subscription_not_found``, also for what the actor may not see.
    """
    bulk.hold_generation(session)
    return queries.get_visible_subscription(session, actor, subscription_id)


def change(session: Session, actor: Actor, subscription_id: UUID, asked: SubscriptionChange) -> bulk.Repriced | None:
    """Change what is sent, from the first day that may still change on; a new price also for orders made already.

    What is planned from a day on (``schedules``) stays as it was planned; where it only kept what changes now, it
    keeps the new.

    ``default_quantity`` holds till further notice from ``effective_from`` (default: the first open day); what was
    delivered before keeps its quantity. A customer's change leaves days whose cut-off has passed as they were.
    Raises subscription_not_found, forbidden, cutoff_passed, illegal_transition, validation_failed, no_price, and unless
    it is confirmed quantity_unusual and already_exists (another shift, or begun again, as one that is there).
    """
    found = lock_to_change(session, actor, subscription_id)
    changes = sent(asked)
    check_fields(actor, changes, OWN_FIELDS)
    confirmed = changes.pop("confirm")
    day = today(session)
    schedules.apply_schedules(session, day, found.id)
    known = terms_on(session, found.id, day)
    check_quote(actor, changes, minimum_price(session, known.product_id))
    fields = dict(changes)
    said = {name: fields.pop(name, None) for name in ("reason", "channel", "effective_from", "default_quantity")}
    kept = _closed_days(session, actor, found, {known.shift, fields.get("shift", known.shift)})
    if "status" in fields and fields["status"] != found.status and RELEASES.get(found.status) != fields["status"]:
        raise Problem("illegal_transition", f"The standing order is {found.status}.")
    row = _settled(found, known, fields)
    start, stop = row.get("start_date"), row.get("stop_date")
    require_span(session, actor, found, start=start, stop=stop, reason=said["reason"])
    _check_quantity(known, row, said["default_quantity"])
    check_whole(known.unit, quantities_of(row))
    refuse_unusual(session, actor, known.product_id, quantities_of(row), confirmed=confirmed)
    begins_again = found.status == "stopped" and row.get("status") == "active"
    if not confirmed and ("shift" in row or begins_again):
        refuse_another(session, found.customer_id, known.product_id, row.get("shift", known.shift), day, found.id)
    rows.update_subscription(session, found.id, {**row, **_said(actor, said["channel"], said["reason"])})
    schedules.change_valid(session, found.id, day, known, row)
    if said["default_quantity"] is not None:
        _set_quantity(session, actor, found, said, confirmed=confirmed)
    elif said["effective_from"] is not None:
        raise invalid("/effective_from", "Goes with default_quantity.")
    session.expire_all()
    _keep(session, actor, found.id, kept)
    reason = said["reason"] or "The standing order was changed."
    follow(session, [found.id], reason)
    if "price_per_unit" not in changes:
        return None
    return bulk.reprice(session, day, known.product_id, Order.subscription_id == found.id)


def _said(actor: Actor, channel: str | None, reason: str | None) -> dict[str, Any]:
    """Who asks for the standing order to be as it becomes, by which way, and why."""
    return {
        "requested_by": actor.user_id,
        "channel": channel_of(actor, channel),
        "change_reason": reason,
    }


def _settled(found: Subscription, known: Row[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The columns to write: those that differ from what the standing order is (``known``: its terms of today)."""
    before = {column.name: getattr(found, column.name) for column in Subscription.__table__.c}
    before |= {name: known._mapping[name] for name in TERMS}
    row = changed(before, fields, fields.get("start_date", found.start_date))
    check_stop(row)
    return {name: row[name] for name in row if row[name] != before[name]}


def _check_quantity(known: Row[Any], row: Mapping[str, Any], said: Decimal | None) -> None:
    """A rhythm that begins has something to bring: as in a new standing order."""
    after = {**known._mapping, **row}
    begins = needs_quantity(after) and not needs_quantity(dict(known._mapping))
    if begins and not (said or known.default_quantity):
        raise invalid("/default_quantity", f"Mode {after['mode']} needs a quantity above 0.", "required")


def require_sold(
    session: Session,
    customer_id: UUID,
    product_id: UUID,
    day: date,
    quoted: Decimal | None,
    quantities: Mapping[str, Decimal],
) -> None:
    """The product is sold, by the whole where it must be, and somebody knows what it costs on a day.

    ``quantities``: each with where it stands in what a client sent. Raises product_not_found, product_inactive,
    validation_failed, no_price.
    """
    product = product_row(session, product_id)
    if product is None:
        raise Problem("product_not_found", errors=[FieldError("/product_id", "product_not_found", "No such product.")])
    require_active(product.name, is_active=product.is_active)
    check_whole(product.unit, quantities)
    if quoted is None and not prices_for(session, customer_id, [product.id], day):
        raise without_price(product.name, day)


def refuse_unusual(
    session: Session, actor: Actor, product_id: UUID, quantities: Mapping[str, Decimal], *, confirmed: bool
) -> None:
    """Raise ``quantity_unusual`` for more of a product than one order usually holds, unless an admin confirms it."""
    if quantities and not (confirmed and actor.role is Role.ADMIN):
        require_usual(session, unit_of(session, product_id), quantities)


def refuse_another(
    session: Session, customer_id: UUID, product_id: UUID, shift: str, day: date, besides: UUID | None = None
) -> None:
    """Raise ``already_exists`` when another standing order brings the product in the shift on a day or later."""
    other = equal_order(session, customer_id, product_id, shift, day, besides)
    if other is not None:
        detail = "The customer has a standing order of this product in this shift. With confirm it is one more."
        raise Problem("already_exists", detail, [FieldError("/product_id", "already_exists", detail)])


def _set_quantity(
    session: Session, actor: Actor, found: Subscription, said: Mapping[str, Any], *, confirmed: bool
) -> None:
    """A new default quantity from a day on; one said before for that day or later gives way to it.

    It holds until a change that names a quantity itself, whose unit may be another one.
    """
    day = said["effective_from"]
    if day is None:
        day = max(first_open_day(session, actor, [found.id], found.shift), found.start_date)
    else:
        require_open(session, actor, day, terms_on(session, found.id, day).shift, said["reason"], "/effective_from")
        refuse_settled(session, [found.id], day, day)
    then = terms_on(session, found.id, day)
    if then.weekly_quantities is not None:
        raise invalid("/default_quantity", "Each weekday has its own quantity: change weekly_quantities.")
    require_whole(then.unit, said["default_quantity"], "/default_quantity")
    named = {"/default_quantity": said["default_quantity"]}
    refuse_unusual(session, actor, then.product_id, named, confirmed=confirmed)
    rows.delete_quantities_from(session, found.id, day)
    row = {"valid_from": day, "quantity": said["default_quantity"], "reason": said["reason"]}
    insert_beside(session, SubscriptionQuantity, actor, found.id, said["channel"], row)


def set_override(
    session: Session, actor: Actor, subscription_id: UUID, day: date, wanted: DayQuantity
) -> SubscriptionOverride:
    """Say what comes on one day, 0 included; said again, the new word counts.

    On a closed day staff may let something come all the same; a customer may not. Raises subscription_not_found,
    validation_failed (a day gone by), cutoff_passed, day_closed, illegal_transition (delivered), quantity_unusual.
    """
    found = lock_to_change(session, actor, subscription_id)
    then = terms_on(session, found.id, day)
    _check_day(session, actor, found, day, wanted.note, wanted.shift or then.shift)
    require_whole(then.unit, wanted.quantity, "/quantity")
    refuse_unusual(session, actor, then.product_id, {"/quantity": wanted.quantity}, confirmed=wanted.confirm)
    if actor.role is Role.CUSTOMER and wanted.quantity > 0:
        orders.refuse_closed(session, found.customer_id, day, wanted.shift or then.shift, "/date")
    rows.delete_override(session, found.id, day)
    row = {"date": day, **{name: getattr(wanted, name) for name in ("kind", "quantity", "shift", "note")}}
    insert_beside(session, SubscriptionOverride, actor, found.id, wanted.channel, row)
    follow(session, [found.id], wanted.note or f"Changed for {day}.")
    made = queries.override_of(session, found.id, day)
    assert made is not None
    return made


def clear_override(session: Session, actor: Actor, subscription_id: UUID, day: date) -> None:
    """Let the usual quantity count again on a day; nothing said about it: no change."""
    found = lock_to_change(session, actor, subscription_id)
    said = queries.override_of(session, found.id, day)
    if said is None:
        return
    _check_day(session, actor, found, day, "cleared", terms_on(session, found.id, day).shift)
    rows.delete_override(session, found.id, day)
    follow(session, [found.id], f"The change for {day} was taken back.")


def _check_day(session: Session, actor: Actor, found: Subscription, day: date, reason: str | None, shift: str) -> None:
    """The day may change in the shift it has and in the one it gets."""
    for each in {queries.shift_on(session, found, day), shift}:
        require_open(session, actor, day, each, reason, "/date")
    refuse_settled(session, [found.id], day, day)


def stop(session: Session, actor: Actor, subscription_id: UUID, wanted: Ending) -> None:
    """End a standing order: from ``stop_date`` (default: the first open day) nothing comes any more.

    What was delivered stays delivered and billed. Stopped already from that day: no change. Raises
    subscription_not_found, validation_failed, cutoff_passed, illegal_transition (that day is delivered).
    """
    found = lock_to_change(session, actor, subscription_id)
    day = wanted.stop_date
    if found.status == "stopped" and (day is None or day == found.stop_date):
        return
    if day is None:
        day = max(first_open_day(session, actor, [found.id], found.shift), found.start_date)
    elif day < found.start_date:
        raise invalid("/stop_date", "Cannot be before the start.")
    else:
        shift = queries.shift_on(session, found, day)
        require_open(session, actor, day, shift, wanted.reason, "/stop_date")
        refuse_settled(session, [found.id], day, None)
    row = {"stop_date": day, **_said(actor, wanted.channel, wanted.reason)}
    # Days before it that are still to come are delivered; the nightly run closes it when its day is there.
    if day <= max(first_unsettled_day(session, [found.id]), found.start_date):
        row["status"] = "stopped"
    rows.update_subscription(session, found.id, row)
    session.expire_all()
    follow(session, [found.id], wanted.reason or f"Stopped from {day}.")


def cancel_order(session: Session, actor: Actor, order_id: UUID, reason: str) -> None:
    """Cancel an order. One of a standing order is a day with nothing: an override of 0, which can be taken back.

    Raises order_not_found, illegal_transition, cutoff_passed.
    """
    bulk.hold_generation(session)
    order = get_visible_order(session, actor, order_id)
    waits = order.status == "PENDING" or order.closed_day_id is not None  # reopened, its day would come back
    if order.subscription_id is None or not waits or order.delivery_date < today(session):
        orders.cancel_order(session, actor, order_id, reason)
    else:
        nothing = DayQuantity(Decimal(0), note=reason)
        set_override(session, actor, order.subscription_id, order.delivery_date, nothing)


def lock_customer_to_change(session: Session, actor: Actor, customer_id: UUID) -> Customer:
    """A customer, locked as ``change_customer`` will lock it. Raises ``customer_not_found``."""
    bulk.hold_generation(session)
    return get_visible_customer(session, actor, customer_id, lock=True)


def change_customer(session: Session, actor: Actor, customer_id: UUID, asked: customers.CustomerChange) -> Row[Any]:
    """Change what is sent; orders follow a new status or area. Raises as the customer's own."""
    follows = not sent(asked).keys().isdisjoint(_FOLLOWED)
    if follows:
        bulk.hold_generation(session)
    changed = customers.change_customer(session, actor, customer_id, asked)
    if follows:
        follow_customers(session, [customer_id], f"The customer is {changed.status}.")
    return changed


def set_price(session: Session, product_id: UUID, wanted: catalogue.NewPrice) -> tuple[Row[Any], bulk.Repriced]:
    """The list price from a day on, and what became of the orders of its days that already exist.

    Raises ``product_not_found``; ``already_exists`` when a price begins on that day.
    """
    bulk.hold_generation(session)
    made = catalogue.set_price(session, product_id, wanted)
    return made, bulk.reprice(session, wanted.valid_from, product_id)


def set_customer_price(
    session: Session, actor: Actor, customer_id: UUID, agreed: customers.AgreedPrice
) -> bulk.Repriced:
    """Agree a price with a customer from a day on, or end it (None), as ``customers.service.set_customer_price``.

    Orders of its days that already exist follow.
    """
    bulk.hold_generation(session)
    customers.set_customer_price(session, actor, customer_id, agreed)
    return bulk.reprice(session, agreed.valid_from, agreed.product_id, Order.customer_id == customer_id)


def change_product(session: Session, product_id: UUID, asked: catalogue.ProductChange) -> dict[str, Any]:
    """Change what is sent; with how many open orders hold the product, when it is taken off sale."""
    bulk.hold_generation(session)
    made = dict(catalogue.change_product(session, product_id, asked)._mapping)
    is_taken_off = asked.is_active is False
    made["open_orders"] = queries.open_orders_of(session, product_id) if is_taken_off else None
    return made


def _closed_days(session: Session, actor: Actor, found: Subscription, shifts: Iterable[str]) -> Sequence[Any]:
    """What comes on the days a customer may no longer change in all of ``shifts``, as rows of the calendar."""
    first = today(session)
    opening = max(first_open_day(session, actor, [found.id], shift) for shift in shifts)
    return queries.calendar(session, found.id, first, opening - ONE_DAY) if opening > first else []


def _keep(session: Session, actor: Actor, subscription_id: UUID, kept: Sequence[Any]) -> None:
    """Let closed days stay what they were: where the change would alter one, its old quantity becomes an entry."""
    if not kept:
        return
    now_due = queries.calendar(session, subscription_id, kept[0].date, kept[-1].date)
    for before, after in zip(kept, now_due, strict=True):
        if (before.quantity, before.shift) != (after.quantity, after.shift):
            row = {name: before._mapping[name] for name in ("date", "quantity", "shift")}
            rows.delete_override(session, subscription_id, before.date)
            insert_beside(
                session, SubscriptionOverride, actor, subscription_id, None, row | {"note": "After the cut-off."}
            )
