"""Rules of products as pure functions."""

from decimal import Decimal


def packets_of(quantity: Decimal, unit: str, packet_size: Decimal | None) -> int | None:
    """How many packets a quantity is; None when it is loose, or no whole number of them."""
    size = Decimal(1) if unit == "packet" else packet_size
    return None if size is None or quantity % size else int(quantity / size)
