"""The month's grid as a workbook, like the sheet of the earlier system: a row per customer, product and price."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from dairy_app.billing.service.monthly_view import PAYMENT_FIELDS, month_days, monthly_view
from dairy_app.business.queries import today
from dairy_app.exports.files.spreadsheets import Spreadsheet, Style, number_cell, spreadsheet, text_cell
from dairy_app.exports.files.streams import Abandoned, Progress, Take

#: Customers read at a time.
PAGE = 200
WEEKS = ("W1", "W2", "W3", "W4", "W5")
WHO = ("Code", "Name", "Phone", "Area", "Product", "Unit", "Price")

#: Heading → key of a customer's row; they are on its first row only, so that a column can be added up.
MONEY = {
    "Bill": "bill",
    "Paid": "paid",
    "Other entries": "other_entries",
    "Previous balance": "previous_balance",
    "Current balance": "current_balance",
    "Status": "payment_status",
}


@dataclass(frozen=True, slots=True)
class MonthlySheet:
    """The grid of a month ``YYYY-MM``; ``filters`` are those of ``monthly_view``. Without payments for some."""

    period: str
    filters: dict[str, Any] = field(default_factory=dict)
    with_payments: bool = True

    def copy(self, session: Session, take: Take, progress: Progress | None = None) -> int:
        """Hand the file to ``take`` while the customers are read; returns their number."""
        with spreadsheet(take, f"Deliveries {self.period}") as book:
            sheet = _Grid(book, self.period, self.with_payments)
            count = 0
            for count, customer in enumerate(self._customers(session, take), 1):
                sheet.write(customer)
                if progress:
                    progress(count)
        return count

    def _customers(self, session: Session, take: Take) -> Iterator[Any]:
        day, after = today(session), ""
        while True:
            if take(b"") is False:
                raise Abandoned
            rows = monthly_view(session, self.period, today=day, after=after, limit=PAGE, **self.filters)
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1]["code"]


class _Grid:
    """The sheet while it is written, row by row."""

    def __init__(self, book: Spreadsheet, period: str, with_payments: bool) -> None:
        self._book = book
        self._days = [day.isoformat() for day in month_days(period)]
        self._money = {name: key for name, key in MONEY.items() if with_payments or key not in PAYMENT_FIELDS}
        headings = [
            *WHO,
            *(str(date.fromisoformat(day).day) for day in self._days),
            *WEEKS,
            "Total",
            "Amount",
            *self._money,
        ]
        widths = [22 if heading in ("Name", "Product") else 5 if heading.isdigit() else 12 for heading in headings]
        book.begin(period, headings, widths, frozen=len(WHO))

    def write(self, customer: Any) -> None:
        who = [_cell(customer[key], Style.TEXT) for key in ("code", "name", "phone", "area")]
        money = [_cell(customer[key], Style.MONEY) for key in self._money.values()]
        for product in customer["products"] or [None]:
            self._book.add([*who, *self._product(product), *money])
            money = [b""] * len(money)

    def _product(self, product: Any) -> Iterator[bytes]:
        if product is None:
            yield from [b""] * (len(WHO) - 4 + len(self._days) + len(WEEKS) + 2)
            return
        yield _cell(product["name"], Style.TEXT)
        yield _cell(product["unit"], Style.TEXT)
        yield _cell(product["unit_price"], Style.MONEY)
        for day in self._days:
            yield _cell(product["daily_quantities"].get(day), Style.QUANTITY)
        for week in WEEKS:
            yield _cell((product["week_totals"] or {}).get(week), Style.QUANTITY)
        yield _cell(product["total_quantity"], Style.QUANTITY)
        yield _cell(product["total_amount"], Style.MONEY)


def _cell(value: Any, style: Style) -> bytes:
    if value is None:
        return b""
    return text_cell(value) if isinstance(value, str) else number_cell(value, style)
