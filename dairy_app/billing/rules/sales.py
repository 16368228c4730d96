"""What was sold: which months are compared, and the sums of a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dairy_app.invoices.rules import month_shifted, months_within

#: What a row of sales is about.
GROUPINGS = ("product", "area", "month", "customer")
#: Of the months asked for, of as many before them, and of the same months a year before.
COMPARED = ("sales", "sales_before", "sales_year_before")
#: What a document did with goods: an invoice billed them, a credit note took them back, a draft waits.
STATES = ("billed", "credited", "unbilled")
_SIGN = {"billed": 1, "credited": -1, "unbilled": 1}


@dataclass(frozen=True, slots=True)
class Span:
    """Months whose sales are one figure: the first days of the first and the last.

    ``period``: the row, when there is one for each month; else empty.
    """

    period: str
    compared: str
    first: date
    last: date


def spans_of(first: date, last: date, by: str) -> list[Span]:
    """What to sum up for the months from ``first`` to ``last``; by month each of them is compared for itself."""
    months = months_within(first, last)
    parts = [[month] for month in months] if by == "month" else [months]
    found = []
    for part in parts:
        period = f"{part[0]:%Y-%m}" if by == "month" else ""
        for compared, back in zip(COMPARED, (0, len(part), 12), strict=True):
            found.append(Span(period, compared, month_shifted(part[0], -back), month_shifted(part[-1], -back)))
    return found


def sales_of(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums of some parts, each of one unit, one state, and one-time or not.

    Quantities of different units are never added up; what was credited is taken off, also of the quantity.
    """
    quantities: dict[str, Decimal] = {}
    amounts = {state: {"before_tax": Decimal(0), "with_tax": Decimal(0)} for state in (*STATES, "net")}
    one_time = {"billed": Decimal(0), "unbilled": Decimal(0)}
    for part in parts:
        sign = _SIGN[part["state"]]
        if part["unit"] is not None:
            quantities[part["unit"]] = quantities.get(part["unit"], Decimal(0)) + sign * part["quantity"]
        for name in ("before_tax", "with_tax"):
            amounts[part["state"]][name] += part[name]
            amounts["net"][name] += sign * part[name]
        if part["is_one_time"]:
            one_time["unbilled" if part["state"] == "unbilled" else "billed"] += sign * part["with_tax"]
    listed = [{"unit": unit, "quantity": quantities[unit]} for unit in sorted(quantities)]
    return {"quantities": listed, **amounts, "one_time": one_time}


def table_of(found: Sequence[Mapping[str, Any]], spans: Sequence[Span]) -> dict[str, Any]:
    """Rows and totals of what ``queries.sales`` found: parts by place, those without one being of all rows.

    By month there is a row for each, also when nothing was sold.
    """
    rows: dict[Any, dict[str, Any]] = {
        (span.period, None): {"period": span.period, "id": None, "code": None, "name": None}
        for span in spans
        if span.period
    }
    parts: dict[Any, list[Mapping[str, Any]]] = {}
    for part in found:
        place = None if part["place"] is None else (part["period"], part["id"])
        if place is not None:
            rows.setdefault(
                place, {"period": part["period"] or None, **{name: part[name] for name in ("id", "code", "name")}}
            )
        parts.setdefault((place, part["compared"]), []).append(part)
    items = [
        row | {compared: sales_of(parts.get((place, compared), [])) for compared in COMPARED}
        for place, row in rows.items()
    ]
    totals = {compared: sales_of(parts.get((None, compared), [])) for compared in COMPARED}
    counted = max((part["rows"] for part in found if part["rows"]), default=0)
    return {"items": items, "totals": totals, "rows": max(counted, len(items))}
