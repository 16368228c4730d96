"""What a change says, and what it leaves as it is."""

from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Unset(Enum):
    """The value of a field that was not sent: None says "nothing", this says nothing at all."""

    UNSET = "unset"


#: The default of a field of a change; ``sent`` leaves it out.
UNSET: Final = Unset.UNSET


def sent(change: "DataclassInstance") -> dict[str, Any]:
    """The fields of a change that were sent, by name: what a row's columns become. All others stay as they are."""
    named = {field.name: getattr(change, field.name) for field in fields(change)}
    return {name: value for name, value in named.items() if value is not UNSET}
