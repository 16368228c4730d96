"""Checks of what a dairy says about itself, and whether its books are open."""

import re
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dairy_app.common.errors import FieldError, Problem
from dairy_app.web.validate import Invalid


def is_time_zone(name: str) -> None:
    """Raise unless ``name`` is an IANA time zone such as ``Asia/Kolkata``."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid("Must be the name of a time zone, for example Asia/Kolkata.") from None


GSTIN_FORMAT = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]")
_GSTIN_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def gstin_check_digit(first_fourteen: str) -> str:
    """The last character of a GSTIN: Luhn's check over an alphabet of 36 (digits, then letters).

    Each character's value is taken once or twice in turn from the left; of every product the two digits to
    base 36 are added; the check digit fills the sum up to a multiple of 36. The same as ``stdnum.in_.gstin``.
    """
    total = 0
    for place, character in enumerate(first_fourteen):
        product = _GSTIN_DIGITS.index(character) * (1 + place % 2)
        total += product // 36 + product % 36
    return _GSTIN_DIGITS[-total % 36]


def is_gstin(gstin: str) -> None:
    """Raise unless ``gstin`` has the form of CGST Rules 2017 r. 10 and its check digit fits.

    The form: two digits of the state, the PAN, which of its registrations, Z, the check digit.
    """
    if not GSTIN_FORMAT.fullmatch(gstin) or gstin_check_digit(gstin[:14]) != gstin[14]:
        raise Invalid("Not a GSTIN: the form or the check digit is wrong.")


def check_usual(most: Decimal | None, quantity: Decimal, unit: str, pointer: str) -> None:
    """Raise ``quantity_unusual`` for more than ``most`` of a product in one order; None: any quantity is usual."""
    if most is not None and quantity > most:
        asked, held = (f"{each.normalize():f}" for each in (quantity, most))
        detail = (
            f"{asked} {unit} is more than the {held} that one order usually holds at most. An admin may confirm it."
        )
        raise Problem("quantity_unusual", detail, [FieldError(pointer, "quantity_unusual", detail)])


def check_open_books(day: date, closed: date | None, instead: str = "") -> None:
    """Raise ``period_closed`` when the books are ``closed`` through ``day``; ``instead`` says what to do then."""
    if closed is not None and day <= closed:
        raise Problem("period_closed", f"The books are closed through {closed}{instead and f'; {instead}'}.")
