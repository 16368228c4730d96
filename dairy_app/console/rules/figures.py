"""Figures of the API's JSON as people here write them. Amounts are rupees."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from dairy_app.common.words import Words, number
from dairy_app.documents.rules import indian

Written = str | int | float | None


class Figures:
    """Amounts, dates and quantities in one language, on the dairy's clock."""

    def __init__(self, words: Words, zone: ZoneInfo) -> None:
        self._words, self._zone = words, zone

    def rupees(self, amount: Written) -> str:
        """``₹ 1,23,456.50``; nothing for no amount."""
        if amount is None:
            return ""
        written = indian(Decimal(str(amount)))
        return f"−₹ {written[1:]}" if written.startswith("−") else f"₹ {written}"

    def sign(self, amount: Written) -> int:
        """1 above nothing, -1 below, 0 for nothing and for no amount: amounts are never made floats to be compared."""
        found = Decimal(str(amount)) if amount is not None else Decimal(0)
        return (found > 0) - (found < 0)

    def day(self, day: str | date | None) -> str:
        """``Sun, 22 Nov 2026``."""
        if not day:
            return ""
        found = date.fromisoformat(day) if isinstance(day, str) else day
        return f"{self._words.date(found)} {found.year}"

    def month(self, month: str) -> str:
        """``2026-11`` is ``Nov 2026``."""
        first = date.fromisoformat(f"{month[:7]}-01")
        return f"{self._words.month(first)} {first.year}"

    def moment(self, instant: str | None) -> str:
        """``Sun, 22 Nov 2026, 06:12`` on the dairy's clock."""
        if not instant:
            return ""
        found = datetime.fromisoformat(instant)
        return f"{self.day(found.astimezone(self._zone).date())}, {self._words.time(found, self._zone)}"

    def quantity(self, quantity: Written, unit: str) -> str:
        """``1.5 L``; nothing for no quantity."""
        return "" if quantity is None else self._words.quantity(Decimal(str(quantity)), unit)

    def number(self, value: Written) -> str:
        """``1.5``: without trailing zeros."""
        return "" if value is None else number(Decimal(str(value)))

    def choices(self, kind: str, codes: Sequence[str], everything: str | None) -> list[tuple[str, str]]:
        """Each code of the API with its word; ``everything``: before them, the option of a filter for all of them."""
        first = [] if everything is None else [("", everything)]
        return first + [(code, self.word(kind, code)) for code in codes]

    def word(self, kind: str, code: str | None) -> str:
        """The word for a code of the API, for example of a status; the code itself when there is none."""
        key = f"{kind}_{(code or '').lower()}"
        return self._words(key) if self._words.has(key) else (code or "")
