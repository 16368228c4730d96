"""The words of the round's page: one file a language in ``words/``, all with the same keys.

To add a language, copy ``words/en.json`` to ``words/<code>.json`` and translate the values.
"""

from functools import cache
from pathlib import Path

from dairy_app.common.words import Words, choose_of, number, read_catalogues

_FOLDER = Path(__file__).parent.parent / "words"
__all__ = ["Words", "catalogues", "choose", "number"]


@cache
def catalogues() -> dict[str, Words]:
    """Every language there is, by its code; English first."""
    return read_catalogues(_FOLDER)


def choose(*wishes: str | None) -> Words:
    """The catalogue of the first wish that there is (``hi-IN`` is ``hi``), else English."""
    return choose_of(catalogues(), *wishes)
