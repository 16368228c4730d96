"""The words of documents and messages: one file a language in ``documents/words/``, all with the same keys.

To add a language, copy ``en.json`` there to ``<code>.json``, translate the values, and name it as the second language
in the settings. A PDF needs the letters in its typeface (``typeface.py``); the page uses those of the phone.
"""

from functools import cache
from pathlib import Path

from dairy_app.common.words import DEFAULT_LANGUAGE, Words, choose_of, read_catalogues


@cache
def catalogues() -> dict[str, Words]:
    """Every language there is, by its code; English first."""
    return read_catalogues(Path(__file__).parent.parent / "words")


def languages(second: str | None) -> dict[str, Words]:
    """What a dairy's documents speak: English, and the second language of its settings when there are words for it."""
    return {code: words for code, words in catalogues().items() if code in {DEFAULT_LANGUAGE, second}}


def choose(second: str | None, *wishes: str | None) -> Words:
    """The first wish that the dairy's documents speak, else English."""
    return choose_of(languages(second), *wishes)
