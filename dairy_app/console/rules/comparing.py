"""Sales of the API's report, made ready to be compared: units, quantities, changes in per cent."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

#: Milk first; the others as they come.
FIRST_UNIT = "litre"


def units_of(report: Mapping[str, Any]) -> list[str]:
    """The units in which anything was sold, in any of the months that are compared."""
    found = {
        each["unit"]
        for row in (*report["items"], report["totals"])
        for sales in row.values()
        if isinstance(sales, Mapping)
        for each in sales["quantities"]
    }
    return sorted(found, key=lambda unit: (unit != FIRST_UNIT, unit))


def quantity_of(sales: Mapping[str, Any], unit: str) -> str:
    """How much of one unit was sold; ``0`` when nothing was."""
    return next((str(each["quantity"]) for each in sales["quantities"] if each["unit"] == unit), "0")


def change(now: str, before: str) -> str:
    """``+12 %``: by how much it changed; nothing when there was nothing before, or it was taken back."""
    base = Decimal(before)
    if base <= 0:
        return ""
    percent = ((Decimal(now) - base) * 100 / base).quantize(Decimal(1), ROUND_HALF_UP)
    return f"{'+' if percent > 0 else '−' if percent < 0 else '±'}{abs(percent)} %"


def part_of(some: int, whole: int) -> str:
    """``2.5 %``: how much of a whole it is; nothing of nothing."""
    if not whole:
        return ""
    return f"{(Decimal(some) * 100 / whole).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"
