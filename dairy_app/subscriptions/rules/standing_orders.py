"""What is due on a day, and which changes make sense: pure functions.

``decide`` is the readable statement of the rule. Orders, calendars and requirements use the same rule in SQL
(``due.due``, ``due.with_holds``); a property test holds the two equal.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from dairy_app.common.errors import FieldError, Problem

#: Modes with a rhythm of their own; the others deliver on named days only.
RHYTHMIC = ("fixed_daily", "weekly_pattern", "alternate_days")

#: Which status may be set by hand from which; pausing and stopping have actions of their own.
RELEASES = {"draft": "active", "paused": "active", "stopped": "active"}

#: What a month may bring of a customer who has standing orders.
CHANGES = ("new", "returned", "paused", "lost")

NOTHING = Decimal(0)
#: Before everything that was ever said.
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Due:
    """A quantity (litres, kilograms, pieces: the product's unit) and the rule that decided it."""

    quantity: Decimal
    rule: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What was said about one day: ``kind`` is ``override`` or ``irregular``; ``shift`` None: the standing order's."""

    quantity: Decimal
    kind: str = "override"
    shift: str | None = None
    said_at: datetime = _EVER


@dataclass(frozen=True, slots=True)
class Closing:
    """A day on which nothing is brought; ``shift`` None: both, ``area`` None: the whole dairy."""

    day: date
    made_at: datetime
    shift: str | None = None
    area: UUID | None = None
    deliver_on: date | None = None


@dataclass(frozen=True, slots=True)
class Household:
    """The customer as far as it decides deliveries; ``areas``: its own and all around that."""

    status: str
    trial_start_date: date | None = None
    areas: Collection[UUID] = ()

    def receives(self, day: date) -> bool:
        """An active customer always, one on trial from its first day."""
        if self.status == "trial":
            return self.trial_start_date is None or self.trial_start_date <= day
        return self.status == "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What a standing order is from the day ``first`` on (None: ever) until the next one begins.

    ``default_quantity`` None: as it was the day before. ``weekly_quantities``: of each weekday its own, Monday first.
    """

    first: date | None
    mode: str
    default_quantity: Decimal | None = None
    weekly_pattern: Sequence[int] | None = None
    weekly_quantities: Sequence[Decimal] | None = None
    interval_days: int | None = None
    anchor_date: date | None = None
    shift: str = "morning"
    product: UUID | None = None


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """A subscription with its pauses (first day, first day after or None), entries and later quantities.

    With ``schedules``, in the order of their days, what it is itself counts on no day. ``held``: days whose order was
    not made, as the customer was at its credit limit.
    """

    mode: str
    default_quantity: Decimal
    start_date: date
    status: str = "active"
    auto_start: bool = True
    stop_date: date | None = None
    weekly_pattern: Sequence[int] | None = None
    interval_days: int | None = None
    anchor_date: date | None = None
    pauses: Sequence[tuple[date, date | None]] = ()
    entries: Mapping[date, Entry] | None = None
    quantities: Mapping[date, Decimal] | None = None
    shift: str = "morning"
    weekly_quantities: Sequence[Decimal] | None = None
    schedules: Sequence[Schedule] = ()
    held: Collection[date] = ()

    def entry_on(self, day: date) -> Entry | None:
        """What was said about a day."""
        return (self.entries or {}).get(day)

    def on(self, day: date) -> Schedule:
        """What it is on a day."""
        begun = [each for each in self.schedules if each.first is None or each.first <= day]
        if begun:
            return begun[-1]
        return Schedule(
            first=None,
            mode=self.mode,
            weekly_pattern=self.weekly_pattern,
            weekly_quantities=self.weekly_quantities,
            interval_days=self.interval_days,
            anchor_date=self.anchor_date,
            shift=self.shift,
        )


def decide(customer: Household, wanted: StandingOrder, day: date, closings: Sequence[Closing] = ()) -> Due:
    """What is due on ``day``, and why. The first rule that speaks wins; ``closings`` in the order they were made."""
    silent = _silenced(customer, wanted, day)
    if silent is not None:
        return Due(NOTHING, silent)
    if _closing_of(customer, wanted, day, closings) is not None:
        return Due(NOTHING, "closed_day")
    own, moved = _own(wanted, day), _moved_to(customer, wanted, day, closings)
    said = Due(own.quantity + moved, "closed_day_moved") if moved else own
    return Due(NOTHING, "credit_hold") if said.quantity and day in wanted.held else said


def _own(wanted: StandingOrder, day: date) -> Due:
    """What a standing order says of the day itself: its entry, else its rhythm."""
    entry = wanted.entry_on(day)
    if entry is not None:
        return Due(entry.quantity, entry.kind)
    then = wanted.on(day)
    match then.mode:
        case "weekly_pattern":
            falls = day.weekday() in (then.weekly_pattern or ())
            if then.weekly_quantities is not None:
                return Due(then.weekly_quantities[day.weekday()], then.mode)
        case "alternate_days":
            assert then.anchor_date is not None and then.interval_days is not None
            falls = (day - then.anchor_date).days % then.interval_days == 0
        case "fixed_daily":
            falls = True
        case _:
            return Due(NOTHING, "none")
    return Due(usual_quantity(wanted, day) if falls else NOTHING, then.mode)


def _closing_of(customer: Household, wanted: StandingOrder, day: date, closings: Sequence[Closing]) -> Closing | None:
    """The closing that holds a day back: the last one made, unless the day's entry was said after it."""
    entry = wanted.entry_on(day)
    shift = entry.shift if entry is not None and entry.shift is not None else wanted.on(day).shift
    found = [
        each
        for each in closings
        if each.day == day and each.shift in (None, shift) and (each.area is None or each.area in customer.areas)
    ]
    if not found or (entry is not None and entry.said_at > found[-1].made_at):
        return None
    return found[-1]


def _moved_to(customer: Household, wanted: StandingOrder, day: date, closings: Sequence[Closing]) -> Decimal:
    """What closed days give to ``day``; an entry for it that was said later, or says nothing comes, stands alone.

    A day has one product: what is another one by then is not moved.
    """
    entry, total = wanted.entry_on(day), NOTHING
    for closed in sorted({each.day for each in closings if each.deliver_on == day}):
        closing = _closing_of(customer, wanted, closed, closings)
        if closing is None or closing.deliver_on != day or _silenced(customer, wanted, closed) is not None:
            continue
        if wanted.on(closed).product != wanted.on(day).product:
            continue
        if entry is None or (entry.quantity > 0 and entry.said_at <= closing.made_at):
            total += _own(wanted, closed).quantity
    return total


def _silenced(customer: Household, wanted: StandingOrder, day: date) -> str | None:
    """The rule that says nothing comes, whatever was said about the day."""
    if not customer.receives(day):
        return "customer_not_active"
    if wanted.status != "active":
        return wanted.status
    if not wanted.auto_start or day < wanted.start_date:
        return "not_started"
    if wanted.stop_date is not None and day >= wanted.stop_date:
        return "stop_date"
    if any(first <= day and (after is None or day < after) for first, after in wanted.pauses):
        return "pause"
    return None


def usual_quantity(wanted: StandingOrder, day: date) -> Decimal:
    """The default quantity in force: the latest one said to hold from a day not after ``day``."""
    said = {each.first or date.min: each.default_quantity for each in wanted.schedules}
    said |= wanted.quantities or {}
    later = {start: quantity for start, quantity in said.items() if start <= day and quantity is not None}
    return later[max(later)] if later else wanted.default_quantity


def require_active(name: str, *, is_active: bool) -> None:
    """A new standing order is of something that is sold."""
    if not is_active:
        detail = f"{name} is no longer sold."
        raise Problem("product_inactive", detail, [FieldError("/product_id", "product_inactive", detail)])


def without_price(name: str, day: date) -> Problem:
    """The refusal of a standing order of which nobody knows what it costs on its first day."""
    detail = f"{name} has no price on {day}."
    return Problem("no_price", detail, [FieldError("/product_id", "no_price", detail)])


def share_a_day(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two standing orders of one customer, product and shift ever bring something on the same day.

    Those that name different weekdays do not, nor those of which one ends before the other begins.
    """
    if (one["product_id"], one["shift"]) != (other["product_id"], other["shift"]):
        return False
    for first, second in ((one, other), (other, one)):
        if first.get("stop_date") is not None and first["stop_date"] <= second["start_date"]:
            return False
    named = [each.get("weekly_pattern") for each in (one, other)]
    return not (named[0] and named[1]) or bool(set(named[0]) & set(named[1]))


def days_between(first: date, last: date) -> list[date]:
    """Both ends included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
