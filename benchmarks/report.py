"""The results as a table, as JSON, and as a picture."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import growth
from benchmarks.picture import picture
from benchmarks.results import BARE, GUARANTEED, Result, Side
from benchmarks.sample import Growth
from benchmarks.words import latencies_text, ratio_text, seconds_text, statements_text

#: For who reads the output in a file.
WIDTH = 220


def table(results: Sequence[Result]) -> Table:
    """One line a case. A ratio is our time over the floor's: 1.00 is as fast as plain SQL."""
    shown = Table(title="Ours against plain SQL")
    for name in ("case", "size"):
        shown.add_column(name)
    for name in ("ours", "for", "× bare", "× guarantees", "Python CPU each", "PostgreSQL CPU each", "its floor's",
                 "statements", "p50 / p95 / p99 ms", "memory", "also"):  # fmt: skip
        shown.add_column(name, justify="right")
    for result in results:
        fair = result.floors[result.fairest]
        shown.add_row(
            result.key,
            result.size,
            seconds_text(result.ours.seconds_each * result.ours.units),
            f"{result.ours.units:,} × {result.unit}",
            _marked(result, BARE),
            _marked(result, GUARANTEED),
            seconds_text(result.python_each),
            seconds_text(result.postgres_each),
            seconds_text(fair.cpu_each(fair.postgres)),
            statements_text(result),
            latencies_text(result),
            f"{result.ours.peak_mb:.0f} MB" if result.ours.peak_mb else "",
            _also(result),
        )
    return shown


def print_tables(results: Sequence[Result], months: Sequence[Growth]) -> None:
    console = Console(width=None if os.isatty(1) else WIDTH)
    if months:
        console.print(growth.table(months))
    console.print(table(results))


def machine() -> dict[str, Any]:
    """What figures of two runs must share to be compared."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def write(
    folder: Path, name: str, results: Sequence[Result], facts: dict[str, Any], months: Sequence[Growth] = ()
) -> list[Path]:
    """Write the results as JSON and as SVG; ``facts`` are those of the machine and the sample.

    Months of history have a picture of their own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "at": datetime.now(UTC).isoformat(),
        "facts": facts,
        "results": [_plain(each) for each in results],
        "growth": [asdict(each) for each in months],
    }
    written = {
        folder / f"{name}.json": json.dumps(_rounded(document), indent=2) + "\n",
        folder / f"{name}.svg": picture(results),
    }
    if months:
        written[folder / f"{name}-growth.svg"] = growth.picture(months)
    for path, text in written.items():
        path.write_text(text)
    return list(written)


def _marked(result: Result, floor: str) -> str:
    text = ratio_text(result, floor)
    return f"[{'red' if result.misses(floor) else 'green'}]{text}[/]" if floor in result.targets else text


def _also(result: Result) -> str:
    others = [f"× {name} {_marked(result, name)}" for name in result.floors if name not in (BARE, GUARANTEED)]
    return ", ".join(others + [f"{name} {value:.1f}" for name, value in result.ours.notes.items()])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def _plain(result: Result) -> dict[str, Any]:
    ours = {
        **_side(result.ours),
        "python_cpu_each": result.python_each,
        "postgres_cpu_each": result.postgres_each,
        "statements": result.statements,
        "begin_and_commit": result.brackets,
        "peak_mb": result.ours.peak_mb,
        **{f"{name} seconds": value for name, value in result.ours.percentiles().items()},
        **result.ours.notes,
    }
    floors = {
        name: {
            **_side(side),
            "ratio": result.ratio(name),
            "target": result.targets.get(name),
            "postgres_cpu_each": side.cpu_each(side.postgres),
        }
        for name, side in result.floors.items()
    }
    about = {"key": result.key, "case": result.case, "size": result.size, "unit": result.unit}
    return {**about, "ours": ours, "floors": floors}


def _rounded(value: Any) -> Any:
    """Seven digits after the point: a tenth of a microsecond. No figure here is better than that."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 7) if isinstance(value, float) else value


def _side(side: Side) -> dict[str, Any]:
    each = {"units": side.units, "seconds_each": side.seconds_each}
    return {**each, "seconds": side.seconds, "python_cpu": side.python, "postgres_cpu": side.postgres}
