"""What a shared link reaches, how long it lives, how fast it may be used. Pure functions on values."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from dairy_app.accounts.rules.logins import is_commonly_used
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.orders.rules import parted_notes
from dairy_app.web.validate import MISSING, Coded

#: Hours a link lives.
DEFAULT_LIFETIME = 24
LONGEST_LIFETIME = 720

#: A link may spend so much in a window; a look, a confirmation or a try costs 1. A round with a confirmation every
#: two seconds spends 30 a minute, a resent batch of a thousand 21.
WINDOW = timedelta(minutes=1)
MOST_PER_WINDOW = 120
CONFIRMATIONS_PER_POINT = 50
#: Somebody has to read each of them.
COST_OF_REQUEST = 4

#: More than a household owes for a year of milk, in rupees: what is typed beyond it is a slip.
MOST_CASH = Decimal(100_000)

#: Every fifth wrong PIN in a row locks the link, each time twice as long: of 10,000 PINs a day of guessing tries 35,
#: the longest life of a link 180.
TRIES_PER_LOCK = 5
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)

#: Kind of request → the fields that say what is wanted; those with True must be there.
FIELDS_OF_KIND: dict[str, dict[str, bool]] = {
    "pause": {"from": True, "to": False},
    "stop": {"stop_date": True},
    "extra_item": {"delivery_date": True, "shift": False, "items": True},
    "quantity": {"date": True, "quantity": True},
}

_WISHED = frozenset(name for fields in FIELDS_OF_KIND.values() for name in fields)

#: What whoever holds a link learns of a delivery status.
STATUS_AT_THE_DOOR = ("status", "delivered_at", "delivery_date", "reason_code")


def days_of(link_date: date | None, today: date) -> tuple[date, date]:
    """The first and last planned day a link reaches: its date, or for a rolling one yesterday and today."""
    return (link_date, link_date) if link_date is not None else (today - timedelta(days=1), today)


def cost_of_confirmations(orders: Sequence[Any]) -> int:
    """What a set of confirmations spends, by the orders they name.

    An order named again is judged after the first, in a turn of its own, which costs as much as a set.
    """
    turns = max(Counter(orders).values(), default=1)
    return turns + len(orders) // CONFIRMATIONS_PER_POINT


def lock_after(failed_attempts: int) -> timedelta | None:
    """How long a link is locked after so many wrong PINs in a row, None: not now."""
    if failed_attempts % TRIES_PER_LOCK:
        return None
    doublings = min(failed_attempts // TRIES_PER_LOCK - 1, 20)
    return min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)


def state_of(
    moment: datetime, *, expires_at: datetime, revoked_at: datetime | None, locked_until: datetime | None
) -> str:
    """``revoked``, ``expired``, ``locked`` (no PIN is tried until then) or ``active``; the first that holds."""
    if revoked_at is not None:
        return "revoked"
    if moment >= expires_at:
        return "expired"
    return "locked" if locked_until is not None and moment < locked_until else "active"


def is_weak_pin(pin: str) -> bool:
    """Whether it is among the first that anybody would try: equal, counting or repeated digits, years, common ones."""
    half, odd = divmod(len(pin), 2)
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    repeats = not odd and (pin[:half] == pin[half:] or pin[::2] == pin[1::2])
    year = len(pin) in (4, 8) and re.search("^(19|20)[0-9]{2}|(19|20)[0-9]{2}$", pin)
    return len(set(pin)) < 3 or len(steps) == 1 or repeats or bool(year) or any(map(is_commonly_used, (pin, pin[::-1])))


@dataclass(frozen=True, slots=True)
class CashTaken:
    """Cash that whoever holds a link took at a door; ``amount`` in rupees; ``taken_at`` None: just now."""

    customer_id: UUID
    amount: Decimal
    client_event_id: UUID
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AskedItem:
    """So much of one product."""

    product_id: UUID
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What may be wanted at a door; which of it, the kind of the request says. What is not said is UNSET."""

    from_: dt.date | Unset = UNSET
    to: dt.date | Unset | None = UNSET
    stop_date: dt.date | Unset = UNSET
    delivery_date: dt.date | Unset = UNSET
    shift: str | Unset = UNSET
    items: Sequence[AskedItem] | Unset = UNSET
    date: dt.date | Unset = UNSET
    quantity: Decimal | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest(Wish):
    """A change that is asked for at a door. Sent again with the same ``client_event_id`` it is the same one."""

    kind: str
    customer_id: UUID
    subscription_id: UUID | None = None
    note: str | None = None
    client_event_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval(Wish):
    """That a request is done, or what its wish makes of it; and why."""

    reason: str | None = None


def said_in(wish: Wish) -> dict[str, Any]:
    """The fields of a wish that are said, by the names that a request has for them."""
    said = {name.removesuffix("_"): value for name, value in sent(wish).items()}
    if "items" in said:
        said["items"] = [asdict(item) for item in said["items"]]
    return {name: value for name, value in said.items() if name in _WISHED}


def misfits(kind: str, fields: Mapping[str, Any], *, partly: bool = False) -> dict[str, list[Coded]]:
    """The fields that a request of this kind lacks (not asked for when ``partly``) or has too many, with the words."""
    of_kind = FIELDS_OF_KIND[kind]
    wrong = {name: [Coded(f"Not a field of {kind}.")] for name in sorted(fields.keys() & _WISHED - of_kind.keys())}
    missing = [] if partly else [name for name, needed in of_kind.items() if needed and name not in fields]
    return wrong | {name: [MISSING] for name in missing}


def completed(kind: str, fields: Mapping[str, Any], shift: str | None) -> dict[str, Any]:
    """The fields of a request with what goes without saying; ``shift``: the link's."""
    match kind:
        case "pause":
            return {"to": None, **fields}
        case "extra_item":
            return {"shift": shift or "morning", **fields}
        case _:
            return dict(fields)


def payload_of(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a request wants, as it is stored: dates and quantities as text, so that the same wish reads the same."""
    return {name: _written(fields[name]) for name in FIELDS_OF_KIND[kind] if name in fields}


def fields_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The stored wish with its dates, quantities and ids as such again."""
    return {name: _read(name, value) for name, value in payload.items()}


def _written(value: Any) -> Any:
    if isinstance(value, list):
        return [{name: _written(each) for name, each in item.items()} for item in value]
    if isinstance(value, Decimal):
        return f"{value:.3f}"
    return value if value is None or isinstance(value, str) else str(value)


def _read(name: str, value: Any) -> Any:
    match name:
        case "items":
            return [{"product_id": UUID(each["product_id"]), "quantity": Decimal(each["quantity"])} for each in value]
        case "quantity":
            return Decimal(value)
        case "shift":
            return value
        case _:
            return date.fromisoformat(value) if value is not None else None


def for_the_door(round_: Mapping[str, Any], owed: Mapping[UUID, Decimal] | None = None) -> dict[str, Any]:
    """A round without what is the dairy's own: who confirmed, what they noted, what something costs.

    ``owed``: see ``with_dues``.
    """
    stops = [{**stop, "orders": [_for_the_door(order) for order in stop["orders"]]} for stop in round_["stops"]]
    return with_dues({**round_, "stops": stops}, owed)


def with_cash(round_: Mapping[str, Any], taken: Mapping[UUID, Decimal] | None) -> dict[str, Any]:
    """A round with what was taken in cash on its day, in rupees: ``cash_taken`` of each door and in all.

    ``taken`` by customer, also of doors that are not on the round; None: the link takes no cash, and nothing is said.
    """
    if taken is None:
        return dict(round_)
    none = Decimal(0)
    stops = [{**stop, "cash_taken": taken.get(stop["customer"]["id"], none)} for stop in round_["stops"]]
    return {**round_, "stops": stops, "cash_taken": sum(taken.values(), none)}


def customers_of(round_: Mapping[str, Any]) -> list[UUID]:
    """Who is on a round, in its sequence."""
    return [stop["customer"]["id"] for stop in round_["stops"]]


def with_dues(round_: Mapping[str, Any], owed: Mapping[UUID, Decimal] | None) -> dict[str, Any]:
    """A round whose stops have ``due_amount``: what their customers owe, in rupees, null where nothing is to be
    collected; without ``owed`` they have none."""
    if owed is None:
        return dict(round_)
    none = Decimal(0)
    amounts = ((stop, owed.get(stop["customer"]["id"], none)) for stop in round_["stops"])
    return {**round_, "stops": [{**stop, "due_amount": due if due > 0 else None} for stop, due in amounts]}


def _for_the_door(order: Mapping[str, Any]) -> dict[str, Any]:
    said = order["delivery_status"]
    shown = {name: said[name] for name in STATUS_AT_THE_DOOR} if said else None
    is_extra = order["source"] == "door"
    return {**order, "is_extra": is_extra, "notes": without_prices(order["notes"]), "delivery_status": shown}


def without_prices(notes: str | None) -> str | None:
    """The notes of an order except for what they say about prices: those are not the door's business."""
    return "\n".join(parted_notes(notes)[0]).strip() or None
