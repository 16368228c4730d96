"""The results as a table, as JSON, and as a picture (SVG, written by hand: no plotting library for eight bars)."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cases import Result

BAR_HEIGHT, LEFT, WIDTH = 34, 430, 520


def table(results: Sequence[Result]) -> Table:
    """One line a case; ratio is our time over the floor's, 1.00 is as fast as plain SQL."""
    shown = Table(title="Ours against plain SQL")
    for name in ("case", "size"):
        shown.add_column(name)
    for name in ("ours", "floor", "ratio", "target", "rows/s", "peak memory", "also"):
        shown.add_column(name, justify="right")
    for result in results:
        ratio = f"{result.ratio:.2f}"
        if result.target is not None:
            ratio = f"[{'green' if result.ratio <= result.target else 'red'}]{ratio}[/]"
        shown.add_row(
            result.case,
            result.size,
            _time(result.ours_median),
            _time(result.floor_median),
            ratio,
            f"≤ {result.target:.2f}" if result.target else "",
            f"{result.per_second:,.0f}",
            f"{result.peak_mb:.0f} MB" if result.peak_mb else "",
            ", ".join(f"{name} {value:.1f}" for name, value in result.notes.items()),
        )
    return shown


def print_table(results: Sequence[Result]) -> None:
    Console(width=None if os.isatty(1) else 190).print(table(results))


def write(folder: Path, results: Sequence[Result], about: dict[str, Any]) -> list[Path]:
    """Write ``results.json`` and ``results.svg``."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "results.json", folder / "results.svg"]
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    document = {"at": datetime.now(UTC).isoformat(), **about, **machine, "results": [_plain(each) for each in results]}
    written[0].write_text(json.dumps(document, indent=2) + "\n")
    written[1].write_text(picture(results))
    return written


def picture(results: Sequence[Result]) -> str:
    """A bar a case: the ratio, beside the line of the floor and the mark of the target."""
    longest = max(max(each.ratio, each.target or 0, 1) for each in results) * 1.1
    height = BAR_HEIGHT * len(results) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 40}" height="{height}"'
        ' font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<text x="10" y="22" font-size="15">Time in times of plain SQL (line: the floor; mark: target)</text>',
    ]
    for place, result in enumerate(results):
        top = 40 + place * BAR_HEIGHT
        good = result.target is None or result.ratio <= result.target
        width = result.ratio / longest * WIDTH
        parts.append(f'<text x="10" y="{top + 17}">{result.case}, {result.size}</text>')
        parts.append(
            f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="22" fill="{"#3b7d4f" if good else "#b5532d"}"/>'
        )
        parts.append(f'<text x="{LEFT + width + 4:.1f}" y="{top + 16}">{result.ratio:.2f}</text>')
        if result.target is not None:
            x = LEFT + result.target / longest * WIDTH
            parts.append(f'<path d="M{x:.1f} {top - 3}v28" stroke="black" stroke-dasharray="3"/>')
    x = LEFT + WIDTH / longest
    parts.append(f'<path d="M{x:.1f} 34V{height - 20}" stroke="black"/></svg>')
    return "\n".join(parts) + "\n"


def _plain(result: Result) -> dict[str, Any]:
    return {
        "case": result.case,
        "size": result.size,
        "rows": result.rows,
        "ours_seconds": result.ours,
        "floor_seconds": result.floor,
        "ratio": round(result.ratio, 3),
        "target": result.target,
        "rows_per_second": round(result.per_second, 1),
        "peak_mb": result.peak_mb,
        **result.notes,
    }


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
