"""What a gateway's event says once it was read, and whether it can be booked as it stands."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

CURRENCY = "INR"
#: What no person can book either: in another currency, or without an amount.
NEVER = {"unreadable", "currency_unknown"}


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it was read. ``object_type`` None: there is nothing to book. ``link_id``: the dairy's own link.

    ``amount`` is exact, in ``currency``; ``reason`` says why nobody can read more of it. ``ends_link``: what became of
    the link, when the event is about that alone.
    """

    kind: str | None
    object_type: str | None = None
    gateway_payment_id: str | None = None
    gateway_refund_id: str | None = None
    gateway_link_id: str | None = None
    link_id: UUID | None = None
    amount: Decimal | None = None
    currency: str | None = None
    method: str | None = None
    happened_at: datetime | None = None
    ends_link: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says of an event. None: as the event has it."""

    customer_id: UUID | None = None
    received_on: date | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why an event is not booked by itself: a code, and words for people."""

    code: str
    detail: str


def hindrance_of_payment(
    currency: str | None, amount: Decimal | None, asked: Decimal | None, method: str | None
) -> Hindrance | None:
    """What keeps a payment from being booked without a person. ``asked``: the link's rupees, None: there is no link."""
    if currency != CURRENCY or amount is None:
        return Hindrance("currency_unknown", f"{amount} {currency}: the books are kept in {CURRENCY}.")
    if asked is None:
        return Hindrance("customer_unknown", "It is not of a link that was made here: say whose it is.")
    if amount != asked:
        return Hindrance("amount_differs", f"{amount:.2f} came where the link asks for {asked:.2f}.")
    if method is None:
        return Hindrance("method_unknown", "The gateway names a way of paying that is not known here.")
    return None
