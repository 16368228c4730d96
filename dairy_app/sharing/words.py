"""The words of the round's page: one file a language in ``words/``, all with the same keys.

To add a language, copy ``words/en.json`` to ``words/<code>.json`` and translate the values; names in braces
stay. Weekdays (from Monday) and months are lists with ``|`` between. ``unit_…_one`` is for a quantity of 1.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

_FOLDER = Path(__file__).parent / "words"
DEFAULT_LANGUAGE = "en"


class Words:
    """The catalogue of one language; called with a key and what stands in its braces."""

    def __init__(self, code: str, texts: Mapping[str, str]) -> None:
        self.code, self.texts = code, texts

    def __call__(self, key: str, **values: object) -> str:
        """The text of ``key``. Raises KeyError for an unknown key or a missing value."""
        return self.texts[key].format_map(values) if values else self.texts[key]

    def has(self, key: str) -> bool:
        """For codes that come from elsewhere and may be new."""
        return key in self.texts

    def date(self, day: date) -> str:
        """``Sun, 22 Nov``."""
        weekday = self.texts["weekdays"].split("|")[day.weekday()]
        month = self.texts["months"].split("|")[day.month - 1]
        return self("date", weekday=weekday, day=day.day, month=month)

    def time(self, instant: datetime, zone: ZoneInfo) -> str:
        """``06:12`` on the dairy's clock."""
        return self("time", time=instant.astimezone(zone).strftime("%H:%M"))

    def quantity(self, value: Decimal, unit: str) -> str:
        """``1.5 L``, ``3 packets``; a unit without words of its own stands as it is."""
        key = f"unit_{unit}_one" if value == 1 else f"unit_{unit}"
        return self(key, n=number(value)) if key in self.texts else f"{number(value)} {unit}"


def number(value: Decimal) -> str:
    """A quantity without trailing zeros: ``1.5``, ``20``."""
    return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"


@cache
def catalogues() -> dict[str, Words]:
    """Every language there is, by its code; English first."""
    found = {
        path.stem: Words(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in _FOLDER.glob("*.json")
    }
    return dict(sorted(found.items(), key=lambda each: (each[0] != DEFAULT_LANGUAGE, each[0])))


def choose(*wishes: str | None) -> Words:
    """The catalogue of the first wish that there is (``hi-IN`` is ``hi``), else English."""
    known = catalogues()
    for wish in wishes:
        code = (wish or "").split("-")[0].split("_")[0].lower()
        if code in known:
            return known[code]
    return known[DEFAULT_LANGUAGE]
