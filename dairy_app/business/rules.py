"""Checks of what a dairy says about itself."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marshmallow import ValidationError


def is_time_zone(name: str) -> None:
    """Raise unless ``name`` is an IANA time zone such as ``Asia/Kolkata``."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError("Must be the name of a time zone, for example Asia/Kolkata.") from None
