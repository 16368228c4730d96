"""An October that was delivered and billed over HTTP, with names that try to break a CSV."""

import csv
import io
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.dairy import Client, Dairy, ok

KOLKATA = ZoneInfo("Asia/Kolkata")
OCTOBER = datetime(2026, 10, 20, 9, 0, tzinfo=KOLKATA)
NOVEMBER = datetime(2026, 11, 5, 9, 0, tzinfo=KOLKATA)

FORMULA = '=HYPERLINK("http://evil.example","Bill")'
PHONE = "+919812345678"
QUOTED = 'Ravi "Dada" Patil, Kothrud'
DEVANAGARI = "श्रीमती सुनीता देशपांडे"


@dataclass
class Books:
    """A billed October: ``customers`` by the kind of name they have."""

    dairy: Dairy
    clock: Any
    customers: dict[str, Any] = field(default_factory=dict)
    products: list[Any] = field(default_factory=list)

    def travel(self, moment: datetime) -> None:
        """Move the clock and log in again: access tokens do not live that long."""
        self.clock.move_to(moment)
        self.dairy.admin = self.dairy.login("admin@dairy.example")

    def deliver(self, customer: Any, *items: tuple[Any, str]) -> None:
        """Order for today, and confirm."""
        ok(self.dairy.confirm(self.dairy.order(customer, *items)))

    def bill(self, period: str = "2026-10") -> Any:
        return ok(self.dairy.admin.post("/billing/runs", {"period": period, "confirm": True}))

    def csv(self, profile: str, by: Client | None = None, **query: Any) -> list[dict[str, str]]:
        """The rows of an export, read as Excel's dialect."""
        return rows_of(self.download(profile, by, **query))

    def download(self, profile: str, by: Client | None = None, **query: Any) -> bytes:
        answer = (by or self.dairy.admin).get(f"/exports/{profile}.csv", **(query or {"period": "2026-10"}))
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_data()


def rows_of(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), dialect="excel", strict=True))


def fill(made: Books) -> tuple[dict[str, Any], list[Any]]:
    """Order, deliver and bill; the customers and the products of it."""
    dairy = made.dairy
    dairy.seller(gstin="27AAPFU0939F1ZV", due_days=10)
    milk = dairy.product("60.00", name="Cow milk", hsn_code="0401")
    ghee = dairy.product("550.00", name="Cow ghee", unit="kg", hsn_code="0405", is_packed=True)
    made.products = [milk, ghee]
    names = {"formula": FORMULA, "phone": PHONE, "quoted": QUOTED, "devanagari": DEVANAGARI, "plain": "-5 Off Ltd"}
    for kind, name in names.items():
        made.customers[kind] = dairy.customer(name=name, pincode="411038", state_code="27")
    for customer in made.customers.values():
        made.deliver(customer, (milk, "1.5"), (ghee, "0.25"))
    made.travel(OCTOBER + timedelta(days=1))
    for customer in made.customers.values():
        made.deliver(customer, (milk, "2"))
    made.travel(NOVEMBER)
    run = made.bill()
    assert (run["invoices_issued"], run["skipped"]) == (5, [])
    return made.customers, made.products
