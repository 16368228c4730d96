"""What a photo may be and when one is taken. Pure functions on values."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

#: Bytes of what is sent, and so of what is kept: 2 MB.
MOST_BYTES = 2 * 1024 * 1024
#: Pixels of the longer side of what is kept: a number on a gate can be read, and a photo is some 300 KB.
LONGEST_SIDE = 1600
#: Formats that are read, as Pillow names them → media type.
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
#: Pixels of what is sent. A JPEG is read at a fraction of its size, unless it is progressive: then it is held whole.
MOST_PIXELS = {"JPEG": 25_000_000, "PNG": 12_000_000, "WEBP": 12_000_000}
#: What is kept is always this.
KEPT_AS = "image/jpeg"

#: Orders that have a photo: on their way, or confirmed, also that nothing was delivered.
PHOTOGRAPHED = ("OUT_FOR_DELIVERY", "DELIVERED", "PARTIALLY_DELIVERED", "NOT_DELIVERED")

FILE_NAME = re.compile(r"[0-9a-f]{32}\.jpg")
#: A file without a row may be one whose row is just being written, for so long.
YOUNG = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo as it was sent."""

    photo: bytes


class Picture(NamedTuple):
    """A photo as it is kept: a JPEG with nothing in it but what one sees. Sides in pixels."""

    content: bytes
    width: int
    height: int


def fraction_of(width: int, height: int) -> tuple[int, int]:
    """The size at which a picture is kept: no side longer than ``LONGEST_SIDE``, none shorter than a pixel."""
    longer = max(width, height)
    if longer <= LONGEST_SIDE:
        return width, height
    return max(1, round(width * LONGEST_SIDE / longer)), max(1, round(height * LONGEST_SIDE / longer))


def is_within_window(delivery_date: date, today: date, days: int) -> bool:
    """Whether today is at most so many days from the day of an order."""
    return abs((today - delivery_date).days) <= days
