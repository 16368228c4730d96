"""Figures as the table, the comparison and the picture write them."""

from benchmarks.results import Result


def seconds_text(seconds: float | None) -> str:
    """Seconds in a unit that suits them; nothing for a figure that nobody knows."""
    if seconds is None:
        return ""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.0f} µs" if seconds >= 1e-5 else f"{seconds * 1e6:.1f} µs"


def ratio_text(result: Result, floor: str) -> str:
    ratio = result.ratio(floor)
    return "" if ratio is None else f"{ratio:.2f}"


def statements_text(result: Result) -> str:
    """``3 + 2``: three statements, and BEGIN and COMMIT."""
    if result.statements is None or result.brackets is None:
        return ""
    return f"{result.statements:g} + {result.brackets:g}"


def latencies_text(result: Result) -> str:
    """Milliseconds of the 50th, 95th and 99th percentile."""
    return " / ".join(f"{each * 1e3:.1f}" for each in result.ours.percentiles().values())


def change_text(before: float | None, after: float | None) -> str:
    """``−12 %``; nothing where there is nothing to compare."""
    if not before or after is None:
        return ""
    return f"{(after - before) / before * 100:+.0f} %".replace("-", "−")
