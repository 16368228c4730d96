"""A dairy that lives through months: the clock moves, everything happens over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from dairy_app.app import create_app
from dairy_app.common.transactions import Database
from dairy_app.settings import Settings
from tests.dairy import Dairy, ok

#: Eight in the morning in India.
MORNING = timedelta(hours=2, minutes=30)


class LivingDairy(Dairy):
    """A dairy whose days can be turned."""

    clock: Any

    def go_to(self, day: str) -> None:
        """It is now the morning of ``day``."""
        self.clock.move_to(datetime.fromisoformat(day).replace(tzinfo=UTC) + MORNING)
        self.log_in_again()

    def delivered(self, customer: Any, *items: tuple[Any, str], on: str, **fields: Any) -> Any:
        """An order for ``on``, placed and confirmed in full on that day."""
        self.go_to(on)
        order = self.order(customer, *items, on=on)
        ok(self.confirm(order, **fields))
        return ok(self.admin.get(f"/orders/{order['id']}"))

    def bill(self, period: str, **fields: Any) -> Any:
        return ok(self.admin.post("/billing/runs", {"period": period} | fields))

    def preview(self, period: str, **query: Any) -> Any:
        return ok(self.admin.get("/billing/preview", period=period, **query))

    def invoices(self, **query: Any) -> Any:
        return ok(self.admin.get("/invoices", **query))["items"]

    def invoice(self, invoice_id: str) -> Any:
        return ok(self.admin.get(f"/invoices/{invoice_id}"))


@pytest.fixture
def living(settings: Settings, database: Database) -> Iterator[LivingDairy]:
    """A named dairy on the morning of 1 October 2026."""
    with time_machine.travel(datetime(2026, 10, 1, tzinfo=UTC) + MORNING) as clock:
        dairy = LivingDairy(create_app(settings, database))
        dairy.clock = clock
        dairy.seller()
        yield dairy
