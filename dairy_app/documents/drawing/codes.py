"""QR codes, for the PDF and for the page."""

from collections.abc import Sequence

import segno


def code_of(text: str, error: str = "m") -> Sequence[Sequence[int]]:
    """The QR code of a text as rows of modules, quiet zone included; ``error``: how much of it may be dirty."""
    made = segno.make(text, error=error, micro=False, boost_error=error != "l")
    return [list(row) for row in made.matrix_iter(border=4)]


def runs(row: Sequence[int]) -> list[tuple[int, int]]:
    """Start and length of each stretch of dark modules."""
    found: list[tuple[int, int]] = []
    for place, dark in enumerate(row):
        if dark and found and sum(found[-1]) == place:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        elif dark:
            found.append((place, 1))
    return found
