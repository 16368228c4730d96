"""Words for people, by language: one JSON file each, all with the same keys.

Names in braces stay as they are in a translation. Weekdays (from Monday) and months are lists with ``|`` between.
``unit_…_one`` is for a quantity of 1.
"""

import datetime
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

DEFAULT_LANGUAGE = "en"


class Words:
    """The catalogue of one language; called with a key and what is in its braces."""

    def __init__(self, code: str, texts: Mapping[str, str]) -> None:
        self.code, self.texts = code, texts

    def __call__(self, key: str, **values: object) -> str:
        """The text of ``key``. Raises KeyError for an unknown key or a missing value."""
        return self.texts[key].format_map(values) if values else self.texts[key]

    def has(self, key: str) -> bool:
        """For codes that come from elsewhere and may be new."""
        return key in self.texts

    def date(self, day: datetime.date) -> str:
        """``Sun, 22 Nov``."""
        weekday = self.texts["weekdays"].split("|")[day.weekday()]
        return self("date", weekday=weekday, day=day.day, month=self.month(day))

    def month(self, day: datetime.date) -> str:
        """``Nov``."""
        return self.texts["months"].split("|")[day.month - 1]

    def time(self, instant: datetime.datetime, zone: ZoneInfo) -> str:
        """``06:12`` on the dairy's clock."""
        return self("time", time=instant.astimezone(zone).strftime("%H:%M"))

    def quantity(self, value: Decimal, unit: str) -> str:
        """``1.5 L``, ``3 packets``; a unit without words of its own stands as it is."""
        one, key = f"unit_{unit}_one", f"unit_{unit}"
        key = one if value == 1 and one in self.texts else key
        return self(key, n=number(value)) if key in self.texts else f"{number(value)} {unit}"


def number(value: Decimal) -> str:
    """A quantity without trailing zeros: ``1.5``, ``20``."""
    return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"


def read_catalogues(folder: Path) -> dict[str, Words]:
    """Every language that a folder has a file of, by its code; English first."""
    found = {
        path.stem: Words(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in folder.glob("*.json")
    }
    return dict(sorted(found.items(), key=lambda each: (each[0] != DEFAULT_LANGUAGE, each[0])))


def choose_of(known: Mapping[str, Words], *wishes: str | None) -> Words:
    """The catalogue of the first wish that there is (``hi-IN`` is ``hi``), else English."""
    for wish in wishes:
        code = (wish or "").split("-")[0].split("_")[0].lower()
        if code in known:
            return known[code]
    return known[DEFAULT_LANGUAGE]
