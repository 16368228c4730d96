"""Changing standing orders. Whatever changes, the orders that already exist follow in the same transaction.

Every change takes the same road: the customer's lock, the standing order's, then the rules, then the rows, then
``_follow``. Which day may still change is judged by ``openings``.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.catalogue import service as catalogue
from dairy_app.catalogue.queries import minimum_price, product_row, unit_of
from dairy_app.catalogue.rules import require_whole
from dairy_app.common.changes import sent
from dairy_app.common.clock import now
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.customers.queries import get_visible_customer, prices_for
from dairy_app.customers.service import customers
from dairy_app.orders import service as orders
from dairy_app.orders.models import Order
from dairy_app.orders.queries import get_visible_order
from dairy_app.subscriptions import bulk
from dairy_app.subscriptions.models import Subscription, SubscriptionOverride, SubscriptionPause, SubscriptionQuantity
from dairy_app.subscriptions.policy import OWN_FIELDS, OWN_NEW_FIELDS, channel_of, check_fields, check_quote
from dairy_app.subscriptions.queries import standing_orders as queries
from dairy_app.subscriptions.rules.standing_orders import (
    RELEASES,
    RHYTHMIC,
    check_brings_something,
    check_goods,
    check_shape,
    with_interval,
    without_price,
)
from dairy_app.subscriptions.rules.wishes import DayQuantity, Ending, NewPause, NewSubscription, SubscriptionChange
from dairy_app.subscriptions.service.open_days import (
    ONE_DAY,
    first_open_day,
    first_unsettled_day,
    refuse_settled,
    require_open,
    require_span,
)
from dairy_app.web.access import Actor, Role


def subscribe(session: Session, actor: Actor, asked: NewSubscription) -> UUID:
    """A new standing order; its id. Days whose orders are made already get theirs at once.

    It begins on the first day the actor may still change unless ``start_date`` says otherwise. Raises
    customer_not_found, customer_stopped, product_not_found, product_inactive, no_price, cutoff_passed, forbidden
    (a customer that quotes a price), validation_failed.
    """
    wanted = sent(asked)
    check_fields(actor, wanted, OWN_NEW_FIELDS)
    check_quote(actor, wanted, minimum_price(session, wanted.get("product_id")))
    customer_id = wanted.get("customer_id") or actor.customer_id
    if customer_id is None:
        raise invalid("/customer_id", "Missing data for required field.", "required")
    customer = get_visible_customer(session, actor, customer_id, lock=True)
    if customer.status == "stopped":
        raise Problem("customer_stopped")
    bulk.hold_generation(session)
    row = {name: value for name, value in wanted.items() if name not in ("reason", "channel")}
    opening = first_open_day(session, actor, [], wanted["shift"])
    row |= _said(actor, wanted.get("channel"), wanted.get("reason"))
    row |= {"customer_id": customer.id, "start_date": wanted.get("start_date") or opening}
    if actor.role is Role.CUSTOMER:
        require_open(session, actor, row["start_date"], wanted["shift"], None, "/start_date")
    row = with_interval(row)
    check_shape(row)
    check_brings_something(row)
    _check_sold(session, row)
    made = bulk.insert_subscription(session, row)
    _follow(session, [made], "The standing order began.")
    return made


def change(session: Session, actor: Actor, subscription_id: UUID, asked: SubscriptionChange) -> bulk.Repriced | None:
    """Change what is sent, from the first day that may still change on; a new price also for orders made already.

    ``default_quantity`` holds till further notice from ``effective_from`` (default: the first open day); what was
    delivered before keeps its quantity. A customer's change leaves days whose cut-off has passed as they were.
    Raises subscription_not_found, forbidden, cutoff_passed, illegal_transition, validation_failed, no_price.
    """
    found = queries.get_visible_subscription(session, actor, subscription_id)
    changes = sent(asked)
    check_fields(actor, changes, OWN_FIELDS)
    check_quote(actor, changes, minimum_price(session, found.product_id))
    bulk.hold_generation(session)
    fields = dict(changes)
    said = {name: fields.pop(name, None) for name in ("reason", "channel", "effective_from", "default_quantity")}
    kept = _closed_days(session, actor, found, {found.shift, fields.get("shift", found.shift)})
    if "status" in fields and fields["status"] != found.status and RELEASES.get(found.status) != fields["status"]:
        raise Problem("illegal_transition", f"The standing order is {found.status}.")
    row = _settled(found, fields)
    start, stop = row.get("start_date"), row.get("stop_date")
    require_span(session, actor, found, start=start, stop=stop, reason=said["reason"])
    _check_quantity(session, found, row, said["default_quantity"])
    _require_whole(session, found, said["default_quantity"], "/default_quantity")
    bulk.update_subscription(session, found.id, {**row, **_said(actor, said["channel"], said["reason"])})
    if said["default_quantity"] is not None:
        _set_quantity(session, actor, found, said)
    elif said["effective_from"] is not None:
        raise invalid("/effective_from", "Goes with default_quantity.")
    session.expire_all()
    _keep(session, actor, found.id, kept)
    reason = said["reason"] or "The standing order was changed."
    _follow(session, [found.id], reason)
    if "price_per_unit" not in changes:
        return None
    return bulk.reprice(session, today(session), found.product_id, Order.subscription_id == found.id)


def _said(actor: Actor, channel: str | None, reason: str | None) -> dict[str, Any]:
    """Who asks for the standing order to be as it becomes, by which way, and why."""
    return {
        "requested_by": actor.user_id,
        "channel": channel_of(actor, channel),
        "change_reason": reason,
    }


def _settled(found: Subscription, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The columns to write: a mode brings its own fields and drops those of the mode before."""
    known = {column.name: getattr(found, column.name) for column in Subscription.__table__.c}
    row = {**known, **fields}
    if row["mode"] != "weekly_pattern" and "weekly_pattern" not in fields:
        row["weekly_pattern"] = None
    if row["mode"] != "alternate_days" and not {"interval_days", "anchor_date"} & set(fields):
        row["interval_days"] = row["anchor_date"] = None
    elif row["mode"] == "alternate_days":
        row["interval_days"] = row["interval_days"] or 2
        row["anchor_date"] = row["anchor_date"] or row["start_date"]
    check_shape(row)
    return {name: row[name] for name in row if row[name] != known[name]}


def _check_quantity(session: Session, found: Subscription, row: Mapping[str, Any], said: Decimal | None) -> None:
    """A rhythm that begins has something to bring: as in a new standing order."""
    begins = row.get("mode") in RHYTHMIC and found.mode not in RHYTHMIC
    if begins and not (said or queries.usual_quantity(session, found.id, today(session))):
        raise invalid("/default_quantity", f"Mode {row['mode']} needs a quantity above 0.", "required")


def _require_whole(session: Session, found: Subscription, quantity: Decimal | None, pointer: str) -> None:
    if quantity is not None:
        require_whole(unit_of(session, found.product_id), quantity, pointer)


def _check_sold(session: Session, row: Mapping[str, Any]) -> None:
    """The product is sold, and somebody knows what it costs on the first day."""
    product = product_row(session, row["product_id"])
    if product is None:
        raise Problem("product_not_found", errors=[FieldError("/product_id", "product_not_found", "No such product.")])
    check_goods(product.name, product.unit, is_sold=product.is_active, quantity=row.get("default_quantity"))
    if row.get("price_per_unit") is None and not prices_for(
        session, row["customer_id"], [product.id], row["start_date"]
    ):
        raise without_price(product.name, row["start_date"])


def _set_quantity(session: Session, actor: Actor, found: Subscription, said: Mapping[str, Any]) -> None:
    """A new default quantity from a day on; one said before for that day or later gives way to it."""
    day = said["effective_from"]
    if day is None:
        day = max(first_open_day(session, actor, [found.id], found.shift), found.start_date)
    else:
        require_open(session, actor, day, found.shift, said["reason"], "/effective_from")
        refuse_settled(session, [found.id], day, day)
    bulk.delete_quantities_from(session, found.id, day)
    row = {"valid_from": day, "quantity": said["default_quantity"], "reason": said["reason"]}
    _insert(session, SubscriptionQuantity, actor, found.id, said["channel"], row)


def set_override(
    session: Session, actor: Actor, subscription_id: UUID, day: date, wanted: DayQuantity
) -> SubscriptionOverride:
    """Say what comes on one day, 0 included; said again, the new word counts.

    Raises subscription_not_found, validation_failed (a day gone by), cutoff_passed, illegal_transition (delivered).
    """
    found = queries.get_visible_subscription(session, actor, subscription_id)
    bulk.hold_generation(session)
    _check_day(session, actor, found, day, wanted.note, wanted.shift)
    _require_whole(session, found, wanted.quantity, "/quantity")
    bulk.delete_override(session, found.id, day)
    row = {"date": day, **{name: getattr(wanted, name) for name in ("kind", "quantity", "shift", "note")}}
    _insert(session, SubscriptionOverride, actor, found.id, wanted.channel, row)
    _follow(session, [found.id], wanted.note or f"Changed for {day}.")
    made = queries.override_of(session, found.id, day)
    assert made is not None
    return made


def clear_override(session: Session, actor: Actor, subscription_id: UUID, day: date) -> None:
    """Let the usual quantity count again on a day; nothing said about it: no change."""
    found = queries.get_visible_subscription(session, actor, subscription_id)
    bulk.hold_generation(session)
    said = queries.override_of(session, found.id, day)
    if said is None:
        return
    _check_day(session, actor, found, day, "cleared")
    bulk.delete_override(session, found.id, day)
    _follow(session, [found.id], f"The change for {day} was taken back.")


def _check_day(
    session: Session, actor: Actor, found: Subscription, day: date, reason: str | None, shift: str | None = None
) -> None:
    """The day may change in the shift it has and in the one it gets (None: the standing order's)."""
    for each in {queries.shift_on(session, found, day), shift or found.shift}:
        require_open(session, actor, day, each, reason, "/date")
    refuse_settled(session, [found.id], day, day)


def add_pause(session: Session, actor: Actor, subscription_id: UUID, wanted: NewPause) -> UUID:
    """Let nothing come on the days of a pause; its id.

    Raises subscription_not_found, validation_failed (ends before it starts, begins in the past), overlaps,
    cutoff_passed, illegal_transition (a day of it is delivered).
    """
    found = queries.get_visible_subscription(session, actor, subscription_id)
    bulk.hold_generation(session)
    first, last = wanted.first, wanted.last
    if last is not None and last < first:
        raise invalid("/to", "Cannot be before the first day of the pause.")
    if last == date.max:
        raise invalid("/to", "There is no day after it. Leave it out for a pause without an end.")
    shift = queries.shift_on(session, found, first)
    require_open(session, actor, first, shift, wanted.reason, "/from")
    refuse_settled(session, [found.id], first, last)
    period = bulk.days(first, None if last is None else last + ONE_DAY)
    row = {"period": period, "reason": wanted.reason}
    made = _insert(session, SubscriptionPause, actor, found.id, wanted.channel, row)
    _follow(session, [found.id], wanted.reason or "Paused.")
    return made


def lift_pause(session: Session, actor: Actor, subscription_id: UUID, pause_id: UUID) -> None:
    """Take a pause back, from the first day that may still change: what it held back until then stays undelivered.

    Raises subscription_not_found, pause_not_found, illegal_transition (it is over).
    """
    found = queries.get_visible_subscription(session, actor, subscription_id)
    bulk.hold_generation(session)
    if not queries.has_pause(session, found.id, pause_id):
        raise Problem("pause_not_found")
    _end_pauses(session, found, first_open_day(session, actor, [found.id], found.shift), pause_id)


def resume(session: Session, actor: Actor, subscription_id: UUID, day: date | None) -> None:
    """Deliver again from ``day`` (default: the first open one): ends the pause that covers it, keeps later ones.

    Raises subscription_not_found, illegal_transition (not paused then), validation_failed, cutoff_passed.
    """
    found = queries.get_visible_subscription(session, actor, subscription_id)
    bulk.hold_generation(session)
    if day is None:
        day = first_open_day(session, actor, [found.id], found.shift)
    else:
        require_open(session, actor, day, queries.shift_on(session, found, day), "resumed", "/from")
    if found.status == "paused":
        bulk.update_subscription(session, found.id, {"status": "active"})
        said = {"requested_by": actor.user_id, "channel": channel_of(actor, None)}
        bulk.pause_until(session, found.id, today(session), day, said)
        if queries.pause_on(session, found.id, day) is None:
            session.expire_all()
            _follow(session, [found.id], "Resumed.")
            return
    _end_pauses(session, found, day, queries.pause_on(session, found.id, day))


def _end_pauses(session: Session, found: Subscription, day: date, pause_id: UUID | None) -> None:
    """End one pause so that ``day`` is no part of it; one that has not begun by then goes altogether."""
    if not bulk.end_pause(session, found.id, pause_id, day):
        raise Problem("illegal_transition", f"The standing order is not paused on {day}.")
    session.expire_all()
    _follow(session, [found.id], "Resumed.")


def stop(session: Session, actor: Actor, subscription_id: UUID, wanted: Ending) -> None:
    """End a standing order: from ``stop_date`` (default: the first open day) nothing comes any more.

    What was delivered stays delivered and billed. Stopped already from that day: no change. Raises
    subscription_not_found, validation_failed, cutoff_passed, illegal_transition (that day is delivered).
    """
    found = queries.get_visible_subscription(session, actor, subscription_id)
    bulk.hold_generation(session)
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
    bulk.update_subscription(session, found.id, row)
    session.expire_all()
    _follow(session, [found.id], wanted.reason or f"Stopped from {day}.")


def cancel_order(session: Session, actor: Actor, order_id: UUID, reason: str) -> None:
    """Cancel an order. One of a standing order is a day with nothing: an override of 0, which can be taken back.

    Raises order_not_found, illegal_transition, cutoff_passed.
    """
    order = get_visible_order(session, actor, order_id)
    if order.subscription_id is None or order.status != "PENDING" or order.delivery_date < today(session):
        orders.cancel_order(session, actor, order_id, reason)
    else:
        nothing = DayQuantity(Decimal(0), note=reason)
        set_override(session, actor, order.subscription_id, order.delivery_date, nothing)


def customer_changed(session: Session, customer_id: UUID, status: str) -> None:
    """Let a customer's orders follow its new status. The caller has locked the customer."""
    bulk.hold_generation(session)
    _follow(session, queries.subscriptions_of(session, customer_id), f"The customer is {status}.")


def _follow(session: Session, subscription_ids: Sequence[UUID], reason: str) -> None:
    """The orders from today on say what the standing orders say: the ones there change, missing ones are made."""
    first = today(session)
    bulk.follow(session, subscription_ids, first, at=now(), reason=reason)
    days = queries.days_with_orders(session, first)
    if days and subscription_ids:
        bulk.generate(session, days, bulk.among(subscription_ids))


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
            bulk.delete_override(session, subscription_id, before.date)
            _insert(session, SubscriptionOverride, actor, subscription_id, None, row | {"note": "After the cut-off."})


def _insert(
    session: Session, table: Any, actor: Actor, subscription_id: UUID, channel: str | None, row: Mapping[str, Any]
) -> UUID:
    """A row beside a standing order, with who asked for it and by which way; its id."""
    said = {"subscription_id": subscription_id, "requested_by": actor.user_id, "channel": channel_of(actor, channel)}
    return bulk.insert_beside(session, table, {**said, **row})
