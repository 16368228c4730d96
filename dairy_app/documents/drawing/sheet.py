"""A4 sheets to write on: places in points from the top left corner, text in lines, wrapped or in columns."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any
from unicodedata import category

from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from dairy_app.documents.drawing.codes import runs
from dairy_app.documents.drawing.typeface import BOLD, REGULAR, Embedded, typeface

#: Writing pages as letters (for mail of the nineties) takes a quarter of the time and of the bytes.
rl_config.useA85 = 0

WIDTH, HEIGHT = 595.28, 841.89
INK, GREY, PALE, LINE, ACCENT = "0 0 0", "0.36 0.38 0.4", "0.95 0.96 0.95", "0.75 0.78 0.76", "0.06 0.32 0.2"


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is written; ``size`` in points, ``color`` as red, green, blue from 0 to 1."""

    size: float = 8.5
    bold: bool = False
    color: str = INK

    def width(self, text: str) -> float:
        """In points."""
        return typeface(BOLD if self.bold else REGULAR).shape(text).width * self.size / 1000

    @property
    def leading(self) -> float:
        """From line to line; marks above and below Devanagari need more room than Latin letters."""
        return self.size * 1.36


class Sheet:
    """Pages in the making. Equal calls make equal bytes: no clock, no chance."""

    def __init__(self, *, title: str, author: str, subject: str, language: str) -> None:
        self._file = BytesIO()
        self._canvas = Canvas(
            self._file, pagesize=(WIDTH, HEIGHT), pageCompression=1, invariant=1, lang=language, pdfVersion=(1, 5)
        )
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self._canvas.setSubject(subject)
        self._canvas.setCreator("dairy_app")
        self._fonts = {weight: Embedded(typeface(weight), name) for weight, name in ((REGULAR, "R"), (BOLD, "B"))}
        self._canvas._doc.delayedFonts.extend(self._fonts.values())
        self._out: list[str] = []
        self._links: list[tuple[str, tuple[float, ...]]] = []
        self._later: list[Page] = []

    def text(self, x: float, y: float, text: str, style: Style, align: str = "left") -> None:
        """Write one line with its base line at ``y``; ``align``: which of its ends, or its middle, is at ``x``."""
        if align != "left":
            x -= style.width(text) * (0.5 if align == "center" else 1)
        self._show(f"1 0 0 1 {x:.2f} {HEIGHT - y:.2f}", text, style)

    def across(self, text: str, style: Style) -> None:
        """Write over the middle of the page, from the lower left to the upper right."""
        slope = 0.7071
        half = style.width(text) / 2 * slope
        x, y = WIDTH / 2 - half, HEIGHT / 2 - half
        self._show(f"{slope} {slope} -{slope} {slope} {x:.2f} {y:.2f}", text, style)

    def _show(self, matrix: str, text: str, style: Style) -> None:
        font = self._fonts[BOLD if style.bold else REGULAR]
        shown = font.operators(text)
        if "{rise:" in shown:
            shown = _risen(shown, style.size)
        self._out.append(f"BT {style.color} rg /{font.name} {style.size:g} Tf {matrix} Tm {shown} ET")

    def wrapped(self, x: float, y: float, width: float, text: str, style: Style, most: int = 99) -> float:
        """Write lines of at most ``width``; returns the base line of the next one."""
        for line in wrap(text, width, style, most):
            self.text(x, y, line, style)
            y += style.leading
        return y

    def rule(self, x: float, y: float, width: float, color: str = LINE, thick: float = 0.6) -> None:
        """A horizontal line."""
        self._out.append(f"{color} RG {thick:g} w {x:.2f} {HEIGHT - y:.2f} m {x + width:.2f} {HEIGHT - y:.2f} l S")

    def box(self, x: float, y: float, width: float, height: float, color: str = PALE) -> None:
        """A filled rectangle; ``y`` is its upper edge."""
        self._out.append(f"{color} rg {x:.2f} {HEIGHT - y - height:.2f} {width:.2f} {height:.2f} re f")

    def squares(self, x: float, y: float, side: float, matrix: Any) -> None:
        """A square of ``side`` of black and white modules, as a QR code's; the quiet zone is part of the matrix."""
        rows = [list(row) for row in matrix]
        step = side / len(rows)
        dark = [f"{INK} rg"]
        for number, row in enumerate(rows):
            top = HEIGHT - y - (number + 1) * step
            for start, length in runs(row):
                dark.append(f"{x + start * step:.3f} {top:.3f} {length * step:.3f} {step:.3f} re")
        self._out.append(" ".join([*dark, "f"]))

    def link(self, x: float, y: float, width: float, height: float, address: str) -> None:
        """A rectangle that opens ``address`` when it is touched; ``y`` is its upper edge."""
        self._links.append((address, (x, HEIGHT - y - height, x + width, HEIGHT - y)))

    def end_page(self) -> None:
        """Close the page; another one begins."""
        self._later.append(Page(self._out, self._links))
        self._out, self._links = [], []

    @property
    def pages(self) -> "list[Page]":
        """The pages that are closed; more can be written on them until the end."""
        return self._later

    def on(self, page: "Page") -> None:
        """Write on a closed page from now on."""
        self._out = page.operators

    def bytes(self) -> bytes:
        """The document."""
        for page in self._later:
            self._canvas.addLiteral("\n".join(page.operators))
            for address, rectangle in page.links:
                self._canvas.linkURL(address, rectangle)
            self._canvas.showPage()
        self._canvas.save()
        return self._file.getvalue()


@dataclass(slots=True)
class Page:
    """What is on one page."""

    operators: list[str]
    links: list[tuple[str, tuple[float, ...]]]


def wrap(text: str, width: float, style: Style, most: int = 99) -> list[str]:
    """The text in lines that fit, broken at spaces, inside a word only when it alone is too long.

    What does not fit into ``most`` lines ends with an ellipsis.
    """
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            for piece in _pieces(word, width, style):
                joined = f"{line} {piece}" if line else piece
                if line and style.width(joined) > width:
                    lines.append(line)
                    joined = piece
                line = joined
        if line:
            lines.append(line)
    if len(lines) > most:
        lines = lines[:most]
        while lines[-1] and style.width(lines[-1] + "…") > width:
            lines[-1] = lines[-1][:-1]
        lines[-1] += "…"
    return lines


def _pieces(word: str, width: float, style: Style) -> list[str]:
    """A word, or parts of it that fit; a single letter stays whole, however broad."""
    pieces = []
    while len(word) > 1 and style.width(word) > width:
        fits = min(_enough(word, width, style), len(word) - 1)
        while fits > 1 and (style.width(word[:fits]) > width or category(word[fits]).startswith("M")):
            fits -= 1
        pieces.append(word[:fits])
        word = word[fits:]
    return [*pieces, word]


def _enough(word: str, width: float, style: Style) -> int:
    """So many letters that surely no more of them fit; trying all of a long word would take the square of its length.

    A letter more can make a text narrower, where two become one; but never by a quarter.
    """
    letters = 16
    while letters < len(word) and style.width(word[:letters]) <= 1.25 * width:
        letters = letters * 5 // 4
    return letters


def _risen(operators: str, size: float) -> str:
    """Rises in points: they are the only lengths of a text that do not grow with its size by themselves."""
    head, *rest = operators.split("{rise:")
    parts = [head]
    for each in rest:
        rise, _, tail = each.partition("}")
        parts.append(f"{int(rise) * size / 1000:.3f}{tail}")
    return "".join(parts)
