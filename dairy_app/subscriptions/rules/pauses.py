"""Which days a pause that is changed takes and gives back: pure functions."""

from dataclasses import dataclass
from datetime import date, timedelta

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Days from ``first`` to ``last``, both included; ``last`` None: without an end."""

    first: date
    last: date | None

    @property
    def end(self) -> date:
        """The last day; of a span without an end the last day there is."""
        return date.max if self.last is None else self.last


def first_changed(before: Span, after: Span) -> date | None:
    """The first day that is in one of the two and not in the other; None: they are the same."""
    if before.first != after.first:
        return min(before.first, after.first)
    return None if before.end == after.end else min(before.end, after.end) + _ONE_DAY


def added(before: Span, after: Span) -> list[Span]:
    """The days of ``after`` that ``before`` does not have: none, or one or two spans."""
    found = []
    if after.first < before.first:
        found.append(Span(after.first, min(after.end, before.first - _ONE_DAY)))
    if after.end > before.end:
        found.append(Span(max(after.first, before.end + _ONE_DAY), after.last))
    return found
