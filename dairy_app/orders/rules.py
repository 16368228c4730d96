"""Rules of an order as pure functions: its states, its dates, what it is worth."""

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

_PRICE_NOTE = re.compile(r"Price of .+ \([0-9]+\.[0-9]{2}\): ")
#: Sources of a price that somebody stated for this order.
STATED = ("override", "free")
#: How far ahead an order may be placed.
LONGEST_AHEAD = timedelta(days=90)
_ONE_DAY = timedelta(days=1)

#: State → the states it may go to. Confirming is judged by ``confirm_deliveries`` (deliveries/sql), which
#: follows the same table; CANCELLED → PENDING belongs to the subscription change that is lifted.
TRANSITIONS: dict[str, frozenset[str]] = {
    "PENDING": frozenset({"OUT_FOR_DELIVERY", "DELIVERED", "PARTIALLY_DELIVERED", "NOT_DELIVERED", "CANCELLED"}),
    "OUT_FOR_DELIVERY": frozenset({"DELIVERED", "PARTIALLY_DELIVERED", "NOT_DELIVERED", "CANCELLED"}),
    "NOT_DELIVERED": frozenset({"DELIVERED", "PARTIALLY_DELIVERED", "CANCELLED"}),
    "DELIVERED": frozenset(),
    "PARTIALLY_DELIVERED": frozenset(),
    "CANCELLED": frozenset({"PENDING"}),
}


def may_become(status: str, wanted: str) -> bool:
    """Whether an order in ``status`` may go to ``wanted``."""
    return wanted in TRANSITIONS[status]


def is_orderable(delivery_date: date, today: date) -> bool:
    """An order is for today or one of the 90 days after it."""
    return today <= delivery_date <= today + LONGEST_AHEAD


def cutoff_of(delivery_date: date, cutoff: time | None, time_zone: str) -> datetime:
    """The instant after which a customer may no longer change what comes on a day.

    ``cutoff`` is the hour of the day before; None: the end of the day itself, because what has
    already been carried out is the dairy's to say. The last day there is ends as it begins.
    """
    if cutoff is None:
        end = min(delivery_date, date.max - _ONE_DAY) + _ONE_DAY
        return datetime.combine(end, time(), ZoneInfo(time_zone))
    return datetime.combine(delivery_date - _ONE_DAY, cutoff, ZoneInfo(time_zone))


def ordered_value(items: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """The worth of (quantity, unit price) pairs in rupees, each line rounded half-up to the paisa."""
    lines = ((quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP) for quantity, price in items)
    return sum(lines, Decimal("0.00"))


def price_note(product: str, price: Decimal, reason: str | None) -> str:
    """The line of an order's notes that says why a price was stated, rupees per unit."""
    return f"Price of {product} ({price:.2f}): {reason}"


def parted_notes(notes: str | None) -> tuple[list[str], list[str]]:
    """The lines of an order's notes: what somebody noted, and what ``price_note`` wrote."""
    said: tuple[list[str], list[str]] = ([], [])
    for line in (notes or "").splitlines():
        said[_PRICE_NOTE.match(line) is not None].append(line)
    return said
