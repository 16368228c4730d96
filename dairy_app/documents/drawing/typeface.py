"""Letters on document: HarfBuzz shapes them, and a document carries only the glyphs that it uses.

ReportLab's own shaping numbers conjuncts in the order in which the process met them, so equal documents would not have
equal bytes, and what one copies out of them would be private characters. Here a font is one Type0 font of the glyphs
as HarfBuzz numbers them, and what does not stand there letter by letter (राधा, क्षत्रिय) says its text beside it.

The typeface is Noto Sans: Latin, Greek, Cyrillic and Devanagari. Other scripts show as boxes; the page does not share
that limit.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import fontpkg_noto_sans
import uharfbuzz as hb
from reportlab.pdfbase import pdfdoc

REGULAR, BOLD = 400, 700
#: Needed inside words of Devanagari; every other invisible character is left out.
_JOINERS = "\u200c\u200d"
#: What HarfBuzz would need to shape; shaped text needs only outlines and widths.
_NOT_EMBEDDED = ("GSUB", "GPOS", "GDEF", "name", "OS/2", "post", "cmap", "STAT")
#: ISO 32000, table 121: bit 3, the glyphs are outside of any standard encoding.
_SYMBOLIC = 4


@dataclass(frozen=True, slots=True)
class Shaped:
    """A text as glyphs. ``width`` in thousandths of the font's size, as all lengths of a font here."""

    text: str
    #: Glyph → its natural width, for the font's table of widths.
    widths: tuple[tuple[int, int], ...]
    #: With all shifts.
    width: int
    #: Glyph → its letters, where that can be said of each by itself.
    letters: tuple[tuple[int, str], ...]
    #: What stands between BT and ET; a rise, which does not grow with the font, is left as ``{rise:…}``.
    operators: str


NOTHING = Shaped("", (), 0, (), "")


class Typeface:
    """Noto Sans in one weight."""

    def __init__(self, weight: int) -> None:
        variable = hb.Face(hb.Blob(_upright_file()))
        wanted = hb.SubsetInput()
        wanted.keep_everything()
        wanted.pin_axis_location(variable, "wght", weight)
        wanted.pin_axis_location(variable, "wdth", 100)
        self.name = f"NotoSans-{'Bold' if weight == BOLD else 'Regular'}"
        self.face = hb.subset(variable, wanted)
        self._font = hb.Font(self.face)
        self.scale = 1000 / self.face.upem
        self.shape = lru_cache(maxsize=20_000)(self._shape)

    def _shape(self, text: str) -> Shaped:
        text = visible(text)
        if not text:  # HarfBuzz has no places for no letters; an empty cell is a text like any other
            return NOTHING
        glyphs, clusters = [], []
        for start, part in _by_script(text):
            buffer = hb.Buffer()
            buffer.add_str(part)
            buffer.guess_segment_properties()
            buffer.direction = "ltr"
            hb.shape(self._font, buffer, {})
            for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
                natural = self._font.get_glyph_h_advance(info.codepoint)
                lengths = (natural, place.x_advance, place.x_offset, place.y_offset)
                glyphs.append((info.codepoint, *(round(length * self.scale) for length in lengths)))
                clusters.append(start + info.cluster)
        ends = [*sorted(set(clusters)), len(text)]
        pieces = {start: text[start:end] for start, end in pairwise(ends)}
        glyphs_of = Counter(clusters)
        alone = [glyphs_of[cluster] == 1 for cluster in clusters]
        # A letter that the typeface lacks is glyph 0, whichever it is.
        is_plain = all(alone) and clusters == sorted(clusters) and all(glyph[0] for glyph in glyphs)
        shown = _arrays(glyphs)
        if not is_plain:
            said = text.encode("utf-16-be").hex().upper()
            shown = f"/Span <</ActualText <FEFF{said}>>> BDC {shown} EMC"
        own = (pair for pair in zip(glyphs, clusters, alone, strict=True) if pair[2])
        return Shaped(
            text=text,
            widths=tuple((glyph[0], glyph[1]) for glyph in glyphs),
            width=sum(glyph[2] for glyph in glyphs),
            letters=tuple((glyph[0], pieces[cluster]) for glyph, cluster, _ in own),
            operators=shown,
        )

    def outlines(self, glyphs: set[int]) -> bytes:
        """A TrueType font of these glyphs alone, each with the number it has here."""
        wanted = hb.SubsetInput()
        for glyph in glyphs:
            wanted.glyph_set.add(glyph)
        for tag in _NOT_EMBEDDED:
            wanted.drop_table_tag_set.add(int.from_bytes(tag.ljust(4).encode(), "big"))
        flags = hb.SubsetFlags
        wanted.flags = flags.RETAIN_GIDS | flags.NO_LAYOUT_CLOSURE | flags.NO_HINTING | flags.NOTDEF_OUTLINE
        outlines: bytes = hb.subset(self.face, wanted).blob.data
        return outlines


def _by_script(text: str) -> list[tuple[int, str]]:
    """The text in parts of one script, each with its place. HarfBuzz shapes all of a text by its first one's rules.

    What has no script (digits, blanks, ₹, marks) goes with what stands before it.
    """
    starts, current = [0], None
    for place, letter in enumerate(text):
        script = _script_of(letter)
        if script is not None and script != current:
            if current is not None:
                starts.append(place)
            current = script
    return [(start, text[start:end]) for start, end in pairwise([*starts, len(text)])]


@lru_cache(maxsize=4096)
def _script_of(letter: str) -> str | None:
    buffer = hb.Buffer()
    buffer.add_str(letter)
    buffer.guess_segment_properties()
    script: str | None = buffer.script
    return script


@cache
def typeface(weight: int) -> Typeface:
    """The typeface of this weight; a tenth of a second, once a process."""
    return Typeface(weight)


def visible(text: str) -> str:
    """The text without control characters and without those that turn or hide what stands around them."""
    spaced = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return "".join(c for c in spaced if unicodedata.category(c) not in {"Cf", "Cs"} or c in _JOINERS)


def _upright_file() -> bytes:
    files = fontpkg_noto_sans.ROOT / "files"
    found = [path for path in files.glob("NotoSans*.ttf") if "Italic" not in path.name]
    if len(found) != 1:
        raise LookupError(f"expected one upright NotoSans in {files}, found {[path.name for path in found]}")
    data: bytes = found[0].read_bytes()
    return data


class Embedded:
    """A typeface as one document uses it: it carries what it wrote. ReportLab calls ``addObjects`` at the end."""

    def __init__(self, face: Typeface, name: str) -> None:
        self.face, self.name = face, name
        self._written: dict[str, Shaped] = {}

    def operators(self, text: str) -> str:
        """The operators between BT and ET that show a text, once font and place are set."""
        shaped = self.face.shape(text)
        self._written[text] = shaped
        return shaped.operators

    def addObjects(self, document: Any) -> None:  # noqa: N802 - ReportLab's name
        """Write the font, what its glyphs mean, and how wide they are."""
        prefix = "DAIRYA" if self.name == "R" else "DAIRYB"
        base = f"{prefix}+{self.face.name}"
        widths = dict(pair for shaped in self._written.values() for pair in shaped.widths)
        letters = dict(pair for shaped in reversed(self._written.values()) for pair in reversed(shaped.letters))
        descriptor = self._descriptor(document, base, set(widths))
        descendant = pdfdoc.PDFDictionary(
            {
                "Type": "/Font",
                "Subtype": "/CIDFontType2",
                "BaseFont": pdfdoc.PDFName(base),
                "CIDSystemInfo": "<</Registry (Adobe) /Ordering (Identity) /Supplement 0>>",
                "FontDescriptor": descriptor,
                "DW": 0,
                "W": pdfdoc.PDFArray([item for each in sorted(widths.items()) for item in (each[0], f"[{each[1]}]")]),
                "CIDToGIDMap": "/Identity",
            }
        )
        font = pdfdoc.PDFDictionary(
            {
                "Type": "/Font",
                "Subtype": "/Type0",
                "BaseFont": pdfdoc.PDFName(base),
                "Encoding": "/Identity-H",
                "DescendantFonts": pdfdoc.PDFArray([document.Reference(descendant, f"descendant{self.name}")]),
                "ToUnicode": _stream(document, _meanings(letters).encode(), f"meanings{self.name}"),
            }
        )
        document.idToObject["BasicFonts"].dict[self.name] = document.Reference(font, f"font{self.name}")

    def _descriptor(self, document: Any, base: str, glyphs: set[int]) -> Any:
        extents = hb.Font(self.face.face).get_font_extents("ltr")
        outlines = self.face.outlines({0, *glyphs})
        file = _stream(document, outlines, f"outlines{self.name}", Length1=len(outlines))
        ascent, descent = (round(height * self.face.scale) for height in (extents.ascender, extents.descender))
        descriptor = {
            "Type": "/FontDescriptor",
            "FontName": pdfdoc.PDFName(base),
            "Flags": _SYMBOLIC,
            "FontBBox": pdfdoc.PDFArray([-1000, descent, 2000, ascent]),
            "ItalicAngle": 0,
            "Ascent": ascent,
            "Descent": descent,
            "CapHeight": 714,
            "StemV": 140 if self.face.name.endswith("Bold") else 80,
            "FontFile2": file,
        }
        return document.Reference(pdfdoc.PDFDictionary(descriptor), f"descriptor{self.name}")


def _arrays(glyphs: Sequence[tuple[int, int, int, int, int]]) -> str:
    """TJ arrays of glyphs with the shifts between them (ISO 32000, 9.4.3), cut where the rise changes."""
    out: list[str] = []
    array: list[str] = []
    shift, rise = 0, 0
    for number, natural, advance, x_offset, y_offset in glyphs:
        if y_offset != rise:
            out += [f"[{''.join(array)}] TJ"] * bool(array) + [f"{{rise:{y_offset}}} Ts"]
            array, rise = [], y_offset
        shift -= x_offset
        if shift:
            array.append(f"{shift} ")
        array.append(f"<{number:04X}>")
        shift = natural + x_offset - advance
    out += [f"[{''.join(array)}] TJ"] * bool(array) + ["0 Ts"] * bool(rise)
    return " ".join(out).replace("><", "")


def _meanings(letters: dict[int, str]) -> str:
    """A ToUnicode CMap (ISO 32000, 9.10.3)."""
    rows = [f"<{number:04X}> <{text.encode('utf-16-be').hex().upper()}>" for number, text in sorted(letters.items())]
    blocks = [rows[start : start + 100] for start in range(0, len(rows), 100)]
    body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        f"1 begincodespacerange <0000> <FFFF> endcodespacerange\n{body}\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    )


def _stream(document: Any, content: bytes, name: str, **entries: int) -> Any:
    stream = pdfdoc.PDFStream(pdfdoc.PDFDictionary(entries), content, [pdfdoc.PDFZCompress])
    return document.Reference(stream, name)
