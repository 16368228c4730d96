"""Which days an export covers, and for whom."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from dairy_app.common.errors import invalid
from dairy_app.invoices.rules import month_bounds

#: A leap year.
LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Span:
    """The days of an export, both included. ``label`` is in the file name.

    ``as_of``: the day for which balances and days overdue are told, so that the same file comes out next year.
    ``customer_id``: of the profiles about one customer.
    """

    first: date
    last: date
    label: str
    as_of: date
    customer_id: UUID | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        customer_id = str(self.customer_id) if self.customer_id else None
        return {"first": self.first, "last": self.last, "as_of": self.as_of, "customer_id": customer_id}


def span_of(
    period: str | None,
    first: date | None,
    last: date | None,
    as_of: date | None = None,
    customer_id: UUID | None = None,
) -> Span:
    """A month ``YYYY-MM``, or first and last day: exactly one of the two forms. ``as_of`` defaults to the last day.

    A period that has not begun is no fault: its files hold no rows. Raises validation_failed; the pointers are those
    of the query string.
    """
    if period is not None and (first or last):
        raise invalid("/query/period", "Give either period, or from and to, not both.", "one_form")
    if period is not None:
        first, last = month_bounds(period)
        return Span(first, last, period, as_of or last, customer_id)
    if first is None or last is None:
        raise invalid("/query/period", "Give period (YYYY-MM), or both from and to (YYYY-MM-DD).", "required")
    if first > last:
        raise invalid("/query/from", f"from ({first}) must not be after to ({last}).", "order")
    if (last - first).days >= LONGEST_DAYS:
        raise invalid("/query/to", f"At most {LONGEST_DAYS} days in one export.", "range")
    return Span(first, last, f"{first}_{last}", as_of or last, customer_id)
