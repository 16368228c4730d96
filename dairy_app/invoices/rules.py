"""Periods of documents."""

from calendar import monthrange
from datetime import date


def month_bounds(period: str) -> tuple[date, date]:
    """First and last day of a month ``YYYY-MM``."""
    year, month = (int(part) for part in period.split("-"))
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])
