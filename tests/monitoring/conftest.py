"""A small dairy with one of everything that the reports and figures look at."""

from typing import Any

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.billing.test_credit_notes import credit
from tests.dairy import kept, ok

__all__ = ["living"]


@kept
def one_of_each(living: LivingDairy) -> Any:
    """An October invoice, partly paid and credited; November's draft; an open order; a standing order."""
    milk = living.product("60.00")
    customer, other = living.customer(email="a@b.example"), living.customer()
    ok(living.confirm(living.order(customer, (milk, "3"))))
    living.go_to("2026-11-01")
    living.bill("2026-10")
    paper = living.invoices()[0]
    allocations = [{"invoice_id": paper["id"], "amount": "100.00"}]
    paid = {"customer_id": customer["id"], "amount": "150.00", "method": "cash", "allocations": allocations}
    ok(living.admin.post("/payments", paid), 201)
    ok(credit(living, paper, {"line_no": 1, "amount": "10"}), 201)
    more = {"invoice_id": paper["id"], "reason": "old price", "lines": [{"line_no": 1, "amount": "5"}]}
    ok(living.admin.post("/debit-notes", more), 201)
    ok(living.confirm(living.order(customer, (milk, "2"))))
    living.order(other, (milk, "1"))
    standing = {
        "customer_id": other["id"],
        "product_id": milk["id"],
        "mode": "fixed_daily",
        "default_quantity": "1",
        "start_date": "2026-11-01",
    }
    ok(living.admin.post("/subscriptions", standing), 201)
    return paper


@pytest.fixture
def filled(living: LivingDairy) -> LivingDairy:
    living.go_to("2026-10-05")
    one_of_each(living)
    living.go_to("2026-11-01")
    return living
