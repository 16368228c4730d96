"""A household that was registered twice, with everything that a customer can have."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from werkzeug.test import TestResponse

from dairy_app.invoices.queries.verification import all_series
from dairy_app.invoices.service.verification import verify
from tests.billing.conftest import LivingDairy, living
from tests.constraints import bare
from tests.dairy import Client, kept, ok

__all__ = ["bare", "living"]

Sql = Callable[..., Any]


@dataclass(frozen=True)
class Twice:
    """``old`` and ``new`` are one household; ``milk`` costs 60, ``curd`` 40. It is the morning of 20 November."""

    living: LivingDairy
    old: Any
    new: Any
    old_login: Client
    milk: Any
    curd: Any

    @property
    def admin(self) -> Client:
        return self.living.admin

    def merge(self, old: Any = None, new: Any = None, by: Client | None = None, **fields: Any) -> TestResponse:
        body = {"into": (new or self.new)["id"], "reason": "registered twice"} | fields
        return (by or self.admin).post(f"/customers/{(old or self.old)['id']}/merge", body)

    def preview(self, old: Any = None, new: Any = None) -> Any:
        path = f"/customers/{(old or self.old)['id']}/merge-preview"
        return ok(self.admin.get(path, into=(new or self.new)["id"]))

    def balance(self, customer: Any) -> Decimal:
        return Decimal(ok(self.admin.get(f"/customers/{customer['id']}/balance"))["balance"])

    def pay(self, customer: Any, amount: str, **fields: Any) -> Any:
        return ok(
            self.admin.post("/payments", {"customer_id": customer["id"], "amount": amount, "method": "cash"} | fields),
            201,
        )


@kept
def make_twice(living: LivingDairy) -> Twice:
    """Old had October, billed and partly paid; new begins in November, and both have drafts of it."""
    living.go_to("2026-10-05")
    living.without_cutoffs()
    milk, curd = living.product("60.00"), living.product("40.00", hsn_code="0403", unit="kg")
    old, old_login = living.customer_login(name="Asha Rao", phone="+919822000001")
    twice = Twice(living, old, {}, old_login, milk, curd)
    admin = living.admin
    ok(admin.post("/opening-balances", {"customer_id": old["id"], "as_of": "2026-10-01", "amount": "50.00"}), 201)
    ok(
        admin.put(
            f"/customers/{old['id']}/prices", {"product_id": curd["id"], "price": "35.00", "valid_from": "2026-10-01"}
        )
    )
    living.delivered(old, (milk, "3"), on="2026-10-06")
    living.delivered(old, (curd, "2"), on="2026-10-07")
    living.go_to("2026-11-01")
    living.bill("2026-10")
    (paper,) = living.invoices(customer_id=old["id"])
    twice.pay(old, "100.00", allocations=[{"invoice_id": paper["id"], "amount": "100.00"}])
    note = {"invoice_id": paper["id"], "reason": "sour milk", "lines": [{"line_no": 1, "amount": "10"}]}
    ok(admin.post("/credit-notes", note), 201)
    ok(admin.post("/write-offs", {"customer_id": old["id"], "amount": "5.00", "reason": "rounding"}), 201)
    living.delivered(old, (milk, "1"), on="2026-11-03")
    adjustment = {"customer_id": old["id"], "kind": "charge", "description": "A lost can", "amount": "25.00"}
    ok(admin.post("/adjustments", adjustment | {"adjusted_on": "2026-11-03", "reason": "lost"}), 201)
    new = living.customer(name="A. Rao", phone="+919822000002", login=False)
    living.delivered(new, (milk, "2"), on="2026-11-04")
    living.delivered(old, (milk, "2"), on="2026-11-05")
    living.go_to("2026-11-20")
    living.subscription(old, milk, "1")
    living.order(old, (curd, "1"), on="2026-11-25")
    twice.pay(new, "30.00")
    return Twice(living, old, new, old_login, milk, curd)


@pytest.fixture
def twice(living: LivingDairy) -> Twice:
    made = make_twice(living)
    living.go_to("2026-11-20")
    return made


@pytest.fixture
def findings(living: LivingDairy) -> Callable[[], list[str]]:
    """``findings()``: what ``dairy verify-invoices`` would find wrong."""

    def read() -> list[str]:
        with living.app.database.transaction(read_only=True, snapshot=True) as session:
            return [
                f"{each.number}: {each.code}"
                for series in all_series(session)
                for _, found in verify(session, series)
                for each in found
            ]

    return read
