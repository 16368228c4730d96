"""Pauses: of one standing order, or of all that a household has, in one go. Orders that already exist follow."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dairy_app.business.queries import today
from dairy_app.common.changes import sent
from dairy_app.common.errors import Problem, invalid, overlaps
from dairy_app.customers.queries import get_visible_customer
from dairy_app.subscriptions.bulk import orders as bulk
from dairy_app.subscriptions.bulk import standing_orders as rows
from dairy_app.subscriptions.policy import channel_of
from dairy_app.subscriptions.queries import standing_orders as queries
from dairy_app.subscriptions.rules.pauses import Span, added, first_changed
from dairy_app.subscriptions.rules.wishes import NewPause, PauseChange
from dairy_app.subscriptions.service.following import follow
from dairy_app.subscriptions.service.open_days import (
    ONE_DAY,
    first_open_day,
    first_open_days,
    refuse_settled,
    require_open,
)
from dairy_app.web.access import Actor

#: A pause that somebody ends or changes alone is no part of its household's any more.
_ALONE: Mapping[str, Any] = {"household_pause_id": None}


def add_pause(session: Session, actor: Actor, subscription_id: UUID, wanted: NewPause) -> UUID:
    """Let nothing come on the days of a pause; its id.

    Raises subscription_not_found, validation_failed (ends before it starts, begins in the past), overlaps,
    cutoff_passed, illegal_transition (a day of it is delivered).
    """
    bulk.hold_generation(session)
    found = queries.get_visible_subscription(session, actor, subscription_id)
    return _pause(session, actor, [found.id], wanted)[0]


def pause_household(session: Session, actor: Actor, customer_id: UUID, wanted: NewPause) -> UUID:
    """The same pause in each standing order of a customer that has not ended by then, or in none; what they share.

    Also in one that begins later, if it is entered by now. Raises customer_not_found, and as ``add_pause``.
    """
    bulk.hold_generation(session)
    customer = get_visible_customer(session, actor, customer_id, lock=True)
    theirs = queries.running_on(session, customer.id, wanted.first)
    if not theirs:
        raise Problem("subscription_not_found")
    household = uuid4()
    _pause(session, actor, theirs, wanted, household_pause_id=household)
    return household


def _pause(session: Session, actor: Actor, ids: Sequence[UUID], wanted: NewPause, **row: Any) -> list[UUID]:
    span = _span(wanted.first, wanted.last)
    for shift in queries.shifts_on(session, ids, span.first):
        require_open(session, actor, span.first, shift, wanted.reason, "/from")
    refuse_settled(session, ids, span.first, span.last)
    _refuse_overlap(session, ids, span)
    said = {"requested_by": actor.user_id, "channel": channel_of(actor, wanted.channel)}
    made = rows.insert_pauses(session, ids, {"period": _period(span), "reason": wanted.reason, **said, **row})
    follow(session, ids, wanted.reason or "Paused.")
    return made


def change_pause(session: Session, actor: Actor, subscription_id: UUID, pause_id: UUID, asked: PauseChange) -> None:
    """Lengthen, shorten or move a pause; only the days that change must still be open.

    Raises subscription_not_found, pause_not_found, validation_failed (ends before it starts, a day that changes has
    gone by), overlaps, cutoff_passed, illegal_transition (a day that is paused now is delivered).
    """
    bulk.hold_generation(session)
    found = queries.get_visible_subscription(session, actor, subscription_id)
    theirs = queries.pauses_of(session, [found.id], pause_id=pause_id)
    _change(session, actor, theirs, asked, _ALONE)


def change_household_pause(
    session: Session, actor: Actor, customer_id: UUID, household_pause_id: UUID, asked: PauseChange
) -> None:
    """``change_pause`` in all standing orders that share it, or in none. Raises customer_not_found instead."""
    theirs = _of_household(session, actor, customer_id, household_pause_id)
    _change(session, actor, theirs, asked, {})


def _change(
    session: Session, actor: Actor, pauses: Sequence[Row[Any]], asked: PauseChange, besides: Mapping[str, Any]
) -> None:
    """One round for each span that there is: those of a household mostly have the same."""
    if not pauses:
        raise Problem("pause_not_found")
    changes = sent(asked)
    said = {"requested_by": actor.user_id, "channel": channel_of(actor, None)}
    said |= {"reason": changes["reason"]} if "reason" in changes else {}
    for (first, last), group in groupby(pauses, lambda each: (each.first, each.last)):
        same = list(group)
        ids, keys = [each.subscription_id for each in same], [each.id for each in same]
        before = Span(first, last)
        after = _span(changes.get("first", first), changes.get("last", last))
        if after == before:
            rows.change_pauses(session, keys, said)
            continue
        _judge_change(session, actor, ids, before, after, changes.get("reason"))
        _refuse_overlap(session, ids, after, keys)
        rows.change_pauses(session, keys, {**said, **besides, "period": _period(after)})
    session.expire_all()
    follow(session, [each.subscription_id for each in pauses], changes.get("reason") or "The pause was changed.")


def _judge_change(
    session: Session, actor: Actor, ids: Sequence[UUID], before: Span, after: Span, reason: str | None
) -> None:
    """The first day that changes must be open, and no day that is paused now be delivered."""
    day = first_changed(before, after)
    assert day is not None, "the spans differ"
    pointer = "/to" if before.first == after.first else "/from"
    for shift in queries.shifts_on(session, ids, day):
        require_open(session, actor, day, shift, reason, pointer)
    for span in added(before, after):
        refuse_settled(session, ids, span.first, span.last)


def lift_pause(session: Session, actor: Actor, subscription_id: UUID, pause_id: UUID) -> None:
    """Take a pause back, from the first day that may still change: what it held back until then stays undelivered.

    Raises subscription_not_found, pause_not_found, illegal_transition (it is over).
    """
    bulk.hold_generation(session)
    found = queries.get_visible_subscription(session, actor, subscription_id)
    _lift(session, actor, queries.pauses_of(session, [found.id], pause_id=pause_id), _ALONE)


def lift_household_pause(session: Session, actor: Actor, customer_id: UUID, household_pause_id: UUID) -> None:
    """``lift_pause`` in all standing orders that share it. Raises customer_not_found instead."""
    _lift(session, actor, _of_household(session, actor, customer_id, household_pause_id), {})


def _lift(session: Session, actor: Actor, pauses: Sequence[Row[Any]], besides: Mapping[str, Any]) -> None:
    if not pauses:
        raise Problem("pause_not_found")
    opening = first_open_days(session, actor, {each.subscription_id: each.shift for each in pauses})
    if not rows.end_pauses(session, {each.id: opening[each.subscription_id] for each in pauses}, **besides):
        raise Problem("illegal_transition", "The pause is over.")
    session.expire_all()
    follow(session, list(opening), "Resumed.")


def _of_household(session: Session, actor: Actor, customer_id: UUID, household_pause_id: UUID) -> Sequence[Row[Any]]:
    """The pauses that a customer's standing orders share."""
    bulk.hold_generation(session)
    customer = get_visible_customer(session, actor, customer_id, lock=True)
    theirs = queries.subscriptions_of(session, customer.id)
    return queries.pauses_of(session, theirs, household_pause_id=household_pause_id)


def resume(session: Session, actor: Actor, subscription_id: UUID, day: date | None) -> None:
    """Deliver again from ``day`` (default: the first open one): ends the pause that covers it, keeps later ones.

    Raises subscription_not_found, illegal_transition (not paused then), validation_failed, cutoff_passed.
    """
    bulk.hold_generation(session)
    found = queries.get_visible_subscription(session, actor, subscription_id)
    if day is None:
        day = first_open_day(session, actor, [found.id], found.shift)
    else:
        require_open(session, actor, day, queries.shift_on(session, found, day), "resumed", "/from")
    covering = queries.pause_on(session, found.id, day)
    if found.status == "paused":
        rows.update_subscription(session, found.id, {"status": "active"})
        said = {"requested_by": actor.user_id, "channel": channel_of(actor, None)}
        rows.pause_until(session, found.id, today(session), day, said)
    elif covering is None:
        raise Problem("illegal_transition", f"The standing order is not paused on {day}.")
    if covering is not None:
        rows.end_pauses(session, {covering: day}, **_ALONE)
    session.expire_all()
    follow(session, [found.id], "Resumed.")


def _span(first: date, last: date | None) -> Span:
    """The days of a pause. Raises validation_failed when there are none, or no day after them."""
    if last is not None and last < first:
        raise invalid("/to", "Cannot be before the first day of the pause.")
    if last == date.max:
        raise invalid("/to", "There is no day after it. Leave it out for a pause without an end.")
    return Span(first, last)


def _period(span: Span) -> Any:
    return rows.days(span.first, None if span.last is None else span.last + ONE_DAY)


def _refuse_overlap(session: Session, ids: Sequence[UUID], span: Span, besides: Sequence[UUID] = ()) -> None:
    """Raise ``overlaps``, naming the pause that is there on one of these days, other than ``besides``."""
    there = queries.pause_within(session, ids, span.first, span.last, besides)
    if there is not None:
        until = f"to {there.last}" if there.last else "on"
        detail = f"{there.product_name} is paused from {there.first} {until}."
        raise overlaps("/from", detail, there.id, there.first, there.last)
