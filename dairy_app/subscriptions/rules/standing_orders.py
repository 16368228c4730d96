"""What is due on a day, and which changes make sense: pure functions.

``decide`` is the readable statement of the rule. Orders, calendars and requirements use the same rule in SQL
(``due.due``); a property test holds the two equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from dairy_app.catalogue.rules import require_whole
from dairy_app.common.errors import FieldError, Problem, invalid

#: Modes with a rhythm of their own; the others deliver on named days only.
RHYTHMIC = ("fixed_daily", "weekly_pattern", "alternate_days")

#: Which status may be set by hand from which; pausing and stopping have actions of their own.
RELEASES = {"draft": "active", "paused": "active", "stopped": "active"}

#: What a month may bring of a customer who has standing orders.
CHANGES = ("new", "returned", "paused", "lost")

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Due:
    """A quantity (litres, kilograms, pieces: the product's unit) and the rule that decided it."""

    quantity: Decimal
    rule: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What was said about one day: ``kind`` is ``override`` or ``irregular``."""

    quantity: Decimal
    kind: str = "override"


@dataclass(frozen=True, slots=True)
class Household:
    """The customer as far as it decides deliveries."""

    status: str
    trial_start_date: date | None = None

    def receives(self, day: date) -> bool:
        """An active customer always, one on trial from its first day."""
        if self.status == "trial":
            return self.trial_start_date is None or self.trial_start_date <= day
        return self.status == "active"


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """A subscription with its pauses (first day, first day after or None), entries and later quantities."""

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


def decide(customer: Household, wanted: StandingOrder, day: date) -> Due:
    """What is due on ``day``, and why. The first rule that speaks wins."""
    silent = _silenced(customer, wanted, day)
    if silent is not None:
        return Due(NOTHING, silent)
    entry = (wanted.entries or {}).get(day)
    if entry is not None:
        return Due(entry.quantity, entry.kind)
    match wanted.mode:
        case "weekly_pattern":
            falls = day.weekday() in (wanted.weekly_pattern or ())
        case "alternate_days":
            assert wanted.anchor_date is not None and wanted.interval_days is not None
            falls = (day - wanted.anchor_date).days % wanted.interval_days == 0
        case "fixed_daily":
            falls = True
        case _:
            return Due(NOTHING, "none")
    return Due(usual_quantity(wanted, day) if falls else NOTHING, wanted.mode)


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
    later = {start: quantity for start, quantity in (wanted.quantities or {}).items() if start <= day}
    return later[max(later)] if later else wanted.default_quantity


def with_interval(row: Mapping[str, Any]) -> dict[str, Any]:
    """A new standing order: every other day, from its start on, when nothing else is said of alternate days."""
    if row["mode"] != "alternate_days":
        return dict(row)
    return {"interval_days": 2, "anchor_date": row["start_date"], **row}


def check_shape(row: Mapping[str, Any]) -> None:
    """The table's CHECKs in words: fields that fit the mode, an end that comes after the start."""
    mode = row["mode"]
    if (mode == "weekly_pattern") != bool(row.get("weekly_pattern")):
        raise invalid("/weekly_pattern", "Goes with mode weekly_pattern, and it needs one.")
    for name in ("interval_days", "anchor_date"):
        if (mode == "alternate_days") != (row.get(name) is not None):
            raise invalid(f"/{name}", "Goes with mode alternate_days.")
    if row.get("stop_date") is not None and row["stop_date"] < row["start_date"]:
        raise invalid("/stop_date", "Cannot be before the start.")


def check_brings_something(row: Mapping[str, Any]) -> None:
    """A new standing order with a rhythm has something to bring."""
    if row["mode"] in RHYTHMIC and not row.get("default_quantity"):
        raise invalid("/default_quantity", f"Mode {row['mode']} needs a quantity above 0.", "required")


def check_goods(name: str, unit: str, *, is_sold: bool, quantity: Decimal | None) -> None:
    """A new standing order is of something that is sold, and as it is sold."""
    if not is_sold:
        detail = f"{name} is no longer sold."
        raise Problem("product_inactive", detail, [FieldError("/product_id", "product_inactive", detail)])
    if quantity is not None:
        require_whole(unit, quantity, "/default_quantity")


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
