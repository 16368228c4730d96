"""Phone numbers in one form, ITU-T E.164: a plus sign, the country code, at most 15 digits in all."""

import re
import unicodedata

#: India. A number without a country code is read as one of the dairy's own country.
HOME_COUNTRY_CODE = "91"
#: Digits after the country code in India, for mobile and fixed lines alike (National Numbering Plan 2003).
HOME_DIGITS = 10
#: The same for the database: what a column of numbers holds.
PHONE_FORMAT = "^[+][1-9][0-9]{7,14}$"
_E164 = re.compile(r"[1-9][0-9]{7,14}")
_PUNCTUATION = frozenset("-‐‑‒–—().,/ ")


def normalise_phone(written: str) -> str:
    """The E.164 form of a number as people write it; it is its own E.164 form.

    ``98200 12345``, ``098200-12345``, ``+91-98200 12345``, ``0091 98200 12345`` and ``+91 (0)98200 12345``
    are all ``+919820012345``. Digits of other scripts count. Raises ValueError for what is not a number.
    """
    international, digits = _read(written)
    if not international:
        digits = _add_home_country(digits)
    national = digits.removeprefix(HOME_COUNTRY_CODE)
    if digits.startswith(HOME_COUNTRY_CODE):
        if len(national) == HOME_DIGITS + 1:
            national = national.removeprefix("0")
        if len(national) != HOME_DIGITS or national[0] == "0":
            raise ValueError(f"a number of +{HOME_COUNTRY_CODE} has {HOME_DIGITS} digits after it")
        digits = HOME_COUNTRY_CODE + national
    if not _E164.fullmatch(digits):
        raise ValueError("not a phone number: expected a country code and 8 to 15 digits in all")
    return "+" + digits


def _read(written: str) -> tuple[bool, str]:
    """Whether the number has its country code, and its digits."""
    visible = [c for c in unicodedata.normalize("NFKC", written) if unicodedata.category(c) != "Cf"]
    text = "".join(visible).strip()
    plus = text.startswith("+")
    digits = []
    for character in text.removeprefix("+"):
        if character in _PUNCTUATION or character.isspace():
            continue
        value = unicodedata.decimal(character, None)
        if value is None:
            raise ValueError("not a phone number: it holds something else than digits")
        digits.append(str(value))
    joined = "".join(digits)
    if not plus and joined.startswith("00"):
        return True, joined[2:]
    return plus, joined


def _add_home_country(digits: str) -> str:
    """A number without ``+`` or ``00``: national, with or without the trunk 0, or 91 and the whole of it."""
    if len(digits) == HOME_DIGITS + 1 and digits.startswith("0"):
        digits = digits[1:]
    if len(digits) == HOME_DIGITS:
        return HOME_COUNTRY_CODE + digits
    if len(digits) == HOME_DIGITS + len(HOME_COUNTRY_CODE) and digits.startswith(HOME_COUNTRY_CODE):
        return digits
    raise ValueError(f"a number without country code has {HOME_DIGITS} digits")
