"""The rhythm of a standing order: which of its fields go together, and what a change of some does to the others."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from dairy_app.catalogue.rules import require_whole
from dairy_app.common.errors import invalid
from dairy_app.subscriptions.rules.standing_orders import RHYTHMIC

#: The names of weekdays where quantities are given by them, Monday first.
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: ``alternate_days`` without ``interval_days``.
EVERY_OTHER_DAY = 2


def days_of(quantities: Sequence[Decimal]) -> list[int]:
    """The weekdays (0 = Monday) on which something comes."""
    return [number for number, quantity in enumerate(quantities) if quantity > 0]


def with_days(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent of a rhythm: quantities of weekdays bring their days, days alone have the default quantity.

    Raises ``validation_failed`` for quantities of which none is above 0, and for both of the two.
    """
    row = dict(fields)
    quantities = row.get("weekly_quantities")
    if quantities is None:
        if row.get("weekly_pattern") is not None:
            row["weekly_quantities"] = None
        return row
    if row.get("weekly_pattern") is not None:
        raise invalid("/weekly_quantities", "Send either weekly_quantities or weekly_pattern.")
    if not days_of(quantities):
        raise invalid("/weekly_quantities", "At least one weekday needs a quantity above 0.", "required")
    return row | {"weekly_pattern": days_of(quantities)}


def changed(known: Mapping[str, Any], fields: Mapping[str, Any], anchor: date) -> dict[str, Any]:
    """The row that comes of a change: a mode brings its own fields and drops those of the mode before.

    ``anchor``: the day that counts where every few days something comes and none is known. Raises validation_failed.
    """
    sent = with_days(fields)
    row = {**known, **sent}
    if row["mode"] != "weekly_pattern":
        for name in ("weekly_pattern", "weekly_quantities"):
            row[name] = sent.get(name)
    if row["mode"] != "alternate_days" and not {"interval_days", "anchor_date"} & set(sent):
        row["interval_days"] = row["anchor_date"] = None
    elif row["mode"] == "alternate_days":
        row["interval_days"] = row["interval_days"] or EVERY_OTHER_DAY
        row["anchor_date"] = row["anchor_date"] or anchor
    check_shape(row)
    return row


def check_shape(row: Mapping[str, Any]) -> None:
    """The table's CHECKs in words: fields that fit the mode."""
    mode = row["mode"]
    if mode != "weekly_pattern" and row.get("weekly_quantities") is not None:
        raise invalid("/weekly_quantities", "Goes with mode weekly_pattern.")
    if (mode == "weekly_pattern") != bool(row.get("weekly_pattern")):
        raise invalid("/weekly_pattern", "Goes with mode weekly_pattern, and it needs one.")
    for name in ("interval_days", "anchor_date"):
        if (mode == "alternate_days") != (row.get(name) is not None):
            raise invalid(f"/{name}", "Goes with mode alternate_days.")


def check_stop(row: Mapping[str, Any]) -> None:
    """An end comes after the start."""
    if row.get("stop_date") is not None and row["stop_date"] < row["start_date"]:
        raise invalid("/stop_date", "Cannot be before the start.")


def with_interval(row: Mapping[str, Any]) -> dict[str, Any]:
    """A new standing order: every other day, from its start on, when nothing else is said of alternate days."""
    if row["mode"] != "alternate_days":
        return dict(row)
    return {"interval_days": EVERY_OTHER_DAY, "anchor_date": row["start_date"], **row}


def check_beginning(row: Mapping[str, Any]) -> None:
    """A new standing order has the shape of its mode, an end after its start, and something to bring."""
    check_shape(row)
    check_stop(row)
    if needs_quantity(row) and not row.get("default_quantity"):
        raise invalid("/default_quantity", f"Mode {row['mode']} needs a quantity above 0.", "required")


def needs_quantity(row: Mapping[str, Any]) -> bool:
    """Whether what comes is decided by the default quantity."""
    return row["mode"] in RHYTHMIC and row.get("weekly_quantities") is None


def quantities_of(row: Mapping[str, Any]) -> dict[str, Decimal]:
    """The quantities that were said, each with where it stands in what a client sent."""
    said = {"/default_quantity": row["default_quantity"]} if row.get("default_quantity") is not None else {}
    by_day = zip(WEEKDAYS, row.get("weekly_quantities") or (), strict=False)
    return said | {f"/weekly_quantities/{name}": quantity for name, quantity in by_day}


def check_whole(unit: str, quantities: Mapping[str, Decimal]) -> None:
    """Raise ``validation_failed`` for a part of something that is sold whole."""
    for pointer, quantity in quantities.items():
        require_whole(unit, quantity, pointer)
