"""The deliveries of a month, day by day: a row a day when there are few kinds of goods, else a row a delivery."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dairy_app.common.words import Words
from dairy_app.documents.drawing.document import Delivery
from dairy_app.documents.rules import indian

#: So many kinds of goods have a column each in half of a sheet's width.
MOST_COLUMNS = 3
DAY, AMOUNT = 40.0, 48.0


@dataclass(frozen=True, slots=True)
class DaysTable:
    """Cells, and for each column its width in points and on which side its text stands."""

    columns: Sequence[tuple[float, str]]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def days_table(deliveries: Sequence[Delivery], t: Words, width: float) -> DaysTable:
    """The table in a column of ``width`` points."""
    goods = list(dict.fromkeys((row.goods, row.unit) for row in deliveries))
    if len(goods) > MOST_COLUMNS:
        return _by_delivery(deliveries, t, width)
    quantities: dict[tuple[date, tuple[str, str]], Decimal] = {}
    amounts: dict[date, Decimal] = {}
    for row in deliveries:
        key = (row.day, (row.goods, row.unit))
        quantities[key] = quantities.get(key, Decimal(0)) + row.quantity
        amounts[row.day] = amounts.get(row.day, Decimal(0)) + row.amount
    each = (width - DAY - AMOUNT) / len(goods)
    cells = [
        [
            _day(t, day),
            *(t.quantity(quantities[day, kind], kind[1]) if (day, kind) in quantities else "" for kind in goods),
            indian(amount),
        ]
        for day, amount in amounts.items()
    ]
    return DaysTable(
        [(DAY, "left"), *((each, "right") for _ in goods), (AMOUNT, "right")],
        [t("delivered_on"), *(name for name, _ in goods), t("amount")],
        cells,
    )


def _by_delivery(deliveries: Sequence[Delivery], t: Words, width: float) -> DaysTable:
    quantity = 58.0
    days = [None, *(row.day for row in deliveries)]
    return DaysTable(
        [(DAY, "left"), (width - DAY - quantity - AMOUNT, "left"), (quantity, "right"), (AMOUNT, "right")],
        [t("delivered_on"), t("goods"), t("quantity"), t("amount")],
        [
            [_day(t, row.day) if row.day != before else "", row.goods, t.quantity(row.quantity, row.unit),
             indian(row.amount)]
            for row, before in zip(deliveries, days, strict=False)
        ],
    )  # fmt: skip


def _day(t: Words, day: date) -> str:
    return f"{day.day} {t.month(day)}"
