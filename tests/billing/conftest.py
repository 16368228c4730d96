"""A dairy that lives through months: the clock moves, everything happens over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from dairy_app.web.http import DairyFlask
from tests.dairy import Dairy, kept, ok
from tests.worker_database import WorkerDatabase

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
        return self._delivered(customer, *items, on=on, **fields)

    @kept
    def _delivered(self, customer: Any, *items: tuple[Any, str], on: str, **fields: Any) -> Any:
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
def living(app: DairyFlask, worker_database: WorkerDatabase) -> Iterator[LivingDairy]:
    """A named dairy on the morning of 1 October 2026."""
    with time_machine.travel(datetime(2026, 10, 1, tzinfo=UTC) + MORNING, tick=False) as clock:
        dairy = LivingDairy(app, worker_database)
        dairy.clock = clock
        dairy.seller()
        yield dairy
