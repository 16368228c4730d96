"""Links by which customers pay: what is asked of a gateway, and what it answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from dairy_app.common.errors import invalid

#: A link is good so long when nobody says otherwise.
USUAL = timedelta(days=14)
#: Razorpay refuses what ends sooner than in fifteen minutes or later than in six months; one of them is always shorter.
SHORTEST, LONGEST = timedelta(minutes=20), timedelta(days=180)


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that is wanted. ``amount`` None: what is open of the invoice, or else what the customer owes in all."""

    customer_id: UUID | None = None
    invoice_id: UUID | None = None
    amount: Decimal | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WantedLink:
    """A link as a gateway is asked for it. ``id`` is its reference: asked again, the same link is meant."""

    id: UUID
    amount: Decimal
    description: str
    expires_at: datetime
    name: str
    phone: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link as a gateway has it, in its words."""

    gateway_id: str
    url: str
    status: str
    reference: str | None = None


def ends_at(wanted: datetime | None, moment: datetime) -> datetime:
    """Until when a link made now is good. Raises ``validation_failed`` for what no gateway takes."""
    end = moment + USUAL if wanted is None else wanted
    if not moment + SHORTEST <= end <= moment + LONGEST:
        raise invalid("/expires_at", "Between 20 minutes and 180 days from now.", "range")
    return end
