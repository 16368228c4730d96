"""The round as its page shows it: ``GET …/round``'s answer in words, ready for the templates. Pure functions."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from dairy_app.common.words import Words, number
from dairy_app.customers.rules import is_map_link
from dairy_app.documents.rules import indian
from dairy_app.sharing.rules.links import without_prices

#: Order status → how the page calls it; every other one can still be confirmed.
STATES = {
    "DELIVERED": "delivered",
    "PARTIALLY_DELIVERED": "partial",
    "NOT_DELIVERED": "not_delivered",
    "CANCELLED": "cancelled",
}
ICONS = {"delivered": "check", "partial": "half", "not_delivered": "cross", "cancelled": "cross"}
#: What is poured or weighed goes in halves when it is not packed; everything else is counted.
_MEASURED = frozenset({"litre", "kg"})
_HALF = Decimal("0.5")
_THOUSANDTH = Decimal("0.001")


def view_of_round(round_: Mapping[str, Any], t: Words, zone: ZoneInfo) -> dict[str, Any]:
    """Everything ``round.html`` names. Orders keep their place; a cancelled one is shown, not counted."""
    shifts = {order.get("shift") for stop in round_["stops"] for order in stop["orders"]}
    stops = [_stop(place, stop, t, zone, show_shift=len(shifts) > 1) for place, stop in enumerate(round_["stops"], 1)]
    counts = dict.fromkeys(("open", "delivered", "partial", "not_delivered", "cancelled"), 0)
    for stop in stops:
        for order in stop["orders"]:
            order["date"] = round_["delivery_date"]
            counts[order["state"]] += 1
        shifts_open = [order["when"] for order in stop["orders"] if order["state"] == "open"]
        #: All of it with one tap, but never the evening's with the morning's.
        stop["at_once"] = len(shifts_open) > 1 and len(set(shifts_open)) == 1
        stop["is_done"] = all(order["state"] != "open" for order in stop["orders"])
    following = next((stop for stop in stops if not stop["is_done"]), None)
    for stop in stops:
        stop["is_next"] = stop is following
    everything = sum(counts.values()) - counts["cancelled"]
    day = round_["delivery_date"]
    shift = round_.get("shift") or (next(iter(shifts)) if len(shifts) == 1 else None)
    return {
        "heading": " · ".join(filter(None, [t.date(day), t(f"shift_{shift}") if shift else None])),
        "stops": stops,
        "loading": [_loading(row, t) for row in round_["loading_sheet"]],
        "totals": _totals(round_, t),
        "empties": _empties(round_),
        "extras": round_.get("extra_products", ()),
        "takes_cash": "cash_taken" in round_,
        "cash_taken": number(Decimal(str(round_.get("cash_taken") or 0))),
        "counts": counts,
        "all": everything,
        "done": everything - counts["open"],
        "today": day,
        "tomorrow": day + timedelta(days=1),
    }


def _stop(place: int, stop: Mapping[str, Any], t: Words, zone: ZoneInfo, *, show_shift: bool) -> dict[str, Any]:
    customer = stop["customer"]
    where = customer.get("full_address") or ""
    words = [customer["name"], where, customer.get("phone") or "", customer.get("notes") or ""]
    return {
        "sequence": place,
        "customer_id": customer["id"],
        "name": customer["name"],
        "where": where,
        "phone": customer.get("phone"),
        "map_link": safe_link(customer.get("map_link")),
        "notes": customer.get("notes"),
        "containers": stop.get("containers", ()),
        "due": f"₹ {indian(Decimal(str(stop['due_amount'])))}" if stop.get("due_amount") else None,
        "owes": number(Decimal(str(stop.get("due_amount") or 0))),
        "takes_cash": "cash_taken" in stop,
        "cash": f"₹ {indian(Decimal(str(stop['cash_taken'])))}" if stop.get("cash_taken") else None,
        "search": " ".join(words).casefold(),
        "orders": [_order(order, t, zone, show_shift=show_shift) for order in stop["orders"]],
    }


def _order(order: Mapping[str, Any], t: Words, zone: ZoneInfo, *, show_shift: bool) -> dict[str, Any]:
    state = STATES.get(order["status"], "open")
    said = order.get("delivery_status") or {}
    return {
        "id": order["order_id"],
        "state": state,
        "is_extra": order.get("is_extra", False),
        "icon": ICONS.get(state),
        "shift": order.get("shift") if show_shift else None,
        "when": order.get("shift"),
        "notes": without_prices(order.get("notes")),
        "time": _time(said.get("delivered_at"), t, zone),
        "reason": _reason(said, t),
        "empties": order.get("empties", ()),
        "goods": [_item(item, t, partly=state == "partial") for item in order["items"]],
    }


def _time(instant: datetime | str | None, t: Words, zone: ZoneInfo) -> str | None:
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    return t.time(instant, zone) if instant else None


def _reason(said: Mapping[str, Any], t: Words) -> str | None:
    code = said.get("reason_code")
    in_words = (t(f"reason_{code}") if t.has(f"reason_{code}") else code) if code else None
    return ": ".join(filter(None, [in_words, said.get("notes")])) or None


def _item(item: Mapping[str, Any], t: Words, *, partly: bool) -> dict[str, Any]:
    ordered, unit = Decimal(str(item["quantity"])), item["unit"]
    delivered = item.get("delivered_quantity")
    amount = t.quantity(ordered, unit)
    short = None
    if partly and delivered is not None:
        short = t("quantity_of", delivered=number(Decimal(str(delivered))), ordered=amount)
    return {
        "product_id": item["product_id"],
        "name": item["name"],
        "unit": unit,
        "ordered": number(ordered),
        "delivered": None if delivered is None else number(Decimal(str(delivered))),
        "step": number(step_of(ordered, unit, item.get("packets"))),
        "amount": amount,
        "short": short,
        "packets": _packets(item, t),
    }


def _packets(row: Mapping[str, Any], t: Words) -> str | None:
    packets = row.get("packets")
    return t.quantity(Decimal(str(packets)), "packet") if packets and row["unit"] != "packet" else None


def step_of(ordered: Decimal, unit: str, packets: Any) -> Decimal:
    """By how much one tap changes a quantity: a packet, half a litre or kilogram, one piece.

    Never more than was ordered, else one tap could only empty it.
    """
    step = Decimal(1)
    if packets:
        size = (ordered / Decimal(str(packets))).quantize(_THOUSANDTH, ROUND_HALF_UP)
        step = size if size > 0 else step
    elif unit in _MEASURED:
        step = _HALF
    return min(step, ordered) if ordered > 0 else step


def _loading(row: Mapping[str, Any], t: Words) -> dict[str, Any]:
    return {
        "product_id": row["product_id"],
        "name": row["name"],
        "unit": row["unit"],
        "amount": t.quantity(Decimal(str(row["quantity"])), row["unit"]),
        "packets": _packets(row, t),
    }


def _totals(round_: Mapping[str, Any], t: Words) -> list[dict[str, Any]]:
    """By product what was delivered, how much less than was wanted at the doors that are done, what is in the van."""
    none = {"delivered": Decimal(0), "short": Decimal(0)}
    rows = {row["product_id"]: row | none for row in round_["loading_sheet"]}
    for order in (order for stop in round_["stops"] for order in stop["orders"]):
        for item in order["items"] if STATES.get(order["status"]) in {"delivered", "partial", "not_delivered"} else ():
            # What was handed over without an order comes from the van, too.
            row = rows.setdefault(item["product_id"], {**item, **none, "quantity": Decimal(0)})
            delivered = Decimal(str(item.get("delivered_quantity") or 0))
            row["delivered"] += delivered
            row["short"] += Decimal(str(item["quantity"])) - delivered
    for row in rows.values():
        row["left"] = Decimal(str(row["quantity"])) - row["delivered"]
    return [
        {name: row[name] for name in ("product_id", "name")}
        | {"unit": t(f"unit_{row['unit']}", n="").strip()}
        | {name: number(row[name]) for name in ("delivered", "short", "left")}
        for row in rows.values()
    ]


def _empties(round_: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each kind of container that is at a door of the round or came back there, with how many came back."""
    rows: dict[Any, dict[str, Any]] = {}
    for stop in round_["stops"]:
        for there in stop.get("containers", ()):
            rows.setdefault(there["container_id"], {**there, "back": 0})
        for came in (came for order in stop["orders"] for came in order.get("empties", ())):
            rows.setdefault(came["container_id"], {**came, "back": 0})["back"] += came["back"]
    return sorted(rows.values(), key=lambda row: (row["name"], str(row["container_id"])))


def safe_link(link: str | None) -> str | None:
    """A map's address, None for anything else (``javascript:`` would run)."""
    return link if link and is_map_link(link) else None
