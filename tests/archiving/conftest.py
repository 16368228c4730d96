"""A dairy that has two months behind it, billed and closed, and works on in the next year."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from dairy_app.archiving import service
from tests.billing.conftest import LivingDairy, living
from tests.constraints import bare
from tests.dairy import Client, kept, ok

__all__ = ["bare", "living"]

NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
TABLES = ("orders", "order_items", "delivery_statuses")


@dataclass(frozen=True)
class Old:
    """Asha had October and November, everything that can happen to an order; Bela pays for herself, and for Chitra."""

    living: LivingDairy
    asha: Any
    bela: Any
    chitra: Any
    milk: Any
    curd: Any

    @property
    def admin(self) -> Client:
        return self.living.admin

    def archive(self, before: date = NOVEMBER) -> list[service.Moved]:
        return service.archive(self.living.app.database, before)

    def bring_back(self, first: date) -> list[service.Moved]:
        return service.bring_back(self.living.app.database, first)

    def changed(self) -> list[date]:
        """The days that are not what was archived of them."""
        return service.verify(self.living.app.database)

    def sql(self, statement: str, **given: Any) -> list[Any]:
        """Rows of a statement."""
        with self.living.app.database.transaction() as session:
            found = session.execute(text(statement), given)
            return [tuple(row) for row in found] if found.returns_rows else []

    def rows(self) -> dict[str, list[Any]]:
        """Everything in the tables of the daily work and of the archive, as text."""
        names = [*TABLES, *(f"archived_{name}" for name in TABLES)]
        return {name: sorted(row[0] for row in self.sql(f"SELECT to_jsonb(t)::text FROM {name} t")) for name in names}

    def paper(self, customer: Any, period: str = "2026-10") -> Any:
        (found,) = self.living.invoices(customer_id=customer["id"], period=period, status="issued")
        return found


@kept
def make_old(living: LivingDairy) -> Old:
    """What every test begins with."""
    living.go_to("2026-10-05")
    living.without_cutoffs()
    milk, curd = living.product("60.00"), living.product("40.00", hsn_code="0403", unit="kg")
    asha = living.customer(name="Asha Rao")
    bela, chitra = living.customer(name="Bela Shah"), living.customer(name="Chitra Shah")
    ok(living.admin.patch(f"/customers/{chitra['id']}", {"billed_to": bela["id"]}))
    living.delivered(asha, (milk, "3"), (curd, "1"), on="2026-10-06")
    living.delivered(bela, (milk, "2"), on="2026-10-06")
    living.delivered(chitra, (milk, "1"), on="2026-10-07")
    living.go_to("2026-10-08")
    short = living.order(asha, (milk, "4"))
    said = [{"product_id": milk["id"], "delivered_quantity": "2.5"}]
    ok(living.confirm(short, items=said))
    ok(living.confirm(living.order(bela, (milk, "1")), status="not_delivered", reason_code="door_locked"))
    gone = living.order(asha, (curd, "2"), on="2026-10-12")
    ok(living.admin.post(f"/orders/{gone['id']}/cancel", {"reason": "away"}))
    living.go_to("2026-11-01")
    living.bill("2026-10")
    ok(living.admin.patch(f"/customers/{asha['id']}", {"area": "Baner"}))
    living.delivered(asha, (milk, "1"), on="2026-11-03")
    living.go_to("2026-12-01")
    living.bill("2026-11", confirm=True)
    living.go_to("2027-02-01")
    living.delivered(asha, (milk, "1"), on="2027-02-01")
    return Old(living, asha, bela, chitra, milk, curd)


@pytest.fixture
def old(living: LivingDairy) -> Old:
    made = make_old(living)
    living.go_to("2027-02-02")
    return made


@pytest.fixture
def closed(old: Old) -> Old:
    """The books are closed through November."""
    ok(old.admin.patch("/settings", {"books_closed_through": "2026-11-30"}))
    return old
