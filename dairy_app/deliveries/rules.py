"""Which orders somebody reaches, who confirms, and how a round is told: plain values, apart from logins."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any
from urllib.parse import quote
from uuid import UUID

from dairy_app.catalogue.rules import packets_of
from dairy_app.common.errors import FieldError
from dairy_app.containers.rules import Empties

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


@dataclass(frozen=True, slots=True)
class Delivered:
    """How much of one product was brought."""

    product_id: UUID
    delivered_quantity: Decimal


@dataclass(frozen=True, slots=True)
class ExtraItem:
    """How much of one product was handed over though nobody had ordered it."""

    product_id: UUID
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What happened at one door. Without ``items`` all of the order was brought, unless nothing was (``status``)."""

    order_id: UUID
    #: ``delivered`` or ``not_delivered``.
    status: str
    items: Sequence[Delivered] | None = None
    customer_id: UUID | None = None
    delivery_date: date | None = None
    delivered_at: datetime | None = None
    client_event_id: UUID | None = None
    device_time: datetime | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    reason_code: str | None = None
    notes: str | None = None
    #: What else was handed over: it becomes an order of its own.
    extra_items: Sequence[ExtraItem] | None = None
    #: What came back; None as well as none: nothing was counted.
    empties: Sequence[Empties] | None = None


@dataclass(frozen=True, slots=True)
class Unplanned:
    """Goods that reached a customer's door without an order, on a day that is not to come."""

    customer_id: UUID
    delivery_date: date
    items: Sequence[ExtraItem]
    reason: str
    shift: str = "morning"
    client_event_id: UUID | None = None
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class DoorOrder:
    """The order of goods that reached a door without one.

    ``priced``: JSON of product_id, quantity, unit_price and price_source of each, as ``judge_extras`` gives it.
    """

    customer_id: UUID
    priced: str
    day: date
    shift: str
    address: Mapping[str, Any]
    notes: str
    delivery_boy_id: UUID | None
    area_id: UUID | None
    delivered_at: datetime
    client_event_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A confirmation of a batch that breaks the schema: rejected by itself, beside the others."""

    #: None when not even the order could be read.
    order_id: UUID | None
    errors: Sequence[FieldError]


# -------------------------------------------------------------------------------------------------- rounds


@dataclass(frozen=True, slots=True)
class RoundChoice:
    """Which round is meant: a day's (None: today's) orders of a delivery boy, of an area, of a shift, or of all."""

    delivery_date: date | None = None
    shift: str | None = None
    delivery_boy_id: UUID | None = None
    area_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class EmptiesOfOrder(Empties):
    """How many containers of one kind came back when this order was brought."""

    order_id: UUID


@dataclass(frozen=True, slots=True)
class RoundDone(RoundChoice):
    """A round of which all but the orders ``excepted`` were delivered in full; without an instant just now."""

    excepted: Sequence[UUID] = ()
    empties: Sequence[EmptiesOfOrder] = ()
    completed_at: datetime | None = None


_OPEN = frozenset({"PENDING", "OUT_FOR_DELIVERY"})
_OF_CUSTOMER = ("id", "name", "phone", "area", "latitude", "longitude", "notes")
_STREET, _TOWN = ("address_line1", "address_line2"), ("city", "pincode")
_OF_ADDRESS = (*_STREET, *_TOWN)
_OF_STATUS = (
    "status",
    "delivery_date",
    "delivered_at",
    "confirmed_at",
    "confirmed_by_name",
    "confirmation_method",
    "reason_code",
    "notes",
)
#: The same in a row of a round.
_customer_in = attrgetter(*(f"customer_{name}" for name in _OF_CUSTOMER))
_address_in = attrgetter(*(f"customer_{name}" for name in _OF_ADDRESS))
_status_in = attrgetter(*(f"status_{name}" for name in _OF_STATUS))


_MAP = "https://www.google.com/maps/search/?api=1&query="


def full_address_of(row: Mapping[str, str | None]) -> str | None:
    """The columns of an address as people say it: the street, the ``area`` unless the street names it, the town."""
    street, town = (", ".join(filter(None, map(row.get, names))) for names in (_STREET, _TOWN))
    area = row["area"]
    is_said = area is not None and area.casefold() in {part.strip().casefold() for part in street.split(",")}
    return ", ".join(filter(None, [street, None if is_said else area, town])) or None


def map_link_of(
    own: str | None, latitude: Decimal | None, longitude: Decimal | None, address: str | None
) -> str | None:
    """Where a customer is found: the link somebody noted, else a map's search for the position, else the address."""
    if own:
        return own
    if latitude is not None and longitude is not None:
        return f"{_MAP}{latitude},{longitude}"
    return f"{_MAP}{quote(address, safe='')}" if address else None


def stops_of(rows: Iterable[Any], items: Mapping[UUID, Sequence[Any]]) -> list[dict[str, Any]]:
    """The stops of a round: one per customer, in the order of the rows, with its orders and their items."""
    return [_stop(list(orders), items) for _, orders in groupby(rows, key=lambda row: row.customer_id)]


def _stop(orders: list[Any], items: Mapping[UUID, Sequence[Any]]) -> dict[str, Any]:
    one = orders[0]
    customer = dict(zip(_OF_CUSTOMER, _customer_in(one), strict=True))
    parts = dict(zip(_OF_ADDRESS, _address_in(one), strict=True))
    customer["address"] = ", ".join(filter(None, parts.values())) or None
    customer["full_address"] = found = full_address_of(parts | {"area": one.customer_area})
    customer["map_link"] = map_link_of(one.customer_map_link, one.customer_latitude, one.customer_longitude, found)
    return {
        "sequence": one.customer_stop_sequence,
        "customer": customer,
        "containers": one.containers,
        "orders": [_order(row, items.get(row.order_id, ())) for row in orders],
    }


def _order(row: Any, items: Sequence[Any]) -> dict[str, Any]:
    said = dict(zip(_OF_STATUS, _status_in(row), strict=True))
    return {
        "order_id": row.order_id,
        "status": row.status,
        "shift": row.shift,
        "source": row.source,
        "notes": row.notes,
        "items": [
            {
                "product_id": item.product_id,
                "name": item.name,
                "unit": item.unit,
                "quantity": item.quantity,
                "packets": packets_of(item.quantity, item.unit, item.packet_size),
                "delivered_quantity": item.delivered_quantity,
            }
            for item in items
        ],
        "empties": row.empties,
        "delivery_status": said if said["status"] is not None else None,
    }


def loading_sheet(stops: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What to load for all orders of a round but those made at the door, one row a product, by name.

    Packets are counted per door: half a packet here and half a packet there is not one packet, so the row then says
    None. Litres and packets are never added up.
    """
    rows: dict[UUID, dict[str, Any]] = {}
    planned = (order for stop in stops for order in stop["orders"] if order["source"] != "door")
    for item in (item for order in planned for item in order["items"]):
        new = {name: item[name] for name in ("product_id", "name", "unit")} | {"quantity": Decimal(0), "packets": 0}
        row = rows.setdefault(item["product_id"], new)
        row["quantity"] += item["quantity"]
        known = row["packets"] is not None and item["packets"] is not None
        row["packets"] = row["packets"] + item["packets"] if known else None
    return sorted(rows.values(), key=lambda row: (row["name"], str(row["product_id"])))


def progress_of(stops: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How far a round is: a stop is done when none of its orders is open."""
    statuses = [[order["status"] for order in stop["orders"]] for stop in stops]
    flat = [status for each in statuses for status in each]
    done = sum(_OPEN.isdisjoint(each) for each in statuses)
    return {
        "stops": len(statuses),
        "done": done,
        "open": len(statuses) - done,
        "orders": len(flat),
        "open_orders": sum(status in _OPEN for status in flat),
        "delivered": flat.count("DELIVERED"),
        "partially_delivered": flat.count("PARTIALLY_DELIVERED"),
        "not_delivered": flat.count("NOT_DELIVERED"),
    }


def short_by_helper(
    confirmed: Sequence[Mapping[str, Any]], short: Sequence[Mapping[str, Any]], missing: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """One row a helper, who brought the most orders short first; quantities are kept apart by unit."""
    none = {"partial": 0, "not_delivered": 0, "amount": Decimal(0)}
    rows: dict[Any, dict[str, Any]] = {
        each["staff_id"]: {**each, **none, "reasons": {}, "missing": []} for each in confirmed
    }
    for each in short:
        row = rows[each["staff_id"]]
        row["not_delivered" if each["status"] == "not_delivered" else "partial"] += each["orders"]
        row["reasons"][each["reason"]] = row["reasons"].get(each["reason"], 0) + each["orders"]
    for each in missing:
        row = rows[each["staff_id"]]
        row["missing"].append({"unit": each["unit"], "quantity": each["quantity"]})
        row["amount"] += each["amount"]
    return sorted(rows.values(), key=lambda row: (-row["partial"] - row["not_delivered"], row["staff_name"] or ""))
