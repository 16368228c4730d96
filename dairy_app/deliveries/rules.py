"""Which orders somebody reaches, and who confirms: plain values, told apart from any login or request."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

#: Longer device names are cut.
LONGEST_DEVICE = 300

#: Why nothing, or less, was brought. Programs may count these; other words are taken as they come.
REASON_CODES = ("customer_absent", "door_locked", "refused", "out_of_stock", "wrong_address", "other")


@dataclass(frozen=True, slots=True)
class Scope:
    """The orders that a round, a shared link or a confirmer reaches; None: not narrowed.

    An order out of scope is as unknown as one that does not exist.
    """

    #: The order's own delivery boy, else its customer's.
    delivery_boy_id: UUID | None = None
    #: This area and all areas below it.
    area_id: UUID | None = None
    #: The planned day, both ends included.
    first_day: date | None = None
    last_day: date | None = None
    shift: str | None = None


@dataclass(frozen=True, slots=True)
class Confirmer:
    """Who confirms, and from where: a login, or whoever holds a shared link (``user_id`` None)."""

    user_id: UUID | None
    name: str
    #: One of ``models.CONFIRMATION_METHODS``.
    method: str
    ip: str | None
    device: str | None
    shared_link_id: UUID | None = None
