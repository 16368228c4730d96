"""Checks of what a customer says about itself."""

import re

from dairy_app.common.phones import normalise_phone

#: The dairy gives out C000001, C000002, …; a code of one's own must not look like one of them.
_GIVEN_CODE = re.compile(r"C[0-9]{6,}")
#: Fewer digits would find half the town.
SHORTEST_PHONE_TAIL = 3
_PHONE_LIKE = re.compile(r"[+0-9 ()-]+")


def is_reserved_code(code: str) -> bool:
    """Whether the dairy itself gives out customer codes of this form."""
    return _GIVEN_CODE.fullmatch(code) is not None


def phone_digits(text: str) -> str:
    """The digits of what looks like a phone number or the end of one, else nothing."""
    if not _PHONE_LIKE.fullmatch(text):
        return ""
    try:
        return normalise_phone(text).removeprefix("+")
    except ValueError:
        digits = "".join(re.findall(r"[0-9]", text))
    return digits if len(digits) >= SHORTEST_PHONE_TAIL else ""
