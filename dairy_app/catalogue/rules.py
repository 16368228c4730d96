"""Rules of products as pure functions."""

from decimal import Decimal

from dairy_app.common.errors import FieldError, Problem

#: Of these nobody brings a half.
SOLD_WHOLE = ("piece", "packet", "dozen")


def require_whole(unit: str, quantity: Decimal, pointer: str) -> None:
    """Raise ``validation_failed`` for a part of something that is sold whole."""
    if unit in SOLD_WHOLE and quantity % 1:
        detail = f"Must be a whole number: the product is sold by the {unit}."
        raise Problem("validation_failed", detail, [FieldError(pointer, "not_whole", detail)])


def packets_of(quantity: Decimal, unit: str, packet_size: Decimal | None) -> int | None:
    """How many packets a quantity is; None when it is loose, or no whole number of them."""
    size = Decimal(1) if unit == "packet" else packet_size
    return None if size is None or quantity % size else int(quantity / size)
