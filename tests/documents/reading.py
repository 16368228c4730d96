"""Reading documents as a person, a phone and a machine would."""

import re
import zlib
from io import BytesIO
from typing import Any

import pypdfium2
import zxingcpp
from PIL import Image

_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page, as one would copy it."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]
    finally:
        document.close()


def text_of(pdf: bytes) -> str:
    """The text of all pages, with single spaces."""
    return " ".join(" ".join(pages_of(pdf)).split())


def picture_of(pdf: bytes, page: int = 0, scale: float = 2) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[page].render(scale=scale).to_pil()
    finally:
        document.close()


def codes_in(picture: Image.Image) -> list[str]:
    """What a phone reads in a picture."""
    return [found.text for found in zxingcpp.read_barcodes(picture)]


def codes_of(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [text for page in document for text in codes_in(page.render(scale=2).to_pil())]
    finally:
        document.close()


def picture_from(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png)).convert("RGB")


def glyphs_of(pdf: bytes) -> set[int]:
    """The numbers of all glyphs shown; 0 is the box that stands for a missing letter."""
    found: set[int] = set()
    for stream in _STREAM.findall(pdf):
        try:
            content = zlib.decompress(stream)
        except zlib.error:
            continue
        if b" Tm " not in content:
            continue
        for run in re.findall(rb"(?<!<)<([0-9A-F]+)>(?!>)", re.sub(rb"<</ActualText <[0-9A-F]+>>>", b"", content)):
            found |= {int(run[place : place + 4], 16) for place in range(0, len(run), 4)}
    return found


def metadata_of(pdf: bytes) -> Any:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document.get_metadata_dict()
    finally:
        document.close()
