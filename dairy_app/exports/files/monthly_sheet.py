"""The month's grid as a workbook, like the sheet of the earlier system: a row per customer, product and price."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from dairy_app.billing.service.monthly_view import PAYMENT_FIELDS, month_days, monthly_view
from dairy_app.business.queries import today
from dairy_app.exports.files.streams import Abandoned, Progress, Take
from dairy_app.exports.files.workbooks import MADE, begin, hand_over

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
        """Make the file aside, then hand it to ``take``; returns the number of customers."""
        with tempfile.TemporaryFile() as file:
            workbook = begin(file)
            workbook.set_properties({"created": MADE, "title": f"Deliveries {self.period}"})
            sheet = _Grid(workbook, self.period, self.with_payments)
            count = 0
            for count, customer in enumerate(self._customers(session, take), 1):
                sheet.write(customer)
                if progress:
                    progress(count)
            workbook.close()
            hand_over(file, take)
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

    def __init__(self, workbook: Any, period: str, with_payments: bool) -> None:
        self._days = [day.isoformat() for day in month_days(period)]
        self._money = {name: key for name, key in MONEY.items() if with_payments or key not in PAYMENT_FIELDS}
        self._text = workbook.add_format({"num_format": "@"})
        self._quantity = workbook.add_format({"num_format": "0.###"})
        self._rupees = workbook.add_format({"num_format": "0.00"})
        self._bold = workbook.add_format({"bold": True})
        self._sheet = workbook.add_worksheet(period)
        self._sheet.freeze_panes(1, len(WHO))
        headings = [
            *WHO,
            *(str(date.fromisoformat(day).day) for day in self._days),
            *WEEKS,
            "Total",
            "Amount",
            *self._money,
        ]
        for place, heading in enumerate(headings):
            self._sheet.set_column(
                place, place, 22 if heading in ("Name", "Product") else 5 if heading.isdigit() else 12
            )
            self._sheet.write_string(0, place, heading, self._bold)
        self._row = 0

    def write(self, customer: Any) -> None:
        for place, product in enumerate(customer["products"] or [None]):
            self._row += 1
            self._column = 0
            for key in ("code", "name", "phone", "area"):
                self._write(customer[key], self._text)
            self._write_product(product)
            if place == 0:
                for key in self._money.values():
                    self._write(customer[key], self._rupees)

    def _write_product(self, product: Any) -> None:
        if product is None:
            self._column += len(WHO) - 4 + len(self._days) + len(WEEKS) + 2
            return
        self._write(product["name"], self._text)
        self._write(product["unit"], self._text)
        self._write(product["unit_price"], self._rupees)
        for day in self._days:
            self._write(product["daily_quantities"].get(day), self._quantity)
        for week in WEEKS:
            self._write((product["week_totals"] or {}).get(week), self._quantity)
        self._write(product["total_quantity"], self._quantity)
        self._write(product["total_amount"], self._rupees)

    def _write(self, value: Any, form: Any) -> None:
        if isinstance(value, str):
            self._sheet.write_string(self._row, self._column, value, self._text)
        elif value is not None:
            self._sheet.write_number(self._row, self._column, Decimal(value), form)
        self._column += 1
