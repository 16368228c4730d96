"""The results as SVG, written by hand: no plotting library for a dozen bars."""

from collections.abc import Sequence
from html import escape

from benchmarks.results import BARE, FUNCTION, GUARANTEED, Result
from benchmarks.words import latencies_text, seconds_text, statements_text

LEFT, WIDTH, CPU_LEFT, CPU_WIDTH, BLOCK = 10, 520, 680, 320, 78
#: Longer bars end here; else one case of a hundred floors would make all others alike.
LONGEST = 10
GOOD, BAD, PLAIN, PYTHON, POSTGRES = "#3b7d4f", "#b5532d", "#7d8a94", "#c99a2e", "#336791"


def picture(results: Sequence[Result]) -> str:
    """A block a case: left the ratios with line of the floor and mark of the target, right the CPU of a unit."""
    height = BLOCK * len(results) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{CPU_LEFT + CPU_WIDTH + 100}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">Time in times of plain SQL, to {LONGEST}'
        " (line: the floor; mark: target)</text>",
        f'<text x="{CPU_LEFT}" y="22" font-size="15">CPU of one unit:'
        f' <tspan fill="{PYTHON}">Python</tspan>, <tspan fill="{POSTGRES}">PostgreSQL</tspan></text>',
    ]
    for place, result in enumerate(results):
        top = 40 + place * BLOCK
        parts += _ratios(result, top)
        parts += _cpu(result, top)
    x = LEFT + WIDTH / LONGEST
    parts.append(f'<path d="M{x:.1f} 34V{height - 20}" stroke="black"/></svg>')
    return "\n".join(parts) + "\n"


def _ratios(result: Result, top: int) -> list[str]:
    scale = WIDTH / LONGEST
    parts = [f'<text x="{LEFT}" y="{top + 12}" font-weight="bold">{escape(f"{result.case}, {result.size}")}</text>']
    for row, name in enumerate(name for name in (BARE, GUARANTEED, FUNCTION) if name in result.floors):
        ratio, y = result.ratio(name) or 0, top + 18 + 17 * row
        width = min(ratio, LONGEST) * scale
        colour = PLAIN if name not in result.targets else BAD if result.misses(name) else GOOD
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="13" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + width + 4:.1f}" y="{y + 11}">{ratio:.2f} × {name}</text>')
        if name in result.targets:
            x = LEFT + result.targets[name] * scale
            parts.append(f'<path d="M{x:.1f} {y - 2}v17" stroke="black" stroke-dasharray="3"/>')
    return parts


def _cpu(result: Result, top: int) -> list[str]:
    python, postgres = result.python_each, result.postgres_each
    said = [
        f"{statements_text(result)} statements" if result.statements is not None else "",
        f"p50 / p95 / p99 {latencies_text(result)} ms" if result.ours.latencies else "",
        f"{result.ours.peak_mb:.0f} MB" if result.ours.peak_mb else "",
    ]
    parts = [f'<text x="{CPU_LEFT}" y="{top + 60}">{escape(" · ".join(each for each in said if each))}</text>']
    if python is None or postgres is None:
        return parts
    left = CPU_WIDTH * python / ((python + postgres) or 1)
    parts.append(f'<rect x="{CPU_LEFT}" y="{top + 18}" width="{left:.1f}" height="13" fill="{PYTHON}"/>')
    parts.append(
        f'<rect x="{CPU_LEFT + left:.1f}" y="{top + 18}" width="{CPU_WIDTH - left:.1f}" height="13" fill="{POSTGRES}"/>'
    )
    label = f"each {result.unit}: Python {seconds_text(python)}, PostgreSQL {seconds_text(postgres)}"
    parts.append(f'<text x="{CPU_LEFT}" y="{top + 45}">{escape(label)}</text>')
    return parts
