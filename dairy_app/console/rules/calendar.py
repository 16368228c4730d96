"""A month as rows of weeks, each day with what comes on it."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

#: Years that have a calendar.
YEARS = range(2000, 2100)
#: Rules by which nothing comes because somebody wanted it so, the household or the dairy.
_DECIDED = frozenset({"pause", "closed_day", "override", "irregular", "product_inactive"})
#: What came of a standing order is told by its own row of the calendar.
ONE_TIME = "one_time"

Cell = dict[str, Any]


def month_of(day: str) -> str | None:
    """The month of a day that somebody typed; None when it is none, or none that has a calendar."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return None
    return f"{found:%Y-%m}" if found.year in YEARS else None


def weeks(month: str, entries: Iterable[Mapping[str, Any]]) -> list[list[Cell | None]]:
    """The month in rows of seven days from Monday: each with its date and what comes, None outside the month."""
    first = date.fromisoformat(f"{month}-01")
    by_day: dict[str, list[Mapping[str, Any]]] = {}
    for each in entries:
        by_day.setdefault(each["date"], []).append(each)
    cells: list[Cell | None] = [None] * first.weekday()
    day = first
    while day.month == first.month:
        told = [each for each in by_day.get(day.isoformat(), []) if is_telling(each)]
        cells.append({"date": day.isoformat(), "number": day.day, "entries": told})
        day += timedelta(days=1)
    cells += [None] * (-len(cells) % 7)
    return [cells[place : place + 7] for place in range(0, len(cells), 7)]


def is_telling(entry: Mapping[str, Any]) -> bool:
    """Whether a day says something: what comes or came, or why it does not, where somebody decided so."""
    return Decimal(entry["quantity"]) > 0 or bool(entry["order_status"]) or entry["rule"] in _DECIDED


def entries_of(orders: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Orders for one day only, written as rows of a calendar: one for each of their goods."""
    return [
        {
            "date": order["delivery_date"],
            "rule": ONE_TIME,
            "shift": order["shift"],
            "order_id": order["id"],
            "order_status": order["status"],
            **{name: item[name] for name in ("product_name", "unit", "quantity", "delivered_quantity")},
        }
        for order in orders
        for item in order["items"]
    ]
