"""Standing orders of every generation, and the documents beside them, as rows to stage.

The generations: native (``mode``, snake case), approved requests (camel case, one day), the seed's (no mode), and in
the older collection the customers' own (``pattern``), the first engine's (``pause_dates``, no product) and the
seed's (``frequency`` and names of days). Where both spellings stand, snake case wins.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from dairy_app.legacy_import import rules
from dairy_app.legacy_import.shaping.rows import EntryRow, SideRow, SubscriptionRow
from dairy_app.legacy_import.shaping.staged import Document, Notes, cut, first, identity_of

STATUSES = frozenset({"draft", "active", "paused", "stopped"})
_STATUS_WORDS = {"inactive": "stopped", "cancelled": "stopped", "canceled": "stopped", "true": "active"}
#: The earlier words for how a quantity repeats, in the words of here.
MODES = {
    "fixed_daily": "fixed_daily", "daily": "fixed_daily", "everyday": "fixed_daily",
    "weekly_pattern": "weekly_pattern", "custom_days": "weekly_pattern", "custom": "weekly_pattern",
    "weekly": "weekly", "alternate_days": "alternate_days", "alternate": "alternate_days",
    "alternate_day": "alternate_days", "day_by_day": "day_by_day", "irregular": "irregular", "one_time": "one_time",
}  # fmt: skip
#: Those by which the earlier engine delivered; by all other words it delivered nothing.
_KNOWN_THERE = frozenset({"fixed_daily", "weekly_pattern", "day_by_day", "irregular", "one_time"})
_WEEKDAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
_EVERY_DAY = [str(number) for number in range(7)]

#: A quantity or a shift of one day, or a pause of one day or a range, before its document is known.
Entry = dict[str, Any]


def subscription(
    collection: str, line: int, document: Document, zone: tzinfo
) -> tuple[SubscriptionRow, list[EntryRow]]:
    """A standing order and what it says about some days.

    Pauses, overrides and quantities that cannot be read put the whole document into quarantine: without them it
    would deliver what somebody called off.
    """
    notes = Notes()
    entries = [
        EntryRow(subscription_line=line, place=place, **entry)
        for place, entry in enumerate(_entries(document, zone, notes))
    ]
    status, auto_start = _status(document, notes)
    if status == "paused" and first(document, "pause_start", "pauseStart") is not None:
        status = "active"  # its pause has days, so it ends by itself
    quantity = _quantity(document, notes)
    timing = _timing(document, zone, notes)
    if timing["mode"] == "one_time":
        timing |= _once(timing, status, notes)
    if timing.pop("is_unclear", False):
        status = "draft"
    shift, in_both = _shift(document.get("shift"), notes)
    created_at = rules.instant(first(document, "created_at", "createdAt"), zone)
    row = SubscriptionRow(
        **identity_of(collection, line, document),
        customer_ref=rules.reference(first(document, "customer_id", "customerId", "user_id", "userId")),
        product_key=rules.reference(first(document, "product_id", "productId")),
        quantity=quantity,
        **timing,
        shift=shift,
        in_both_shifts=in_both,
        price=_price(first(document, "price_per_unit", "pricePerUnit", "price"), notes),
        status=status,
        auto_start=auto_start,
        change_reason=cut(first(document, "stop_reason", "stopReason", "pause_reason"), 500),
        created_at=created_at,
        changed_at=rules.instant(first(document, "updated_at", "updatedAt"), zone) or created_at,
        **notes.of(document),
    )
    if row.product_key is None and row.reason is None:
        row = row._replace(reason="no_product", detail="it names no product")
    return row, entries


def _status(document: Document, notes: Notes) -> tuple[str | None, bool]:
    written = rules.fold(document.get("status"))
    switch = first(document, "is_active", "isActive")
    status = _STATUS_WORDS.get(written, written) if written else None
    if status is None:
        status = "active" if rules.is_true(switch) else "draft" if switch is None else "stopped"
    elif status not in STATUSES:
        notes.refuse("status_unknown", document.get("status"))
    elif status == "active" and switch is False:
        notes.remark("switched_off")
        status = "stopped"
    return status, first(document, "auto_start", "autoStart") is not False


def _quantity(document: Document, notes: Notes) -> Decimal:
    one_time = rules.fold(document.get("mode")) == "one_time"
    names = ("default_qty", "default_quantity", "defaultQty", "defaultQuantity")
    written = first(document, "quantity", *names) if one_time else first(document, *names, "quantity")
    read = rules.quantity(written)
    if written is None:
        return Decimal(0)
    if len({rules.quantity(document.get(name)) for name in ("quantity", *names)} - {None, Decimal(0)}) > 1:
        notes.remark("spellings_contradict")
    if read is None:
        notes.refuse("quantity_unreadable", written)
    elif read < 0:
        notes.refuse("quantity_negative", written)
    return max(read or Decimal(0), Decimal(0))


def _price(written: Any, notes: Notes) -> Decimal | None:
    """The price quoted; none or 0 leaves it to the price list."""
    if written is None or written == "":
        return None
    price = rules.money(written)
    if price is None:
        notes.refuse("price_unreadable", written)
    elif price < 0:
        notes.refuse("price_negative", written)
    elif price == 0:
        notes.remark("price_from_list")
        return None
    return price


def _shift(written: Any, notes: Notes) -> tuple[str, bool]:
    shift = rules.fold(written)
    if shift in ("both", "all"):
        notes.remark("shift_both")
        return "morning", True
    if shift not in ("morning", "evening", None):
        notes.remark("shift_unknown")
    return ("evening" if shift == "evening" else "morning"), False


def _timing(document: Document, zone: tzinfo, notes: Notes) -> dict[str, Any]:
    """Mode, weekdays, interval and the first and the stop day."""
    written = first(document, "mode", "pattern", "frequency")
    mode = MODES.get(rules.fold(written) or "")
    weekdays = first(document, "weekly_pattern", "weeklyPattern", "custom_days", "customDays", "delivery_days")
    start = _day_of(document, zone, notes, "start_date", "startDate")
    end = _day_of(document, zone, notes, "end_date", "endDate")
    stop = _day_of(document, zone, notes, "stop_date", "stopDate")
    timing: dict[str, Any] = {"mode": mode, "weekly_pattern": None, "interval_days": None, "anchor_date": None}
    timing |= {"start_date": start, "stop_date": stop or (end + timedelta(1) if end else None), "order_date": None}
    if start and ((stop and stop < start) or (end and end < start)):
        notes.refuse("dates_contradictory", f"{start} to {stop or end}")
    if written is None:
        # The first engine knew only a quantity a day; the seed's documents deliver nothing, as they always did.
        timing["mode"] = "fixed_daily"
        if "pause_dates" not in document:
            notes.remark("mode_missing")
            timing["is_unclear"] = True
    elif mode is None:
        notes.refuse("mode_unknown", written)
    elif mode == "weekly_pattern" or (mode == "fixed_daily" and document.get("delivery_days")):
        if written == "fixed_daily":
            notes.remark("daily_on_weekdays")
        timing |= _weekly(weekdays, notes)
    elif mode in ("weekly", "alternate_days"):
        timing |= _counted(mode, weekdays, start, notes)
    if mode is not None and written not in _KNOWN_THERE:
        notes.remark("delivers_from_now_on")
    return timing


def _weekly(written: Any, notes: Notes) -> dict[str, Any]:
    if not written:
        notes.remark("pattern_empty")
        return {"mode": "day_by_day"}
    days = [_weekday(each) for each in written] if isinstance(written, list) else [None]
    if None in days:
        notes.refuse("pattern_unreadable", written)
    elif not all(isinstance(each, int | float) for each in written):
        notes.remark("weekdays_by_name")
    found = sorted({day for day in days if day is not None})
    if found == _EVERY_DAY:
        return {"mode": "fixed_daily"}
    return {"mode": "weekly_pattern", "weekly_pattern": found}


def _counted(mode: str, weekdays: Any, start: date | None, notes: Notes) -> dict[str, Any]:
    """Once a week on the weekday of the start, or every other day from the start."""
    if mode == "weekly" and weekdays:
        return _weekly(weekdays, notes)
    if start is None:
        notes.refuse("start_missing")
        return {}
    if mode == "weekly":
        return {"mode": "weekly_pattern", "weekly_pattern": [str(start.weekday())]}
    return {"interval_days": 2, "anchor_date": start}


def _weekday(written: Any) -> str | None:
    number = rules.number(written)
    if number is not None and number in range(7):
        return str(int(number))
    named = _WEEKDAYS.get((rules.fold(written) or "")[:3])
    return None if named is None else str(named)


def _once(timing: dict[str, Any], status: str | None, notes: Notes) -> dict[str, Any]:
    """A one-time delivery: an order of its day; of several days, or not to be delivered, a daily one of those days.

    Without both days the earlier system delivers nothing, so here it waits for entries.
    """
    start, stop = timing["start_date"], timing["stop_date"]
    if start is None or stop is None:
        notes.remark("one_time_without_dates")
        return {"mode": "irregular"}
    single = status == "active" and stop == start + timedelta(1)
    return {"mode": "fixed_daily", "order_date": start if single else None}


def _day_of(document: Document, zone: tzinfo, notes: Notes, *names: str) -> date | None:
    written = first(document, *names)
    if written is None or written == "":
        return None
    read = rules.day(written, zone)
    if read is None:
        notes.refuse("date_unreadable", written)
    return read


def _entries(document: Document, zone: tzinfo, notes: Notes) -> Iterator[Entry]:
    """In the order in which the earlier engine looks: its first entry of a day counts."""
    for name, irregular in (
        ("irregular_list", True), ("irregularList", True),
        ("day_overrides", False), ("dayOverrides", False), ("overrides", False),
    ):  # fmt: skip
        for found in _parts(document, name, notes):
            yield from _quantity_entry(found, irregular, zone, notes)
    for name in ("shift_overrides", "shiftOverrides"):
        for found in _parts(document, name, notes):
            shift = rules.fold(found.get("shift")) if isinstance(found, Mapping) else None
            day = rules.day(found.get("date"), zone) if isinstance(found, Mapping) else None
            if day is None or shift not in ("morning", "evening", "both"):
                notes.refuse("override_unreadable", found)
            elif shift != "both":
                yield _entry("shift", day, shift=shift)
    for name in ("pause_intervals", "pauseIntervals", "pauses", "pause_dates", "pauseDates"):
        for found in _parts(document, name, notes):
            yield from _pause(found, zone, notes)
    start = first(document, "pause_start", "pauseStart")
    if start is not None:
        yield from _pause({"start": start, "end": first(document, "pause_end", "pauseEnd")}, zone, notes)


def _parts(document: Document, name: str, notes: Notes) -> list[Any]:
    found = document.get(name)
    if found is None or isinstance(found, list):
        return found or []
    notes.refuse("pause_unreadable" if name.startswith("pause") else "override_unreadable", found)
    return []


def _entry(kind: str, day: date, **known: Any) -> Entry:
    nothing = {"last_day": day, "quantity": None, "shift": None, "is_irregular": False, "note": None}
    return {"kind": kind, "first_day": day} | nothing | known


def _quantity_entry(found: Any, irregular: bool, zone: tzinfo, notes: Notes) -> Iterator[Entry]:
    day = rules.day(found.get("date"), zone) if isinstance(found, Mapping) else None
    written = first(found, "quantity", "qty") if isinstance(found, Mapping) else None
    if day is None:
        notes.refuse("override_unreadable", found)
    elif written is None:
        notes.remark("override_without_quantity")
    else:
        quantity = rules.quantity(written)
        if quantity is None or quantity < 0:
            notes.refuse("override_unreadable", found)
        else:
            note = cut(first(found, "note", "notes", "reason"), 500)
            yield _entry("quantity", day, quantity=quantity, is_irregular=irregular, note=note)


def _pause(found: Any, zone: tzinfo, notes: Notes) -> Iterator[Entry]:
    """``{start, end}``, ``{start_date, end_date, reason}``, camel case, or a day alone; both ends are paused."""
    if not isinstance(found, Mapping):
        found = {"start": found, "end": found}
    begin = rules.day(first(found, "start", "start_date", "startDate", "date", "from"), zone)
    written = first(found, "end", "end_date", "endDate", "to")
    if "date" in found and written is None:
        written = found["date"]
    end = rules.day(written, zone)
    if begin is None or (end is None and written not in (None, "")):
        notes.refuse("pause_unreadable", found)
    elif end is not None and end < begin:
        notes.remark("pause_reversed")
    else:
        yield _entry("pause", begin, last_day=end, note=cut(found.get("reason"), 500))


#: What each collection beside the standing orders says.
SIDE_KINDS = {
    "day_overrides": "quantity",
    "irregular_deliveries": "extra",
    "delivery_pauses": "pause",
    "shift_overrides": "shift",
    "delivery_stops": "done",
}


def side(collection: str, line: int, document: Document, zone: tzinfo) -> SideRow:
    """A change of one day that is beside its standing order; these were written in UTC.

    An adjustment of one day is such a change. One until further notice, like a stop, was carried out in the standing
    order itself, so it is only a log of it.
    """
    notes = Notes()
    kind = SIDE_KINDS.get(collection)
    if kind is None:
        kind = "quantity" if rules.fold(document.get("adjustment_type")) == "this_day_only" else "done"
    written = first(document, "quantity", "new_quantity", "newQuantity")
    quantity = rules.quantity(written)
    day = rules.day(first(document, "date", "delivery_date", "deliveryDate"), zone)
    shift = rules.fold(document.get("shift"))
    if kind != "done" and day is None:
        notes.refuse("date_unreadable", document.get("date"))
    if kind in ("quantity", "extra") and (quantity is None or quantity < 0):
        notes.refuse("quantity_unreadable" if quantity is None else "quantity_negative", written)
    if kind == "shift" and shift not in ("morning", "evening"):
        notes.refuse("shift_unknown", document.get("shift"))
    local = collection == "delivery_adjustments"
    changed = first(document, "updated_at", "updatedAt", "adjusted_at", "created_at", "createdAt")
    return SideRow(
        **identity_of(collection, line, document),
        kind=kind,
        subscription_key=rules.reference(first(document, "subscription_id", "subscriptionId")),
        customer_ref=rules.reference(first(document, "customer_id", "customerId")),
        product_key=rules.reference(first(document, "product_id", "productId")),
        day=day,
        quantity=quantity,
        shift=shift if shift in ("morning", "evening") else None,
        note=cut(first(document, "reason", "note", "notes"), 500),
        written_at=rules.instant(changed, zone if local else UTC),
        **notes.of(document),
    )
