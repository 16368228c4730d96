"""Periods and whether a run's total looks right."""

from calendar import monthrange
from datetime import date
from decimal import Decimal


def month_bounds(period: str) -> tuple[date, date]:
    """First and last day of a month ``YYYY-MM``."""
    year, month = (int(part) for part in period.split("-"))
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def is_unusual(total: Decimal, before: Decimal, percent: Decimal | None) -> bool:
    """Whether a run's total in rupees is too far from the month before.

    Without a month before or without a limit there is nothing to compare with.
    """
    if percent is None or before <= 0:
        return False
    return abs(total - before) * 100 > before * percent
