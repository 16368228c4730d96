"""Which days of a standing order may still change, and for whom."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.business.queries import business_settings, today
from dairy_app.common.clock import now
from dairy_app.common.errors import FieldError, Problem, invalid
from dairy_app.orders.rules import cutoff_of
from dairy_app.subscriptions.models import SHIFTS, Subscription
from dairy_app.subscriptions.queries import standing_orders as queries
from dairy_app.subscriptions.queries.schedules import usual_shifts
from dairy_app.web.access import Actor, Role

ONE_DAY = timedelta(days=1)


def first_unsettled_day(session: Session, subscription_ids: Sequence[UUID]) -> date:
    """Today, or the day after the last delivery from today on that is under way or confirmed."""
    first = today(session)
    settled = queries.settled_day(session, subscription_ids, first, None)
    return first if settled is None else settled.delivery_date + ONE_DAY


def first_open_day(session: Session, actor: Actor, subscription_ids: Sequence[UUID], shift: str) -> date:
    """The first day the actor may still change: nothing settled, and for customers before the cut-off.

    ``shift``: of a standing order that is not there yet, or any; those that are have the shift of each day.
    """
    return _first_open(session, actor, first_unsettled_day(session, subscription_ids), subscription_ids, shift)


def first_open_days(session: Session, actor: Actor, shifts: Mapping[UUID, str]) -> dict[UUID, date]:
    """``first_open_day`` of each of some standing orders, given with their shifts."""
    first = today(session)
    settled = queries.settled_days(session, list(shifts), first)
    unsettled = {each: settled[each] + ONE_DAY if each in settled else first for each in shifts}
    return {each: _first_open(session, actor, unsettled[each], [each], shift) for each, shift in shifts.items()}


def _first_open(session: Session, actor: Actor, day: date, subscription_ids: Sequence[UUID], shift: str) -> date:
    """The first day from ``day`` on of which nothing is past its cut-off, nor the morning after its evening."""
    if actor.role is not Role.CUSTOMER:
        return day
    is_past = {day + n * ONE_DAY: False for n in range(2)}
    for each in is_past:
        shifts = {shift, *usual_shifts(session, subscription_ids, each)}
        is_past[each] = any(_is_past_cutoff(session, each, said) for said in shifts)
    last = max((each for each, past in is_past.items() if past), default=None)
    return day if last is None else _first_open(session, actor, last + ONE_DAY, subscription_ids, shift)


def require_open(session: Session, actor: Actor, day: date, shift: str, reason: str | None, pointer: str) -> None:
    """Raise unless the actor may change that day: it has not gone by, and the cut-off has not passed.

    After the cut-off staff may, with a reason. Raises validation_failed, cutoff_passed.
    """
    if day < today(session):
        raise invalid(pointer, f"{day} is in the past.")
    if not _is_past_cutoff(session, day, shift) or (reason and actor.role is not Role.CUSTOMER):
        return
    detail = f"The cut-off for {day} has passed."
    if actor.role is not Role.CUSTOMER:
        detail += " Give a reason to change it all the same."
    raise Problem("cutoff_passed", detail, [FieldError(pointer, "cutoff_passed", detail)])


def refuse_settled(session: Session, subscription_ids: Sequence[UUID], first: date, last: date | None) -> None:
    """Raise illegal_transition when a delivery of these days is under way or confirmed; ``last`` None: ever after."""
    settled = queries.settled_day(session, subscription_ids, first, last)
    if settled is not None:
        raise Problem("illegal_transition", f"The order of {settled.delivery_date} is {settled.status}.")


def require_span(
    session: Session,
    actor: Actor,
    found: Subscription,
    *,
    start: date | None,
    stop: date | None,
    reason: str | None,
) -> None:
    """Raise unless a start or an end that is set anew takes only days away that may still change; None: as it is."""
    if start is not None and start > found.start_date:
        refuse_settled(session, [found.id], found.start_date, start - ONE_DAY)
    if stop is not None:
        require_open(session, actor, stop, queries.shift_on(session, found, stop), reason, "/stop_date")
        refuse_settled(session, [found.id], stop, None)


def shifts_of(session: Session, day: date) -> list[dict[str, Any]]:
    """Until when customers may change each shift of a day, and whether they still may."""
    moment = now()
    until = {shift: _cutoff(session, day, shift) for shift in SHIFTS}
    return [{"shift": shift, "changeable_until": until[shift], "is_open": moment < until[shift]} for shift in SHIFTS]


def _is_past_cutoff(session: Session, day: date, shift: str) -> bool:
    return now() >= _cutoff(session, day, shift)


def _cutoff(session: Session, day: date, shift: str) -> datetime:
    rules = business_settings(session)
    hour = rules.cutoff_morning if shift == "morning" else rules.cutoff_evening
    return cutoff_of(day, hour, rules.time_zone)
