"""What is told of containers: plain values."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from dairy_app.common.changes import UNSET, Unset


@dataclass(frozen=True, slots=True)
class Empties:
    """How many containers of one kind came back at a door."""

    container_id: UUID
    back: int


@dataclass(frozen=True, slots=True)
class NewContainer:
    """A kind of container; ``deposit``: rupees that a lost one is charged with."""

    name: str
    deposit: Decimal


@dataclass(frozen=True, slots=True)
class ContainerChange:
    """What shall be different in a kind of container; a new deposit holds for what is lost from now on."""

    name: str | Unset = UNSET
    deposit: Decimal | Unset = UNSET


@dataclass(frozen=True, slots=True)
class Entry:
    """Containers that came back, or went out, without a delivery; ``day`` None: today."""

    container_id: UUID
    count: int
    reason: str | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Containers that a customer has no more; charged with their deposit unless ``charge`` is False."""

    container_id: UUID
    count: int
    reason: str
    charge: bool = True
    tax_class: str | None = None
    day: date | None = None
