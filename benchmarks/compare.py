"""Two runs beside each other: what a change did to ratios and to CPU."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.report import WIDTH
from benchmarks.results import BARE, GUARANTEED
from benchmarks.words import change_text, seconds_text

Run = Mapping[str, Any]


def read(path: Path) -> Run:
    """Results that an earlier run wrote; ends the program when it cannot read them."""
    try:
        run: Run = json.loads(path.read_text())
        _by_key(run)
        run["facts"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"COMPARE: {path} has no results of `make bench` ({type(error).__name__}: {error})")
    return run


def print_comparison(before: Run, after: Run) -> None:
    console = Console(width=None if os.isatty(1) else WIDTH)
    console.print(table(before, after))
    for line in differences(before, after):
        console.print(line, markup=False)


def table(before: Run, after: Run) -> Table:
    """One line for each case that both runs have: before → after, and the change in percent."""
    shown = Table(title="Before → after")
    shown.add_column("case")
    for name in ("× bare", "× guarantees", "Python CPU", "PostgreSQL CPU"):
        shown.add_column(name, justify="right")
    old, new = _by_key(before), _by_key(after)
    for key in (key for key in new if key in old):
        ratios = [(_ratio(old[key], floor), _ratio(new[key], floor)) for floor in (BARE, GUARANTEED)]
        names = ("python_cpu_each", "postgres_cpu_each")
        cpu = [(old[key]["ours"][name], new[key]["ours"][name]) for name in names]
        cells = [_cell(*pair, lambda ratio: f"{ratio:.2f}") for pair in ratios]
        shown.add_row(key, *cells, *(_cell(*pair, seconds_text) for pair in cpu))
    return shown


def differences(before: Run, after: Run) -> list[str]:
    """Why the runs may not be compared: other machine, other server, other sample, other cases."""
    old, new = before["facts"], after["facts"]
    lines = [
        f"not the same {name}: {old.get(name)} before, {new.get(name)} after"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    unknown = [key for key in _by_key(after) if key not in _by_key(before)]
    if unknown:
        lines.append(f"not measured before: {', '.join(unknown)}")
    return lines


def _by_key(run: Run) -> dict[str, Any]:
    return {each["key"]: each for each in run["results"]}


def _ratio(result: Mapping[str, Any], floor: str) -> float | None:
    return result["floors"][floor]["ratio"] if floor in result["floors"] else None


def _cell(before: float | None, after: float | None, text: Any) -> str:
    if before is None or after is None:
        return ""
    return f"{text(before)} → {text(after)} ({change_text(before, after)})"
