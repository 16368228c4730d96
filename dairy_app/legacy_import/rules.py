"""What a value written by the earlier system means. Pure: no file, no database, no clock.

The earlier system stored whatever a client sent, so every function takes anything and answers None when the
value cannot be read. Nothing is guessed; the caller decides between quarantine, a default and a remark.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from uuid import UUID, uuid5

from bson import Decimal128, ObjectId

#: Namespace of the ids that are derived because the document's own key is no UUID. Never change it:
#: a second import finds what the first one wrote by these ids.
IMPORT_NAMESPACE = UUID("6d1f5c1e-5d0a-5d3c-9a53-0d1b7f1f8e52")

PAISA = Decimal("0.01")
GRAM = Decimal("0.001")
LARGEST_MONEY = Decimal("9999999999.99")
LARGEST_QUANTITY = Decimal("9999999.999")

#: A date outside these years is a typing error or a date in the wrong calendar, not a delivery.
YEARS = range(2000, 2100)

ORDER_STATUSES = frozenset(
    {"pending", "out_for_delivery", "delivered", "partially_delivered", "not_delivered", "cancelled"}
)
DELIVERY_STATUSES = frozenset({"delivered", "partially_delivered", "not_delivered", "pending"})
CUSTOMER_STATUSES = frozenset({"trial", "active", "paused", "stopped"})
ROLES = frozenset({"admin", "accountant", "delivery_boy", "marketing_staff", "customer", "supplier"})
#: Words that mean one of ours. A role or an order's status is never guessed beyond that.
SYNONYMS = {"marketing": "marketing_staff", "inactive": "stopped", "churned": "stopped", "canceled": "cancelled"}

#: Passwords that the earlier system gave out itself: anybody knows them.
DEFAULT_PASSWORDS = ("admin123", "customer123", "delivery123", "earlybird2025", "marketing123", "supplier123")

_CANONICAL_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: Cost 4 to 15: one of cost 20 would keep the server busy for minutes at every login. The 128 bits of a salt leave its
#: last sign four choices; verifying any other fails.
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_UNITS = {
    "litre": "litre", "liter": "litre", "litres": "litre", "liters": "litre", "l": "litre", "ltr": "litre",
    "kg": "kg", "kgs": "kg", "kilogram": "kg", "kilo": "kg",
    "packet": "packet", "packets": "packet", "pkt": "packet", "pack": "packet",
    "dozen": "dozen", "dz": "dozen",
    "piece": "piece", "pieces": "piece", "pc": "piece", "pcs": "piece", "nos": "piece",
    "bottle": "piece", "tin": "piece", "can": "piece", "jar": "piece",
}  # fmt: skip
_SIZED = re.compile(r"(\d+(?:\.\d+)?)\s*(ml|l|ltr|litre|liter|g|gm|gms|gram|kg)")
_PER_UNIT = {"ml": Decimal("0.001"), "g": Decimal("0.001"), "gm": Decimal("0.001"), "gms": Decimal("0.001"),
             "gram": Decimal("0.001")}  # fmt: skip


def key_of(document: Mapping[str, Any]) -> str | None:
    """A document's key: its ``id`` if that is a non-empty text, else its ``_id`` as text, else None."""
    own = document.get("id")
    return reference(own if isinstance(own, str) and own else document.get("_id"))


def reference(value: Any) -> str | None:
    """A reference to another document as text; None for anything that cannot name one."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd") or None
    if isinstance(value, ObjectId | UUID):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def row_id(collection: str, key: str) -> UUID:
    """The primary key of the imported row: the key itself when it is a UUID, so that references kept by
    clients still work; otherwise one derived from collection and key, the same on every import."""
    if _CANONICAL_UUID.fullmatch(key):
        return UUID(key)
    return uuid5(IMPORT_NAMESPACE, f"{collection}:{key}")


def text(value: Any) -> str | None:
    """Text without blanks around it and without NUL, which PostgreSQL cannot store; None when empty.

    Numbers become their digits: a house number or a pincode was often written as a number.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal128):
        return None
    return str(value).replace("\x00", "").strip() or None


def phone(value: Any) -> str | None:
    """E.164. Drops a trailing ``.0`` (a spreadsheet's), all non-digits, then a leading 91 or 0 of an
    Indian number; a number of another country is kept only with its plus sign."""
    written = text(value)
    if written is None:
        return None
    digits = re.sub(r"\D", "", written.removesuffix(".0"))
    if written.startswith("+") and not digits.startswith("91"):
        return f"+{digits}" if 8 <= len(digits) <= 15 and digits[0] != "0" else None
    digits = national_digits(digits)
    return f"+91{digits}" if len(digits) == 10 and digits[0] != "0" else None


def national_digits(digits: str) -> str:
    """The ten digits of an Indian number written with country code or trunk zero."""
    digits = digits.removeprefix("00") if len(digits) == 14 else digits
    if len(digits) == 12 and digits.startswith("91"):
        return digits[2:]
    return digits[1:] if len(digits) == 11 and digits.startswith("0") else digits


def email(value: Any) -> str | None:
    """A lower-case address, None when it cannot be one."""
    written = text(value)
    if written is None or len(written) > 254 or not _EMAIL.fullmatch(written):
        return None
    return written.lower()


def is_synthetic(address: str) -> bool:
    """Whether the earlier system made the address up: nobody reads mail there, nobody chose its password.

    Beside a customer it wrote ``customer-<id>@….local``, its file import ``<phone>@customer.…``.
    """
    return address.endswith(".local") or "@customer." in address


def fold(value: Any) -> str | None:
    """A word of a fixed list however it was spelt: lower case, trimmed, blanks and hyphens as underscore."""
    written = text(value)
    if written is None:
        return None
    folded = re.sub(r"[\s-]+", "_", written.lower())
    return SYNONYMS.get(folded, folded)


def number(value: Any) -> Decimal | None:
    """The decimal as it was written: ``58.0`` and 58 are the same, NaN, infinity and true are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal | Decimal128):
        return None
    try:
        read = value if isinstance(value, Decimal) else Decimal(str(value).strip())
    except InvalidOperation:
        return None
    if not read.is_finite():
        return None
    # Beyond 12 decimals stands the noise of a float, and PostgreSQL refuses a number of 20,000 decimals.
    too_fine = int(read.as_tuple().exponent) < -12 and abs(read) <= LARGEST_MONEY
    return read.quantize(Decimal("1e-12"), ROUND_HALF_UP) if too_fine else read


def money(value: Any) -> Decimal | None:
    """Rupees, rounded half up to the paisa; None when unreadable or too large to be a sum of money."""
    read = number(value)
    if read is None or abs(read) > LARGEST_MONEY:
        return None
    return read.quantize(PAISA, ROUND_HALF_UP)


def quantity(value: Any) -> Decimal | None:
    """Litres, kilograms or pieces, rounded half up to three decimals; None when unreadable or absurd."""
    read = number(value)
    if read is None or abs(read) > LARGEST_QUANTITY:
        return None
    return read.quantize(GRAM, ROUND_HALF_UP)


def is_true(value: Any) -> bool:
    """Billed and the like: true or the text true; absent, null and false are not."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def instant(value: Any, zone: tzinfo) -> datetime | None:
    """An instant with its offset. Text without one is wall time in ``zone``: the dairy's for what the
    earlier system wrote with ``now()`` or took from a client, UTC for its ``utcnow()`` fields.

    A date alone is its midnight. Dates outside any dairy's life are unreadable.
    """
    read = value
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(read, datetime) or read.year not in YEARS:
        return None
    return read.replace(tzinfo=zone) if read.tzinfo is None else read.astimezone(UTC)


def day(value: Any, zone: tzinfo) -> date | None:
    """The business date of a date text or of an instant: the day it falls on in ``zone``."""
    if isinstance(value, str) and _DATE.fullmatch(value.strip()):
        try:
            read = date.fromisoformat(value.strip())
        except ValueError:
            return None
        return read if read.year in YEARS else None
    moment = instant(value, zone)
    return moment.astimezone(zone).date() if moment else None


def midday(on: date, zone: tzinfo) -> datetime:
    """An instant for a day of which no time is known: noon, so that no time zone moves the date."""
    return datetime.combine(on, time(12), zone)


def bcrypt_hash(document: Mapping[str, Any]) -> str | None:
    """The password hash that can be kept: bcrypt, in ``password_hash`` or else in ``password``.

    Anything else, SHA-256 or clear text, is dropped: its owner needs an invitation.
    """
    for name in ("password_hash", "password"):
        found = document.get(name)
        if isinstance(found, str) and _BCRYPT.fullmatch(found):
            return found
    return None


def unit(value: Any) -> tuple[str | None, Decimal | None]:
    """The unit of sale; of a packet of known size also its litres or kilograms: ``500g`` → packet of 0.5."""
    written = (text(value) or "").lower().rstrip(".")
    if written in _UNITS:
        return _UNITS[written], None
    sized = _SIZED.fullmatch(written)
    if sized is None:
        return None, None
    return "packet", Decimal(sized[1]) * _PER_UNIT.get(sized[2], Decimal(1))
