"""What a standing order becomes from a day on: another product, rhythm, quantity, shift or price."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.catalogue.queries import minimum_price, unit_of
from dairy_app.common.changes import sent
from dairy_app.common.errors import FieldError, Problem, invalid, overlaps
from dairy_app.orders.models import Order
from dairy_app.subscriptions.bulk import orders as bulk
from dairy_app.subscriptions.bulk import schedules
from dairy_app.subscriptions.bulk import standing_orders as rows
from dairy_app.subscriptions.models import Subscription
from dairy_app.subscriptions.policy import OWN_CHANGE_FIELDS, channel_of, check_fields, check_quote
from dairy_app.subscriptions.queries import schedules as queries
from dairy_app.subscriptions.queries.standing_orders import get_visible_subscription, shift_on
from dairy_app.subscriptions.rules.rhythm import changed, needs_quantity, quantities_of
from dairy_app.subscriptions.rules.wishes import ScheduleChange
from dairy_app.subscriptions.service.following import follow
from dairy_app.subscriptions.service.open_days import ONE_DAY, refuse_settled, require_open
from dairy_app.subscriptions.service.standing_orders import refuse_another, refuse_unusual, require_sold
from dairy_app.web.access import Actor, Role


def change_from(session: Session, actor: Actor, subscription_id: UUID, asked: ScheduleChange) -> UUID:
    """Let a standing order be different from a day on; what is not said is as on the day before. The change's id.

    Orders of these days that wait for their delivery follow: product, quantity, shift and price. Another product has
    the price list's price unless one is quoted, and in another unit a quantity of its own. Raises
    subscription_not_found, forbidden, validation_failed, cutoff_passed, illegal_transition (stopped, or a delivery of
    these days is under way or confirmed), overlaps (something changes on the day or later, unless ``replace_later``),
    product_not_found, product_inactive, no_price; quantity_unusual and already_exists unless it is confirmed.
    """
    said = sent(asked)
    bulk.hold_generation(session)
    found = get_visible_subscription(session, actor, subscription_id)
    check_fields(actor, {name for name, value in said.items() if value is not False}, OWN_CHANGE_FIELDS)
    first, reason, channel = said.pop("first"), said.pop("reason", None), said.pop("channel", None)
    replaces, confirmed = said.pop("replace_later"), said.pop("confirm")
    _check_days(session, actor, found, first, said.get("shift"), reason)
    there = queries.changes_from(session, found.id, first)
    _check_planned(session, actor, found, there)
    if there and not replaces:
        detail = f"The standing order changes on {there[0].first} already. With replace_later that gives way."
        raise overlaps("/from", detail, there[0].id, there[0].first, there[0].last)
    schedules.begin_schedules(session, found.id)
    schedules.end_schedules(session, found.id, first)
    before = queries.terms_on(session, found.id, first)
    row = _terms(session, actor, found, before, said, first)
    named = quantities_of({name: row.get(name) for name in ("default_quantity", "weekly_quantities") if name in said})
    refuse_unusual(session, actor, row["product_id"], named, confirmed=confirmed)
    if not confirmed and (row["product_id"], row["shift"]) != (before.product_id, before.shift):
        refuse_another(session, found.customer_id, row["product_id"], row["shift"], first, found.id)
    units = {each.unit for each in there} - {unit_of(session, row["product_id"])}
    if units:
        _refuse_entries(session, found.id, unit_of(session, row["product_id"]), there[0].first, None, "/replace_later")
    if units or "default_quantity" in row:
        rows.delete_quantities_from(session, found.id, first)
    noted = {"reason": reason, "requested_by": actor.user_id, "channel": channel_of(actor, channel)}
    made = schedules.divide(session, found.id, first, {**row, **noted})
    _settle(session, found.id, first, reason or f"The standing order changes on {first}.")
    return made


def take_back(session: Session, actor: Actor, subscription_id: UUID, change_id: UUID) -> None:
    """Take back a change that is still to come: what holds on the day before holds on until the next change.

    Raises subscription_not_found, change_not_found, illegal_transition (it holds already, or a delivery of its days is
    under way or confirmed), cutoff_passed, validation_failed (a quantity is entered for one of its days, in a unit that
    goes with it).
    """
    bulk.hold_generation(session)
    found = get_visible_subscription(session, actor, subscription_id)
    change = queries.get_change(session, found.id, change_id)
    if change.first <= today(session):
        raise Problem("illegal_transition", f"It holds since {change.first}: change the standing order from a day on.")
    before = queries.terms_on(session, found.id, change.first - ONE_DAY)
    _check_planned(session, actor, found, [change])
    for shift in {change.shift, before.shift, shift_on(session, found, change.first)}:
        require_open(session, actor, change.first, shift, "taken back", "/from")
    refuse_settled(session, [found.id], change.first, change.last)
    after = None if change.last is None else change.last + ONE_DAY
    if after is not None:
        then = queries.terms_on(session, found.id, after)
        if then.unit != before.unit:  # else the next change would inherit litres as packets
            schedules.name_quantity(session, found.id, after, then.default_quantity)
    if change.unit != before.unit:
        _refuse_entries(session, found.id, before.unit, change.first, change.last, "/from")
        rows.delete_quantities_from(session, found.id, change.first, change.last)
    schedules.join(session, found.id, change.id, change.first, after)
    _settle(session, found.id, change.first, f"The change of {change.first} was taken back.")
    schedules.forget_single(session, found.id)


def _check_planned(session: Session, actor: Actor, found: Subscription, changes: Sequence[Row[Any]]) -> None:
    """A price that staff planned is not a household's to take back: raise ``forbidden``."""
    for each in changes if actor.role is Role.CUSTOMER else ():
        before = queries.terms_on(session, found.id, each.first - ONE_DAY)
        if each.product_id == before.product_id and each.price_per_unit != before.price_per_unit:
            raise Problem("forbidden", f"A price of the dairy begins on {each.first}.")


def _check_days(
    session: Session, actor: Actor, found: Subscription, first: date, shift: str | None, reason: str | None
) -> None:
    """The days from ``first`` on may still change, in the shift they have and in the one they get."""
    if found.status == "stopped" or (found.stop_date is not None and first >= found.stop_date):
        raise Problem("illegal_transition", f"The standing order is stopped on {first}.")
    if first < found.start_date:
        raise invalid("/from", f"The standing order begins on {found.start_date}.", "too_early")
    if first == date.max:
        raise invalid("/from", "There is no day after it.")
    usual = queries.terms_on(session, found.id, first).shift
    for each in {shift_on(session, found, first), usual, shift or usual}:
        require_open(session, actor, first, each, reason, "/from")
        require_open(session, actor, first + ONE_DAY, each, reason, "/from")  # after an evening a morning may come
    refuse_settled(session, [found.id], first, None)


def _terms(
    session: Session, actor: Actor, found: Subscription, before: Row[Any], said: Mapping[str, Any], first: date
) -> dict[str, Any]:
    """The row of a change: ``before`` with what was ``said``; without default_quantity where that stays as it is."""
    fields = dict(said)
    if fields.get("weekly_quantities") is not None:
        fields.setdefault("mode", "weekly_pattern")
    known = {name: before._mapping[name] for name in queries.TERMS}
    product_id = fields.get("product_id", before.product_id)
    if product_id != before.product_id:
        known["price_per_unit"] = None
    row = changed(known, fields, first)
    if row["weekly_quantities"] is not None and "default_quantity" in fields and "weekly_quantities" not in fields:
        raise invalid("/default_quantity", "Each weekday has its own quantity: change weekly_quantities.")
    check_quote(actor, fields, minimum_price(session, product_id))
    require_sold(session, found.customer_id, product_id, first, row["price_per_unit"], quantities_of(row))
    unit = unit_of(session, product_id)
    is_other_unit = unit != before.unit
    usual = row.get("default_quantity", Decimal(0) if is_other_unit else before.default_quantity)
    begins = is_other_unit or not needs_quantity(dict(before._mapping))
    if is_other_unit and row["weekly_quantities"] is not None and "weekly_quantities" not in fields:
        raise invalid("/weekly_quantities", f"Needs quantities in the unit of the product: {unit}.", "required")
    if needs_quantity(row) and begins and not usual:
        detail = f"Needs a quantity above 0 from {first} on."
        if is_other_unit:
            detail = f"Needs a quantity in the unit of the product: {unit}."
        raise Problem("validation_failed", detail, [FieldError("/default_quantity", "required", detail)])
    if is_other_unit:
        row.setdefault("default_quantity", usual)
        _refuse_entries(session, found.id, unit, first, None, "/product_id")
    return row


def _refuse_entries(
    session: Session, subscription_id: UUID, unit: str, first: date, last: date | None, pointer: str
) -> None:
    """What was entered for single days was meant in another unit: whoever changes it takes it back first."""
    entered = queries.entry_within(session, subscription_id, first, last)
    if entered is not None:
        detail = f"{entered.quantity:f} is entered for {entered.date}, and from {first} on the unit is {unit}."
        raise invalid(pointer, detail, "other_unit")


def _settle(session: Session, subscription_id: UUID, first: date, reason: str) -> None:
    """The standing order shows what it is today; its orders from ``first`` on say what they should, at which price."""
    day = today(session)
    schedules.apply_schedules(session, day, subscription_id)
    session.expire_all()
    follow(session, [subscription_id], reason)
    for product_id in queries.products_from(session, subscription_id, first):
        bulk.reprice(session, max(first, day), product_id, Order.subscription_id == subscription_id)
