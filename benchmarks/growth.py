"""What months behind it cost a dairy: the runs that issued them, as a table and as a picture."""

from collections.abc import Callable, Sequence
from html import escape

from rich.table import Table

from benchmarks.sample import Growth
from benchmarks.words import seconds_text

LEFT, WIDTH, HEIGHT, GAP, DOT = 80, 520, 180, 90, 4
SECONDS, PYTHON, POSTGRES, BYTES, CLEANING = "#7d8a94", "#c99a2e", "#336791", "#3b7d4f", "#b5532d"
MILLION = 1e6

#: One line of a chart: what it is, its colour, and the figure of a month; None where nobody can say.
Line = tuple[str, str, Callable[[Growth], float | None]]
_CHARTS: Sequence[tuple[str, Sequence[Line]]] = (
    (
        "billing run of a month, seconds",
        (
            ("in all", SECONDS, lambda month: month.seconds),
            ("CPU of PostgreSQL", POSTGRES, lambda month: month.postgres),
            ("CPU of Python", PYTHON, lambda month: month.python),
        ),
    ),
    ("database, gigabytes", (("on disk", BYTES, lambda month: month.bytes / 1e9),)),
    (
        "cleaning by the server since the first month, seconds",
        (("in all", CLEANING, lambda month: month.cleaning_seconds),),
    ),
)


def table(growth: Sequence[Growth]) -> Table:
    """One line a month that was issued."""
    shown = Table(title="What months behind it cost a billing run")
    for name in ("month", "orders before", "billing run", "Python CPU", "PostgreSQL CPU", "database", "cleaning"):
        shown.add_column(name, justify="right")
    for month in growth:
        shown.add_row(
            month.period,
            f"{month.orders_before:,}",
            seconds_text(month.seconds),
            seconds_text(month.python),
            seconds_text(month.postgres),
            f"{month.bytes / 1e9:.2f} GB",
            seconds_text(month.cleaning_seconds),
        )
    return shown


def picture(growth: Sequence[Growth]) -> str:
    """A chart for each kind of figure, over the millions of orders that were there before."""
    height = (HEIGHT + GAP) * len(_CHARTS) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 180}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for place, (title, lines) in enumerate(_CHARTS):
        parts += _chart(title, lines, growth, 40 + place * (HEIGHT + GAP))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _chart(title: str, lines: Sequence[Line], growth: Sequence[Growth], top: int) -> list[str]:
    known = [
        (label, colour, [(each.orders_before / MILLION, figure(each)) for each in growth])
        for label, colour, figure in lines
    ]
    across = max(each.orders_before for each in growth) / MILLION or 1
    up = max((figure or 0 for _, _, points in known for _, figure in points), default=0) or 1
    bottom = top + HEIGHT
    parts = [
        f'<text x="{LEFT}" y="{top - 12}" font-size="15">{escape(title)}</text>',
        f'<path d="M{LEFT} {top}V{bottom}H{LEFT + WIDTH}" fill="none" stroke="black"/>',
        f'<text x="{LEFT - 6}" y="{top + 4}" text-anchor="end">{up:.3g}</text>',
        f'<text x="{LEFT - 6}" y="{bottom + 4}" text-anchor="end">0</text>',
        f'<text x="{LEFT}" y="{bottom + 18}">0</text>',
        f'<text x="{LEFT + WIDTH}" y="{bottom + 18}" text-anchor="end">{across:.3g} million orders before</text>',
    ]
    for label, colour, points in known:
        at = [(LEFT + WIDTH * x / across, bottom - HEIGHT * y / up) for x, y in points if y is not None]
        if not at:
            continue
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{DOT}" fill="{colour}"/>' for x, y in at]
        parts.append(f'<text x="{at[-1][0] + 10:.1f}" y="{at[-1][1] + 4:.1f}" fill="{colour}">{escape(label)}</text>')
    return parts
