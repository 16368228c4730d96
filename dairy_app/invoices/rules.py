"""Periods of documents."""

from calendar import monthrange
from datetime import date

from dairy_app.common.errors import invalid

#: Months that a report is asked about at once.
MOST_MONTHS = 24


def month_bounds(period: str) -> tuple[date, date]:
    """First and last day of a month ``YYYY-MM``."""
    year, month = (int(part) for part in period.split("-"))
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def month_shifted(first: date, months: int) -> date:
    """The first day of the month that is so many months after that of ``first``; below 0 before it."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def months_within(first: date, last: date) -> list[date]:
    """The first day of each month from that of ``first`` to that of ``last``."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [month_shifted(first, place) for place in range(count)]


def report_bounds(first: str, last: str) -> tuple[date, date]:
    """First and last day of the months of a report, both ``YYYY-MM`` and included. Raises validation_failed."""
    begins, ends = month_bounds(first)[0], month_bounds(last)[1]
    if ends < begins:
        raise invalid("/query/to", "Must not be before from.", "order")
    if len(months_within(begins, ends)) > MOST_MONTHS:
        raise invalid("/query/to", f"At most {MOST_MONTHS} months at once.", "range")
    return begins, ends
